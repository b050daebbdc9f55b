import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SoftwareKey, standardKinds } from "@sealane/crypto";
import { artefactId, concatBytes, encode, exitCodes, parseName, SealaneError } from "@sealane/wire";
import { takeContentKey } from "../../src/artefact-keys.ts";
import { softwareErrors } from "../../src/errors.ts";
import { encodePublication, issueRelease, parsePublication } from "../../src/publication.ts";
import { type ReleaseContent, verifyRelease } from "../../src/release.ts";
import { sealBytes } from "../../src/seal.ts";
import { openContentKey, parseSealedContentKey, type SealedKeyBinding, sealContentKey } from "../../src/sealed-content-key.ts";
import { description, makeAuthority, makeKeyRole, makeSigner, nowSeconds } from "../signers.ts";

const authority = await makeAuthority();
const publisher = await makeSigner(authority, "publisher", "release-sign");
const keyRole = await makeKeyRole(authority);
const contentKeyBytes = new Uint8Array(32).map((_, i) => i);
const contentKey = takeContentKey(Uint8Array.from(contentKeyBytes));
const release: ReleaseContent = {
  ...description,
  publisher: parseName("publisher"),
  publishedAtSeconds: nowSeconds - 10,
  grade: "confidential",
};
const sealed = sealContentKey({ contentKey, release, keyRole: keyRole.certificate });
const own = keyRole.key.decryptionKey();

describe("a sealed content key", () => {
  test("UNI: is opened by the key role alone, and names it", async () => {
    assert.equal(Buffer.compare(parseSealedContentKey(sealed).keyRole, keyRole.certificate.thumbprint), 0);
    assert.equal(Buffer.from(sealed).indexOf(Buffer.from(contentKeyBytes)), -1);
    using opened = await openContentKey(sealed, release, own);
    opened.use((bytes) => assert.deepEqual(Uint8Array.from(bytes), contentKeyBytes));
    const other = SoftwareKey.generate("x-wing").decryptionKey();
    await assert.rejects(openContentKey(sealed, release, other), { code: "RELEASE_KEY_WRONG" });
  });

  test("UNI: is for a key role of every kind of key, and for none of another kind", async () => {
    const roles = await Promise.all(standardKinds.decryption.map(async (kind) => await makeKeyRole(authority, { kind })));
    for (const role of roles) {
      const made = sealContentKey({ contentKey, release, keyRole: role.certificate });
      for (const other of roles) {
        const opening = openContentKey(made, release, other.key.decryptionKey());
        if (other === role) (await opening)[Symbol.dispose]();
        else await assert.rejects(opening, { code: "RELEASE_KEY_WRONG" });
      }
    }
  });

  const rows: readonly (readonly [title: string, change: Partial<SealedKeyBinding>])[] = [
    ["artefact", { artefactId: artefactId(new Uint8Array(32)) }],
    ["module", { module: "other" }],
    ["sequence", { sequence: release.sequence + 1 }],
    ["publisher", { publisher: parseName("publisher-2") }],
    ["grade", { grade: "public" }],
  ];
  for (const [title, change] of rows) {
    test(`WHO: cannot be moved to a release with another ${title}`, async () => {
      await assert.rejects(openContentKey(sealed, { ...release, ...change }, own), { code: "RELEASE_KEY_WRONG" });
    });
  }

  test("WHO: cannot be said to be sealed to another certificate", async () => {
    const { encrypted } = parseSealedContentKey(sealed);
    await assert.rejects(openContentKey(encode([new Uint8Array(32), encrypted]), release, own), { code: "RELEASE_KEY_WRONG" });
  });

  test("is refused at every truncation, with a byte behind it, after a bit was flipped in any byte, and where it is none", async () => {
    const wrong = [
      ...Array.from(sealed, (_, length) => sealed.subarray(0, length)),
      ...Array.from(sealed, (byte, at) => sealed.with(at, byte ^ (1 << (at % 8)))),
      concatBytes(sealed, new Uint8Array(1)),
      encode([keyRole.certificate.thumbprint, encode([new Uint8Array(0), new Map(), new Uint8Array(48)])]),
      encode([keyRole.certificate.thumbprint, Uint8Array.of(1)]),
    ];
    for (const each of wrong) await assert.rejects(openContentKey(each, release, own), { code: "RELEASE_KEY_WRONG" });
  });

  test("is sealed to no certificate that is not a key role's", async () => {
    const terminal = await makeKeyRole(authority, { purpose: "terminal-decrypt" });
    assert.throws(() => sealContentKey({ contentKey, release, keyRole: terminal.certificate }), { code: "RELEASE_KEY_ROLE_WRONG" });
  });

  for (const blame of ["system", "user"] as const) {
    test(`KSIM: is not wrong because of a fault of this end's own token (${blame})`, async () => {
      const entry = { blame, retry: "later", http: 503, exit: exitCodes.retryLater, sentence: "", advice: "" } as const;
      const failing = Promise.reject(new SealaneError("TOKEN_AWAY", entry));
      const key = { ...own, decapsulate: () => failing };
      await assert.rejects(openContentKey(sealed, release, key), { code: "TOKEN_AWAY" });
    });
  }
});

describe("a publication", () => {
  test("UNI: has a release that names what sealing gave, and its content key", async () => {
    const made = sealBytes(new Uint8Array(100)).sealed;
    const { contentKey: key, fileBytes: _, ...ids } = made;
    const input = { ...publisher, release: { ...release, ...ids }, contentKey: key, keyRole: keyRole.certificate };
    const publication = parsePublication(await issueRelease(input));
    const verified = verifyRelease(publication.release, { anchors: [authority.anchor], nowSeconds, artefactId: made.artefactId });
    using opened = await openContentKey(publication.sealedContentKey ?? assert.fail(), verified, own);
    key.use((expected) => opened.use((bytes) => assert.deepEqual(Uint8Array.from(bytes), Uint8Array.from(expected))));
  });

  test("may leave the content key out, and has one encoding", () => {
    const publication = { release: Uint8Array.of(1), sealedContentKey: null };
    const encoded = encodePublication(publication);
    assert.deepEqual(parsePublication(encoded), publication);
    for (const wrong of [encoded.subarray(0, -1), concatBytes(encoded, new Uint8Array(1)), encode([Uint8Array.of(1)])])
      assert.throws(
        () => parsePublication(wrong),
        (error) => error instanceof SealaneError && error.code in softwareErrors.entries,
      );
    assert.throws(() => parsePublication(encode([new Uint8Array(24_577), null])), { code: "RELEASE_MALFORMED" });
  });
});
