import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { headerLabel, sign1 } from "@sealane/cose";
import { artefactId, concatBytes, decode, encode, parseName, SealaneError } from "@sealane/wire";
import { softwareErrors } from "../../src/errors.ts";
import { parseRelease, type ReleaseContent, signRelease, verifyRelease } from "../../src/release.ts";
import { daySeconds, description, makeAuthority, makeSigner, nowSeconds, type Signer } from "../signers.ts";

const authority = await makeAuthority();
const publisher = await makeSigner(authority, "publisher", "release-sign");
const content: ReleaseContent = {
  ...description,
  publisher: parseName("publisher"),
  publishedAtSeconds: nowSeconds - 10,
  grade: "confidential",
};
const issued = await signRelease({ ...publisher, release: content });
const trust = { anchors: [authority.anchor], nowSeconds };

describe("a release", () => {
  test("WHO: proves its publisher, and has nothing secret in it", () => {
    const verified = verifyRelease(issued, { ...trust, artefactId: content.artefactId });
    const { digest, certificate, ...said } = verified;
    assert.deepEqual(said, { ...content, floorSequence: 0 });
    assert.equal(digest.length, 32);
    assert.equal(certificate.name, "publisher");
    assert.ok(Object.isFrozen(verified));
    assert.deepEqual(parseRelease(issued).release, said);
  });

  test("WHO: names the lowest sequence to set back to, which is at most its own", async () => {
    const release = await signRelease({ ...publisher, release: { ...content, floorSequence: content.sequence } });
    assert.equal(verifyRelease(release, trust).floorSequence, content.sequence);
    const above = { ...content, floorSequence: content.sequence + 1 };
    await assert.rejects(signRelease({ ...publisher, release: above }), { code: "STATEMENT_CONTENT_WRONG" });
    const fields = decode(parsePayload(issued), 32_768);
    assert.ok(Array.isArray(fields));
    const forged = await forge(publisher, { payload: encode([...fields.slice(0, 4), content.sequence + 1]) });
    assert.throws(() => verifyRelease(forged, trust), { code: "RELEASE_MALFORMED" });
  });

  test("NEWEST: its sequence is at most the time of its publication, which has been, whoever signs", async () => {
    const { publishedAtSeconds } = content;
    const last = await signRelease({ ...publisher, release: { ...content, sequence: publishedAtSeconds } });
    assert.equal(verifyRelease(last, trust).sequence, publishedAtSeconds);
    for (const sequence of [publishedAtSeconds + 1, Number.MAX_SAFE_INTEGER])
      await assert.rejects(signRelease({ ...publisher, release: { ...content, sequence } }), { code: "STATEMENT_CONTENT_WRONG" });
    const fields = decode(parsePayload(last), 32_768);
    assert.ok(Array.isArray(fields));
    const forged = await forge(publisher, { payload: encode(fields.with(2, publishedAtSeconds - 1)) });
    assert.throws(() => verifyRelease(forged, trust), { code: "RELEASE_MALFORMED" });
    const ahead = await signRelease({ ...publisher, release: { ...content, publishedAtSeconds: nowSeconds + 61 } });
    assert.throws(() => verifyRelease(ahead, trust), { code: "RELEASE_DATED_AHEAD" });
    assert.ok(verifyRelease(ahead, { ...trust, nowSeconds: nowSeconds + 1 }));
  });

  test("is for its artefact only", () => {
    const other = artefactId(new Uint8Array(32));
    assert.throws(() => verifyRelease(issued, { ...trust, artefactId: other }), { code: "RELEASE_ARTEFACT_WRONG" });
  });
});

describe("a release that nobody may rely on", () => {
  test("is refused after a bit was flipped in any byte", () => {
    for (let at = 0; at < issued.length; at++) {
      const flipped = issued.with(at, (issued[at] ?? 0) ^ (1 << (at % 8)));
      const isListed = (error: unknown): boolean => error instanceof SealaneError && Object.hasOwn(softwareErrors.entries, error.code);
      assert.throws(() => verifyRelease(flipped, trust), isListed, `byte ${at}`);
    }
  });

  test("is refused at every truncation, and with a byte behind it", () => {
    for (let length = 0; length < issued.length; length++)
      assert.throws(() => verifyRelease(issued.subarray(0, length), trust), { code: "RELEASE_MALFORMED" });
    assert.throws(() => verifyRelease(concatBytes(issued, new Uint8Array(1)), trust), { code: "RELEASE_MALFORMED" });
  });

  test("is refused from a signer that is not trusted, not a publisher, or has another name", async () => {
    assert.throws(() => verifyRelease(issued, { ...trust, anchors: [] }), { code: "RELEASE_UNTRUSTED" });
    const later = { ...trust, nowSeconds: nowSeconds + 400 * daySeconds };
    assert.throws(() => verifyRelease(issued, later), { code: "RELEASE_PUBLISHER_EXPIRED" });
    const earlier = { ...trust, nowSeconds: nowSeconds - 2 * daySeconds };
    assert.throws(() => verifyRelease(issued, earlier), { code: "RELEASE_NOT_YET_VALID" });
    const licenser = await forge(await makeSigner(authority, "publisher", "licence-sign"));
    assert.throws(() => verifyRelease(licenser, trust), { code: "RELEASE_UNTRUSTED" });
    const stranger = await forge(await makeSigner(authority, "stranger", "release-sign"));
    assert.throws(() => verifyRelease(stranger, trust), { code: "RELEASE_PUBLISHER_WRONG" });
    const wrongContext = await forge(publisher, { context: "licence" });
    assert.throws(() => verifyRelease(wrongContext, trust), { code: "RELEASE_SIGNATURE_WRONG" });
    assert.ok(verifyRelease(await forge(publisher), trust), "the forger's tool makes true releases too");
  });

  test("cannot be issued by a wrong signer, or with wrong content", async () => {
    const input = { ...publisher, release: content };
    await assert.rejects(signRelease({ ...input, release: { ...content, publisher: parseName("x") } }), {
      code: "STATEMENT_SIGNER_WRONG",
    });
    await assert.rejects(signRelease({ ...input, release: { ...content, sequence: -1 } }), { code: "STATEMENT_CONTENT_WRONG" });
  });
});

async function forge(
  { key, chain }: Signer,
  forgery: { readonly payload?: Uint8Array; readonly context?: string } = {},
): Promise<Uint8Array> {
  const { payload = parsePayload(issued), context = "release" } = forgery;
  const protectedAlso = new Map([[headerLabel.x5chain, chain[0] ?? null]]);
  return encode(await sign1(key, { payload, externalAad: encode(["Sealane", 1, context]), protectedAlso, tagged: true }));
}

function parsePayload(bytes: Uint8Array): Uint8Array {
  const signed: unknown = decode(bytes, 32_768);
  assert.ok(typeof signed === "object" && signed !== null && "value" in signed && Array.isArray(signed.value));
  const payload: unknown = signed.value[2];
  assert.ok(payload instanceof Uint8Array);
  return payload;
}
