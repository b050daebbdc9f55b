import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { headerLabel, sign1 } from "@sealane/cose";
import { SoftwareKey, standardKinds } from "@sealane/crypto";
import { artefactId, type CborValue, concatBytes, decode, encode, exitCodes, parseName, SealaneError, thumbprint } from "@sealane/wire";
import { takeContentKey } from "../../src/artefact-keys.ts";
import { softwareErrors } from "../../src/errors.ts";
import { issueRelease, openContentKey, parseRelease, type ReleaseContent, verifyRelease } from "../../src/release.ts";
import { sealBytes } from "../../src/seal.ts";
import { daySeconds, description, makeAuthority, makeKeyRole, makeSigner, nowSeconds, type Signer } from "../signers.ts";

const authority = await makeAuthority();
const publisher = await makeSigner(authority, "publisher", "release-sign");
const keyRole = await makeKeyRole(authority);
const contentKeyBytes = new Uint8Array(32).map((_, i) => i);
const contentKey = takeContentKey(Uint8Array.from(contentKeyBytes));
const content: ReleaseContent = {
  ...description,
  publisher: parseName("publisher"),
  publishedAtSeconds: nowSeconds - 10,
  grade: "confidential",
};
const issued = await issueRelease({ ...publisher, release: content, contentKey, keyRole: keyRole.certificate });
const trust = { anchors: [authority.anchor], nowSeconds };

describe("a release", () => {
  test("UNI: proves its publisher and gives the content key to the key role alone", async () => {
    const verified = verifyRelease(issued, { ...trust, artefactId: content.artefactId });
    const { digest, certificate, keyRole: sealedTo, sealedContentKey, ...said } = verified;
    assert.deepEqual(said, content);
    assert.equal(digest.length, 32);
    assert.equal(certificate.name, "publisher");
    assert.equal(Buffer.compare(sealedTo, keyRole.certificate.thumbprint), 0);
    assert.ok(Object.isFrozen(verified));
    assert.equal(Buffer.from(issued).indexOf(Buffer.from(contentKeyBytes)), -1);
    using opened = await openContentKey(verified, keyRole.key.decryptionKey());
    assert.deepEqual(
      opened.use((bytes) => Uint8Array.from(bytes)),
      contentKeyBytes,
    );
    assert.deepEqual(parseRelease(issued).release, { ...said, keyRole: sealedTo, sealedContentKey });
  });

  test("UNI: gives the content key to a key role of every kind of key, and to none of another kind", async () => {
    const roles = await Promise.all(standardKinds.decryption.map(async (kind) => await makeKeyRole(authority, { kind })));
    for (const role of roles) {
      const release = await issueRelease({ ...publisher, release: content, contentKey, keyRole: role.certificate });
      const verified = verifyRelease(release, trust);
      for (const other of roles) {
        const opening = openContentKey(verified, other.key.decryptionKey());
        if (other === role) (await opening)[Symbol.dispose]();
        else await assert.rejects(opening, { code: "RELEASE_KEY_WRONG" });
      }
    }
  });

  test("UNI: names what sealing gave", async () => {
    const { sealed } = sealBytes(new Uint8Array(100));
    const { contentKey: key, fileBytes: _, ...ids } = sealed;
    const release = await issueRelease({ ...publisher, release: { ...content, ...ids }, contentKey: key, keyRole: keyRole.certificate });
    using opened = await openContentKey(verifyRelease(release, trust), keyRole.key.decryptionKey());
    key.use((expected) => opened.use((bytes) => assert.deepEqual(Uint8Array.from(bytes), Uint8Array.from(expected))));
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
    assert.throws(() => verifyRelease(issued, { ...trust, nowSeconds: nowSeconds + 400 * daySeconds }), { code: "RELEASE_UNTRUSTED" });
    const licenser = await forge(await makeSigner(authority, "publisher", "licence-sign"));
    assert.throws(() => verifyRelease(licenser, trust), { code: "RELEASE_UNTRUSTED" });
    const stranger = await forge(await makeSigner(authority, "stranger", "release-sign"));
    assert.throws(() => verifyRelease(stranger, trust), { code: "RELEASE_PUBLISHER_WRONG" });
    const wrongContext = await forge(publisher, { context: "licence" });
    assert.throws(() => verifyRelease(wrongContext, trust), { code: "RELEASE_SIGNATURE_WRONG" });
    assert.ok(verifyRelease(await forge(publisher), trust), "the forger's tool makes true releases too");
  });

  test("cannot be issued to a certificate that is not a key role's, by a wrong signer, or with wrong content", async () => {
    const terminal = await makeKeyRole(authority, { purpose: "terminal-decrypt" });
    const input = { ...publisher, release: content, contentKey, keyRole: keyRole.certificate };
    await assert.rejects(issueRelease({ ...input, keyRole: terminal.certificate }), { code: "RELEASE_KEY_ROLE_WRONG" });
    await assert.rejects(issueRelease({ ...input, release: { ...content, publisher: parseName("x") } }), {
      code: "STATEMENT_SIGNER_WRONG",
    });
    await assert.rejects(issueRelease({ ...input, release: { ...content, sequence: -1 } }), { code: "STATEMENT_CONTENT_WRONG" });
  });
});

describe("a sealed content key", () => {
  const rows: readonly (readonly [title: string, change: (fields: CborValue[]) => void])[] = [
    ["artefact", (fields) => void setIn(fields[0], 7, new Uint8Array(32))],
    ["module", (fields) => void setIn(fields[0], 0, "other")],
    ["sequence", (fields) => void setIn(fields[0], 2, 18)],
    ["key role", (fields) => void fields.splice(4, 1, thumbprint(new Uint8Array(32)))],
    ["ciphertext", (fields) => void fields.splice(5, 1, encode([new Uint8Array(0), new Map(), new Uint8Array(48)]))],
    ["ciphertext that is none", (fields) => void fields.splice(5, 1, new Uint8Array(1))],
  ];
  for (const [title, change] of rows) {
    test(`cannot be moved: another ${title}, though the publisher signed it`, async () => {
      const fields = decode(parsePayload(issued), 32_768);
      assert.ok(Array.isArray(fields));
      change(fields);
      const release = verifyRelease(await forge(publisher, { payload: encode(fields) }), trust);
      await assert.rejects(openContentKey(release, keyRole.key.decryptionKey()), { code: "RELEASE_KEY_WRONG" });
    });
  }

  test("cannot be opened with another key", async () => {
    const other = SoftwareKey.generate("x-wing").decryptionKey();
    await assert.rejects(openContentKey(verifyRelease(issued, trust), other), { code: "RELEASE_KEY_WRONG" });
  });

  for (const blame of ["system", "user"] as const) {
    test(`KSIM: is not wrong because of a fault of this end's own token (${blame})`, async () => {
      const entry = { blame, retry: "later", http: 503, exit: exitCodes.retryLater, sentence: "", advice: "" } as const;
      const failing = Promise.reject(new SealaneError("TOKEN_AWAY", entry));
      const key = { ...keyRole.key.decryptionKey(), decapsulate: () => failing };
      await assert.rejects(openContentKey(verifyRelease(issued, trust), key), { code: "TOKEN_AWAY" });
    });
  }
});

function setIn(list: CborValue | undefined, index: number, value: CborValue): void {
  assert.ok(Array.isArray(list));
  list[index] = value;
}

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
