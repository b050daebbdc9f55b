import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { headerLabel, recoverSign1, signRecoverably } from "@sealane/cose";
import { type SigningKey, type Suite, suiteNamed, suites } from "@sealane/crypto";
import { credentialOf, equalCredentials } from "@sealane/pki";
import { certify, externalAadOf, makeAuthority, makePair, makeParty, withBody } from "@sealane/testkit";
import { type CborMap, type CborValue, encode } from "@sealane/wire";
import { signerIn } from "../../src/attached-signature.ts";
import { acceptMessage, type CertifiedKey, decodeMessage, mainSigning } from "../../src/index.ts";
import { ownSigning } from "../../src/parties.ts";
import { codeOf } from "../codes.ts";
import { payloadOf, signedBy } from "../mallory.ts";
import { accepting, begin, partiesOf, waysOf } from "../ways.ts";

/** Who signed an M1 that is a signature stands in its protected header: by x5chain or by x5t, in one form each (RFC 9360). */
const pair = await makePair(suites);
const { x5chain, x5t, kid } = headerLabel;

/** Of a header the parameters beside `alg`, each signed rightly. */
type Header = ReadonlyMap<number, CborValue>;

describe("EQ3 BCAST KCERT KDIR: who signed", () => {
  for (const way of waysOf(({ mechanism }) => mechanism.name === "open-broadcast", ["x25519", "rsa2048"].map(suiteNamed))) {
    const { from } = partiesOf(pair, way);
    const own = ownSigning(from.self, way.suite);
    const { der, thumbprint } = own.certificate;
    const known: readonly [number, CborValue] = [x5t, [-16, thumbprint]];
    const many = (count: number): CborValue => Array.from({ length: count }, () => der);
    const cases: readonly (readonly [string, Header, string | RegExp])[] = [
      ["a certificate that the recipient knows, by its digest", new Map([known]), "accepted"],
      ["the certificate itself", new Map([[x5chain, der]]), "accepted"],
      ["both", new Map([known, [x5chain, der]]), "LINK_FIELD_WRONG"],
      ["nobody", new Map(), "LINK_FIELD_WRONG"],
      ["a key by its id", new Map([[kid, thumbprint]]), "LINK_FIELD_WRONG"],
      ["a key by its id beside the certificate", new Map([known, [kid, thumbprint]]), "COSE_HEADER_WRONG"],
      ["a digest of another algorithm", new Map([[x5t, [-44, createHash("sha512").update(der).digest()]]]), "WIRE_SHAPE_WRONG"],
      ["a digest under the number of another algorithm", new Map([[x5t, [-44, thumbprint]]]), "WIRE_SHAPE_WRONG"],
      ["a digest whose algorithm is a word", new Map([[x5t, ["sha-256", thumbprint]]]), "WIRE_SHAPE_WRONG"],
      ["a digest that is too short", new Map([[x5t, [-16, thumbprint.subarray(1)]]]), "WIRE_SHAPE_WRONG"],
      ["a digest without its algorithm", new Map([[x5t, thumbprint]]), "WIRE_SHAPE_WRONG"],
      ["a digest of an unknown certificate", new Map([[x5t, [-16, new Uint8Array(32)]]]), "LINK_PEER_UNKNOWN"],
      ["one certificate as an array of one", new Map([[x5chain, [der]]]), "WIRE_SHAPE_WRONG"],
      ["no certificate in an array", new Map([[x5chain, []]]), "WIRE_SHAPE_WRONG"],
      ["more certificates than a chain has", new Map([[x5chain, many(5)]]), "WIRE_SHAPE_WRONG"],
      ["a certificate that certifies nothing", new Map([[x5chain, many(2)]]), /^PKI_/],
      ["an empty certificate", new Map([[x5chain, new Uint8Array(0)]]), "WIRE_SHAPE_WRONG"],
      ["a certificate that is none", new Map([[x5chain, new Uint8Array(100)]]), /^PKI_/],
      ["null", new Map([[x5chain, null]]), "WIRE_SHAPE_WRONG"],
    ];
    for (const [what, protectedAlso, expected] of cases) {
      test(`${way.ids} KCERT: a header that names ${what} ends as ${String(expected)} (${way.suite.name}, begun by the ${way.originator})`, async () => {
        const { message } = await begin(pair, way);
        const payload = payloadIn(way.suite, message);
        const signature = await signedOn(way.suite, own, { payload, externalAad: externalAadOf(message), protectedAlso });
        const context = accepting(pair, way);
        const code = await codeOf(() => acceptMessage(context, withBody(message, signature)));
        if (typeof expected === "string") assert.equal(code, expected);
        else assert.match(code, expected);
      });
    }

    test(`${way.ids} KCERT: certificates of a stranger are refused, also those of one who has the signer's name (${way.suite.name}, begun by the ${way.originator})`, async () => {
      const stranger = await makeParty(await makeAuthority("elsewhere"), {
        name: from.self.name,
        role: way.originator,
        suites: [way.suite],
      });
      const { message } = await begin(pair, way);
      const payload = payloadIn(way.suite, message);
      const protectedAlso = new Map([[x5chain, stranger.signing.der]]);
      const signature = await signedOn(way.suite, mainSigning(stranger.self), {
        payload,
        externalAad: externalAadOf(message),
        protectedAlso,
      });
      assert.match(await codeOf(() => acceptMessage(accepting(pair, way), withBody(message, signature))), /^PKI_/);
    });

    test(`${way.ids} KCERT: the content names the certificate of the header (${way.suite.name}, begun by the ${way.originator})`, async () => {
      const { key, certificate } = await certify(pair.authority, {
        name: from.self.name,
        purpose: `${way.originator}-sign`,
        kind: way.suite.signingKind,
      });
      const { message } = await begin(pair, way);
      const payload = payloadIn(way.suite, message);
      const protectedAlso = new Map([[x5chain, certificate.der]]);
      const other = { key: key.signingKey(), certificate };
      const signature = await signedOn(way.suite, other, { payload, externalAad: externalAadOf(message), protectedAlso });
      assert.equal(await codeOf(() => acceptMessage(accepting(pair, way), withBody(message, signature))), "LINK_PEER_WRONG");
    });

    test(`${way.ids} KCERT: what stands in the unprotected header says nothing (${way.suite.name}, begun by the ${way.originator})`, async () => {
      for (const [protectedAlso, expected] of [
        [new Map(), "LINK_FIELD_WRONG"],
        [new Map([known]), "COSE_HEADER_WRONG"],
      ] as const) {
        const { message } = await begin(pair, way);
        const payload = payloadIn(way.suite, message);
        const signature = await signedOn(way.suite, own, { payload, externalAad: externalAadOf(message), protectedAlso });
        const forged = (signature as readonly CborValue[]).with(1, new Map([[x5chain, der]]));
        assert.equal(await codeOf(() => acceptMessage(accepting(pair, way), withBody(message, forged))), expected);
      }
    });
  }

  test("KCERT: a chain of several certificates is an array, whose first is the signer's", async () => {
    const { certificate } = mainSigning(pair.server.self);
    const chain = [certificate.der, pair.authority.certificate];
    const signature = [encode(new Map<number, CborValue>([[x5chain, chain]])), new Map(), new Uint8Array(0), new Uint8Array(64)];
    const said = signerIn(signature);
    assert.deepEqual(
      said.chain?.map((der) => der.toHex()),
      chain.map((der) => der.toHex()),
    );
    assert.deepEqual(said.credential, { kind: "certificate", thumbprint: certificate.thumbprint });
  });

  test("KCERT: what is no signature names nobody", async () => {
    for (const value of [null, 1, [], [new Uint8Array(0), new Map(), null], "x"]) {
      assert.equal(await codeOf(() => signerIn(value)), "COSE_STRUCTURE_WRONG");
    }
  });
});

/** The payload of M1, which its signature brings. */
function payloadIn(suite: Suite, message: Uint8Array): Uint8Array {
  const { body } = decodeMessage(message);
  if (suite.recovery === null) return payloadOf(body);
  const { credential } = signerIn(body);
  const certificate = [pair.server, pair.terminal]
    .flatMap(({ self }) => self.signing.map((own) => own.certificate))
    .find((each) => equalCredentials(credentialOf(each), credential));
  const expected = {
    publicKey: certificate?.publicKey ?? assert.fail(),
    externalAad: externalAadOf(message),
    protectedAlso: [x5chain, x5t],
  };
  return recoverSign1(suite.recovery, body, expected);
}

/** Signs as M1 of a suite is signed, with whatever parameters. */
async function signedOn(
  { recovery }: Suite,
  own: CertifiedKey<SigningKey>,
  input: { readonly payload: Uint8Array; readonly externalAad: Uint8Array; readonly protectedAlso: CborMap },
): Promise<CborValue> {
  return recovery === null ? await signedBy(own, input) : await signRecoverably(recovery, own.key, input);
}
