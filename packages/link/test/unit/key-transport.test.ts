import assert from "node:assert/strict";
import { constants, publicEncrypt } from "node:crypto";
import { describe, test } from "node:test";
import { requireBytes } from "@sealane/cose";
import { suiteNamed, suites, systemRandom } from "@sealane/crypto";
import { acceptingContext, endsOf, makePair, originate, originatorContext, type Pair, withHeader, withPart } from "@sealane/testkit";
import { type CborValue, encode, Tagged } from "@sealane/wire";
import { acceptMessage, mechanisms } from "../../src/index.ts";
import { codeOf } from "../codes.ts";
import { accepting, begin, type Way, waysOf } from "../ways.ts";

/** P_X on the RSA suites: COSE_Encrypt with one recipient, whose content key RSA-OAEP-256 transports. */
const rsaSuites = suites.filter(({ encryption }) => encryption.form === "key transport");
const pair = await makePair(suites);

/** [protected, {5: iv}, ciphertext, [[protected, {1: -41}, encrypted key]]] in parts. */
interface Parts {
  readonly head: CborValue;
  readonly unprotected: CborValue;
  readonly ciphertext: CborValue;
  readonly entry: readonly CborValue[];
}

type Change = (parts: Parts) => CborValue;
const withEntry =
  (change: (entry: readonly CborValue[]) => CborValue): Change =>
  ({ head, unprotected, ciphertext, entry }) => [head, unprotected, ciphertext, [change(entry)]];
const withKey = (change: (key: Uint8Array) => Uint8Array): Change =>
  withEntry(([head = null, map = null, key]) => [head, map, change(requireBytes(key))]);
const empty = new Uint8Array(0);

const changes: Readonly<Record<string, readonly [string, Change]>> = {
  "no recipient": ["COSE_STRUCTURE_WRONG", ({ head, unprotected, ciphertext }) => [head, unprotected, ciphertext, []]],
  "two recipients": [
    "COSE_RECIPIENTS_WRONG",
    ({ head, unprotected, ciphertext, entry }) => [head, unprotected, ciphertext, [entry, entry]],
  ],
  "a tag": ["COSE_STRUCTURE_WRONG", ({ head, unprotected, ciphertext, entry }) => new Tagged(96, [head, unprotected, ciphertext, [entry]])],
  "another algorithm at the recipient": ["COSE_HEADER_WRONG", withEntry(([head = null, , key = null]) => [head, new Map([[1, -40]]), key])],
  "no algorithm at the recipient": ["COSE_HEADER_WRONG", withEntry(([head = null, , key = null]) => [head, new Map(), key])],
  "a key id at the recipient": [
    "COSE_HEADER_WRONG",
    withEntry(([head = null, , key = null]) => [
      head,
      new Map<number, CborValue>([
        [1, -41],
        [4, empty],
      ]),
      key,
    ]),
  ],
  "the algorithm protected": ["COSE_HEADER_WRONG", withEntry(([, , key = null]) => [encode(new Map([[1, -41]])), new Map(), key])],
  "the algorithm in both headers": [
    "COSE_HEADER_WRONG",
    withEntry(([, map = null, key = null]) => [encode(new Map([[1, -41]])), map, key]),
  ],
  "an empty protected header in its second form": [
    "LINK_RECIPIENT_WRONG",
    withEntry(([, map = null, key = null]) => [Uint8Array.of(0xa0), map, key]),
  ],
  "recipients of the recipient": ["COSE_STRUCTURE_WRONG", withEntry((entry) => [...entry, [entry]])],
  "no encrypted key": ["COSE_STRUCTURE_WRONG", withEntry(([head = null, map = null]) => [head, map, null])],
  "another algorithm of the content": [
    "COSE_HEADER_WRONG",
    ({ unprotected, ciphertext, entry }) => [encode(new Map([[1, 1]])), unprotected, ciphertext, [entry]],
  ],
  "an iv of eleven bytes": [
    "COSE_HEADER_WRONG",
    ({ head, ciphertext, entry }) => [head, new Map([[5, new Uint8Array(11)]]), ciphertext, [entry]],
  ],
  "another iv": ["LINK_RECIPIENT_WRONG", ({ head, ciphertext, entry }) => [head, new Map([[5, new Uint8Array(12)]]), ciphertext, [entry]]],
  "P_X by HPKE": ["COSE_STRUCTURE_WRONG", ({ head, unprotected, ciphertext }) => [head, unprotected, ciphertext]],
  "an encrypted key that is cut": ["LINK_RECIPIENT_WRONG", withKey((key) => key.subarray(1))],
  "an encrypted key with a zero before it": ["LINK_RECIPIENT_WRONG", withKey((key) => Uint8Array.of(0, ...key))],
  "no bytes as encrypted key": ["LINK_RECIPIENT_WRONG", withKey(() => empty)],
  "an encrypted key not below the modulus": ["LINK_RECIPIENT_WRONG", withKey((key) => new Uint8Array(key.length).fill(255))],
  "an encrypted key of zeros": ["LINK_RECIPIENT_WRONG", withKey((key) => new Uint8Array(key.length))],
};

describe("EQ1 EQ2 EQ5 EQ6 EQ7 EQ8 EQ11 EQ14: P_X by key transport has one form", () => {
  const encrypts = ({ mechanism, form }: Way): boolean => !mechanism.broadcast && form !== "plain";
  const isFirst = ({ form }: Way): boolean => form === "" || form === "encrypted" || form === "two-way" || form === "signed";
  for (const way of waysOf((each) => encrypts(each) && isFirst(each), rsaSuites)) {
    test(`${way.ids}: headers, recipients and the encrypted key, changed (${way.title})`, async () => {
      const { message } = await begin(pair, way);
      for (const [what, [code, change]] of Object.entries(changes)) {
        const changed = withPart(message, (whole) => change(partsOf(whole)));
        // What is signed beside P_X covers it.
        const expected =
          way.mechanism.name === "mutual-certified" ? /^(CRYPTO_SIGNATURE_WRONG|COSE_.*|LINK_RECIPIENT_WRONG)$/ : new RegExp(`^${code}$`);
        assert.match(await codeOf(() => acceptMessage(accepting(pair, way), changed)), expected, what);
      }
      assert.equal(
        await codeOf(() =>
          acceptMessage(
            accepting(pair, way),
            withPart(message, (whole) => whole),
          ),
        ),
        "accepted",
      );
    });
  }

  for (const suite of rsaSuites) {
    test(`EQ1: what is padded otherwise fails as every wrong key does (${suite.name})`, async () => {
      const [way] = waysOf(({ mechanism, originator }) => mechanism.name === "signed-transport" && originator === "server", [suite]);
      assert.ok(way !== undefined);
      const { message } = await begin(pair, way);
      const own = endsOf(pair, way.originator).to.self.decryption.find(({ key }) => key.publicKey.kind === suite.encryption.keyKind);
      const key = own?.key.publicKey.native ?? assert.fail();
      const oaep = { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" };
      const contentKey = systemRandom.bytes(32);
      const wrong: Readonly<Record<string, Uint8Array>> = {
        "another key": publicEncrypt(oaep, contentKey),
        "a key of 16 bytes": publicEncrypt(oaep, contentKey.subarray(16)),
        "a key of 33 bytes": publicEncrypt(oaep, Uint8Array.of(...contentKey, 0)),
        "no key": publicEncrypt(oaep, empty),
        "a label": publicEncrypt({ ...oaep, oaepLabel: Buffer.from("label") }, contentKey),
        "SHA-1": publicEncrypt({ ...oaep, oaepHash: "sha1" }, contentKey),
        "the padding of PKCS #1, version 1.5": publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, contentKey),
      };
      for (const [what, encrypted] of Object.entries(wrong)) {
        const changed = withPart(message, (whole) => withKey(() => encrypted)(partsOf(whole)));
        assert.equal(await codeOf(() => acceptMessage(accepting(pair, way), changed)), "LINK_RECIPIENT_WRONG", what);
      }
    });
  }
});

describe("EQ1 EQ8 EQ11 EQ14 KDIR: a decryption key of another size", () => {
  const rsa2048 = suiteNamed("rsa2048");
  const rsa3072 = suiteNamed("rsa3072");

  test("KDIR: nothing is encrypted on a suite to a key of another", async () => {
    const { from, to } = endsOf(pair, "terminal");
    const onlyLarger = to.certificates.filter(({ publicKey }) => publicKey.kind === "rsa3072");
    const context = { ...originatorContext(from, to), recipient: onlyLarger };
    assert.equal(await codeOf(() => mechanisms["signed-transport"].originate(context, { suite: rsa2048 })), "CRYPTO_SUITE_UNKNOWN");
    assert.equal(await codeOf(() => mechanisms["signed-transport"].originate(context, { suite: rsa3072 })), "accepted");
  });

  test("KDIR: a message for a key of one size is refused on the suite of another, and by whoever has keys of others only", async () => {
    for (const originator of ["server", "terminal"] as const) {
      const { message } = await originate(pair, { mechanism: "mutual-nonce", suite: rsa3072, originator });
      const moved = withHeader(message, { suite: rsa2048.id });
      const context = acceptingContext(pair, originator);
      assert.equal(await codeOf(() => acceptMessage(context, moved)), "LINK_RECIPIENT_WRONG");
      const { self } = endsOf(pair, originator).to;
      const without = { ...self, decryption: self.decryption.filter(({ key }) => key.publicKey.kind !== "rsa3072") };
      assert.equal(await codeOf(() => acceptMessage({ ...context, self: without }, message)), "LINK_RECIPIENT_WRONG");
    }
  });

  const replying: readonly string[] = ["mutual-nonce", "mutual-certified", "mutual-agreement"];
  for (const way of waysOf(
    ({ mechanism, form }) => replying.includes(mechanism.name) && ["", "two-way", "signed"].includes(form),
    suites,
  )) {
    test(`${way.ids} KDIR: a reply is encrypted to a key of the suite's kind only (${way.title})`, async () => {
      const { from } = endsOf(pair, way.originator);
      for (const { certificate } of from.self.decryption) {
        const { kind } = certificate.publicKey;
        if (kind === way.suite.encryption.keyKind) continue;
        const { message } = await begin(openingWith(way, pair, certificate), way, { options: { sendCertificate: true } });
        assert.equal(await codeOf(() => acceptMessage(accepting(pair, way), message)), "LINK_PEER_WRONG", kind);
      }
    });
  }
});

/** The pair with an originator that says it opens with another certificate than that of the suite's key. */
function openingWith(way: Way, given: Pair, certificate: Pair["server"]["signing"]): Pair {
  const { from } = endsOf(given, way.originator);
  const own = from.self.decryption.find(({ key }) => key.publicKey.kind === way.suite.encryption.keyKind) ?? assert.fail();
  const party = { ...from, self: { ...from.self, decryption: [{ key: own.key, certificate }] } };
  return way.originator === "server" ? { ...given, server: party } : { ...given, terminal: party };
}

function partsOf([head = null, unprotected = null, ciphertext = null, entries]: readonly CborValue[]): Parts {
  const [entry] = entries as readonly (readonly CborValue[])[];
  return { head, unprotected, ciphertext, entry: entry ?? assert.fail() };
}
