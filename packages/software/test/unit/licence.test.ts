import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { coseTag, headerLabel, sign1 } from "@sealane/cose";
import { SoftwareKey } from "@sealane/crypto";
import {
  artefactId,
  type CborValue,
  concatBytes,
  decode,
  encode,
  exitCodes,
  type Name,
  parseName,
  SealaneError,
  Tagged,
} from "@sealane/wire";
import { softwareErrors } from "../../src/errors.ts";
import { issueLicence, type Licence, parseLicence } from "../../src/licence.ts";
import { signRelease, verifyRelease } from "../../src/release.ts";
import { type VerifyLicenceInput, verifyLicence } from "../../src/verify-licence.ts";
import { daySeconds, description, licence, makeAuthority, makeSigner, nowSeconds, type Signer } from "../signers.ts";

const authority = await makeAuthority();
const signer = await makeSigner(authority, "licence-server", "licence-sign");
const issued = await issueLicence({ ...signer, licence });
const recipient = parseName("gateway-7");

function input(extra: Partial<VerifyLicenceInput> = {}): VerifyLicenceInput {
  return { anchors: [authority.anchor], nowSeconds, recipients: [recipient], model: "panel-7", ...extra };
}

async function issue(extra: Partial<Licence>): Promise<Uint8Array> {
  return await issueLicence({ ...signer, licence: { ...licence, ...extra } });
}

describe("a licence", () => {
  test("LIC, PERMIT: proves software, validity, issuer, recipient and rights offline", () => {
    const verified = verifyLicence(issued, input({ artefactId: licence.artefactId }));
    const { digest, certificate, ...said } = verified;
    assert.deepEqual(said, licence);
    assert.equal(digest.length, 32);
    assert.equal(certificate.name, "licence-server");
    assert.ok(Object.isFrozen(verified));
    assert.deepEqual(parseLicence(issued).licence, licence);
    assert.deepEqual(parseLicence(issued).digest, digest);
    assert.deepEqual(
      parseLicence(issued).chain.map((each) => Uint8Array.from(each)),
      signer.chain.map((each) => Uint8Array.from(each)),
    );
  });

  test("LIC: is a CBOR web token with registered claims, as RFC 8392 has them", () => {
    const token = decode(issued, 16_384);
    assert.ok(token instanceof Tagged && token.tag === coseTag.cwt);
    const signed: unknown = token.value;
    assert.ok(signed instanceof Tagged && signed.tag === coseTag.sign1);
    const payload = Array.isArray(signed.value) ? signed.value[2] : null;
    assert.ok(payload instanceof Uint8Array);
    const claims = decode(payload, 16_384);
    assert.ok(claims instanceof Map);
    assert.equal(claims.get(1), "urn:sealane:licence-server");
    assert.equal(claims.get(3), "urn:sealane:gateway-7");
    assert.deepEqual([claims.get(4), claims.get(5), claims.get(6)], [nowSeconds + 30 * daySeconds, nowSeconds - 50, nowSeconds - 100]);
    assert.deepEqual(claims.get(7), Uint8Array.from(licence.licenceId));
    const own = [...claims.keys()].filter((label) => Number(label) < 0);
    assert.ok(
      own.every((label) => Number(label) < -65_536),
      "private use (RFC 8392, section 9.1)",
    );
  });

  test("LIC: leaves the content key to the policy when it says nothing of it", async () => {
    const { keyExpiresAtSeconds, keyRetention, ...rest } = licence;
    assert.deepEqual([keyExpiresAtSeconds, keyRetention], [nowSeconds + daySeconds, "discard"]);
    const verified = verifyLicence(await issueLicence({ ...signer, licence: rest }), input());
    assert.deepEqual([verified.keyExpiresAtSeconds, verified.keyRetention], [null, null]);
  });

  test("LIC: is accepted from its first second until its end, with the tolerance for clocks", () => {
    const accepted = (seconds: number, toleranceSeconds = 0): string => {
      try {
        verifyLicence(issued, input({ nowSeconds: seconds, toleranceSeconds }));
        return "accepted";
      } catch (error) {
        return error instanceof SealaneError ? error.code : "other";
      }
    };
    const { notBeforeSeconds, expiresAtSeconds } = licence;
    assert.equal(accepted(notBeforeSeconds), "accepted");
    assert.equal(accepted(notBeforeSeconds - 1), "LICENCE_NOT_YET_VALID");
    assert.equal(accepted(notBeforeSeconds - 60, 60), "accepted");
    assert.equal(accepted(notBeforeSeconds - 61, 60), "LICENCE_NOT_YET_VALID");
    assert.equal(accepted(expiresAtSeconds - 1), "accepted");
    assert.equal(accepted(expiresAtSeconds), "LICENCE_EXPIRED");
    assert.equal(accepted(expiresAtSeconds + 59, 60), "accepted");
    assert.equal(accepted(expiresAtSeconds + 60, 60), "LICENCE_EXPIRED");
    assert.equal(accepted(Number.NaN), "LICENCE_NOT_YET_VALID");
    assert.equal(accepted(nowSeconds, Number.NaN), "LICENCE_NOT_YET_VALID");
    assert.equal(accepted(-1), "LICENCE_NOT_YET_VALID");
    assert.equal(accepted(2 ** 53), "LICENCE_EXPIRED");
  });

  test("LIC: that was issued in the future is not valid yet", async () => {
    const future = await issue({ issuedAtSeconds: nowSeconds + 61 });
    assert.throws(() => verifyLicence(future, input()), { code: "LICENCE_NOT_YET_VALID" });
  });

  const readers: readonly (readonly [Licence["recipient"], readonly (Name | "anonymous")[], boolean])[] = [
    [recipient, [recipient], true],
    [recipient, [parseName("gateway-8")], false],
    [recipient, ["anonymous"], false],
    [recipient, [recipient, "anonymous"], true],
    [recipient, [], false],
    ["anonymous", ["anonymous"], true],
    ["anonymous", [recipient], false],
    ["anonymous", [recipient, "anonymous"], true],
    ["*", [recipient], true],
    ["*", ["anonymous"], true],
  ];
  for (const [named, recipients, accepted] of readers) {
    test(`LIC: for ${named} is ${accepted ? "accepted" : "refused"} by ${recipients.join(" or ") || "nobody"}`, async () => {
      const bytes = await issue({ recipient: named });
      const run = (): unknown => verifyLicence(bytes, input({ recipients }));
      if (accepted) run();
      else assert.throws(run, { code: "LICENCE_RECIPIENT_WRONG" });
    });
  }

  test("LIC: is for its models only, or for all when it names none", async () => {
    assert.throws(() => verifyLicence(issued, input({ model: "panel-8" })), { code: "LICENCE_MODEL_WRONG" });
    verifyLicence(await issue({ models: [] }), input({ model: "panel-8" }));
  });

  test("LIC, PERMIT: is for its artefact only", () => {
    assert.throws(() => verifyLicence(issued, input({ artefactId: artefactId(new Uint8Array(32)) })), { code: "LICENCE_ARTEFACT_WRONG" });
  });
});

test("LIC: the reasons to refuse a licence end a command with different exit codes", () => {
  const { entries } = softwareErrors;
  assert.equal(entries.LICENCE_RECIPIENT_WRONG.exit, exitCodes.notTrusted);
  assert.equal(entries.LICENCE_ARTEFACT_WRONG.exit, exitCodes.notTrusted);
  assert.equal(entries.LICENCE_NOT_YET_VALID.exit, exitCodes.retryLater);
  assert.equal(entries.LICENCE_EXPIRED.exit, exitCodes.expired);
  assert.equal(entries.LICENCE_MODEL_WRONG.exit, exitCodes.incompatible);
});

describe("a licence that nobody may rely on", () => {
  test("LIC: is refused after a bit was flipped in any byte", () => {
    for (let at = 0; at < issued.length; at++) {
      const flipped = issued.with(at, (issued[at] ?? 0) ^ (1 << (at % 8)));
      assert.throws(() => verifyLicence(flipped, input()), isListed, `byte ${at}`);
    }
  });

  test("LIC: is refused at every truncation, and with a byte behind it", () => {
    for (let length = 0; length < issued.length; length++)
      assert.throws(() => verifyLicence(issued.subarray(0, length), input()), { code: "LICENCE_MALFORMED" });
    assert.throws(() => verifyLicence(concatBytes(issued, new Uint8Array(1)), input()), { code: "LICENCE_MALFORMED" });
  });

  test("LIC: is refused when another authority vouches for its issuer, or none", async () => {
    const other = await makeAuthority();
    assert.throws(() => verifyLicence(issued, input({ anchors: [other.anchor] })), { code: "LICENCE_UNTRUSTED" });
    assert.throws(() => verifyLicence(issued, input({ anchors: [] })), { code: "LICENCE_UNTRUSTED" });
  });

  test("LIC: is refused once the issuer's certificate has expired", async () => {
    const long = await issue({ expiresAtSeconds: nowSeconds + 900 * daySeconds });
    assert.throws(() => verifyLicence(long, input({ nowSeconds: nowSeconds + 366 * daySeconds })), { code: "LICENCE_EXPIRED" });
  });

  test("LIC: cannot be issued with a key, name or purpose that is not the certificate's", async () => {
    const wrong = { code: "STATEMENT_SIGNER_WRONG" };
    const { chain } = signer;
    await assert.rejects(issueLicence({ key: SoftwareKey.generate("ed25519").signingKey(), chain, licence }), wrong);
    await assert.rejects(issue({ issuer: parseName("somebody") }), wrong);
    const publisher = await makeSigner(authority, "licence-server", "release-sign");
    await assert.rejects(issueLicence({ ...publisher, licence }), wrong);
    await assert.rejects(issueLicence({ ...signer, chain: [], licence }), wrong);
    await assert.rejects(issueLicence({ ...signer, chain: [authority.certificate], licence }), wrong);
  });

  test("LIC: is refused when somebody signs it who may not, or under another name", async () => {
    const server = await makeSigner(authority, "licence-server", "server-sign");
    const byServer = await forge(server);
    assert.throws(() => verifyLicence(byServer, input()), { code: "LICENCE_UNTRUSTED" });
    const stranger = await makeSigner(authority, "stranger", "licence-sign");
    const forged = await forge(stranger);
    assert.throws(() => verifyLicence(forged, input()), { code: "LICENCE_ISSUER_WRONG" });
    assert.ok(verifyLicence(await forge(signer), input()), "the forger's tool makes true licences too");
  });

  test("LIC: is refused with the chain of one and the signature of another", async () => {
    const other = await makeSigner(authority, "licence-server", "licence-sign");
    const forged = await forge({ key: other.key, chain: signer.chain });
    assert.throws(() => verifyLicence(forged, input()), { code: "LICENCE_SIGNATURE_WRONG" });
  });

  test("LIC: is refused when it was signed as something else", async () => {
    for (const context of ["release", "ticket", "licence "]) {
      const forged = await forge(signer, { context });
      assert.throws(() => verifyLicence(forged, input()), { code: "LICENCE_SIGNATURE_WRONG" });
    }
  });

  test("LIC: is refused in another form: without its tags, with a header more, with a longer chain form", async () => {
    const rows: readonly Uint8Array[] = [
      await forge(signer, { wrap: (value) => value }),
      await forge(signer, { wrap: (value) => new Tagged(coseTag.cwt, value instanceof Tagged ? untag(value) : value) }),
      await forge(signer, { wrap: (value) => new Tagged(coseTag.mac0, value) }),
      await forge(signer, { x5chain: [...signer.chain] }),
      await forge(signer, { x5chain: [] }),
      await forge(signer, { x5chain: "text" }),
    ];
    for (const bytes of rows) assert.throws(() => verifyLicence(bytes, input()), { code: "LICENCE_MALFORMED" });
    for (const bytes of rows) assert.throws(() => parseLicence(bytes), { code: "LICENCE_MALFORMED" });
    const moreHeader = await forge(signer, { also: [[headerLabel.kid, new Uint8Array(1)]] });
    assert.throws(() => verifyLicence(moreHeader, input()), { code: "LICENCE_MALFORMED" });
    const longerChain = await forge(signer, { x5chain: [...signer.chain, authority.certificate] });
    assert.equal(parseLicence(longerChain).chain.length, 2);
    assert.throws(() => verifyLicence(longerChain, input()), { code: "LICENCE_UNTRUSTED" });
  });

  test("LIC: is refused with a claim less, a claim more, or one of another kind", async () => {
    const claims = decode(payloadOf(issued), 16_384);
    assert.ok(claims instanceof Map);
    const changes: readonly ((map: Map<CborValue, CborValue>) => void)[] = [
      ...[...claims.keys()].map((label) => (map: Map<CborValue, CborValue>) => void map.delete(label)),
      ...[...claims.keys()].map((label) => (map: Map<CborValue, CborValue>) => void map.set(label, -1)),
      (map) => void map.set(2, "subject"),
      (map) => void map.set(1, "licence-server"),
      (map) => void map.set(1, "urn:sealane:anonymous"),
      (map) => void map.set(3, "urn:sealane:*"),
      (map) => void map.set(4, nowSeconds - 50),
      (map) => void map.set(7, new Uint8Array(15)),
    ];
    for (const change of changes) {
      const map = new Map<number | string, CborValue>(claims);
      change(map as Map<CborValue, CborValue>);
      const bytes = await forge(signer, { payload: encode(map) });
      assert.throws(() => verifyLicence(bytes, input()), { code: "LICENCE_MALFORMED" });
      assert.throws(() => parseLicence(bytes), { code: "LICENCE_MALFORMED" });
    }
  });

  test("LIC: never passes as a release, nor a release as a licence", async () => {
    const publisher = await makeSigner(authority, "publisher", "release-sign");
    const content = { ...description, publisher: parseName("publisher"), publishedAtSeconds: nowSeconds, grade: "confidential" } as const;
    const release = await signRelease({ ...publisher, release: content });
    const trust = { anchors: [authority.anchor], nowSeconds };
    assert.ok(verifyRelease(release, trust));
    assert.throws(() => verifyRelease(issued, trust), { code: "RELEASE_MALFORMED" });
    assert.throws(() => verifyLicence(release, input()), { code: "LICENCE_MALFORMED" });
    assert.throws(() => verifyLicence(encode(new Tagged(coseTag.cwt, decode(release, 32_768))), input()), { code: "LICENCE_UNTRUSTED" });
  });

  test("LIC: cannot be issued with content that would be refused", async () => {
    const rows: readonly Partial<Licence>[] = [
      { expiresAtSeconds: licence.notBeforeSeconds },
      { expiresAtSeconds: licence.issuedAtSeconds },
      { expiresAtSeconds: 1.5 },
      { rights: Array.from({ length: 33 }, () => "run") },
      { rights: ["a\nb"] },
      { copyright: "x".repeat(1025) },
      { module: "HMI" },
      { issuer: parseName("anonymous") },
    ];
    for (const extra of rows) await assert.rejects(issue(extra), { code: "STATEMENT_CONTENT_WRONG" });
  });
});

interface Forgery {
  readonly payload?: Uint8Array;
  readonly context?: string;
  readonly x5chain?: CborValue;
  readonly also?: readonly (readonly [number, CborValue])[];
  readonly wrap?: (value: CborValue) => CborValue;
}

/** Signs a licence's claims in whatever form. */
async function forge({ key, chain }: Signer, forgery: Forgery = {}): Promise<Uint8Array> {
  const { payload = payloadOf(issued), context = "licence", x5chain = chain[0] ?? null, also = [] } = forgery;
  const wrap = forgery.wrap ?? ((value) => new Tagged(coseTag.cwt, value));
  const protectedAlso = new Map([[headerLabel.x5chain, x5chain], ...also]);
  return encode(wrap(await sign1(key, { payload, externalAad: encode(["Sealane", 1, context]), protectedAlso, tagged: true })));
}

function payloadOf(bytes: Uint8Array): Uint8Array {
  const token: unknown = decode(bytes, 16_384);
  const signed: unknown = token instanceof Tagged ? token.value : null;
  const payload: unknown = signed instanceof Tagged && Array.isArray(signed.value) ? signed.value[2] : null;
  assert.ok(payload instanceof Uint8Array);
  return payload;
}

function untag(value: Tagged): CborValue {
  return value.value;
}

function isListed(error: unknown): boolean {
  return error instanceof SealaneError && Object.hasOwn(softwareErrors.entries, error.code);
}
