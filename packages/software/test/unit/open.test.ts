import assert from "node:assert/strict";
import { createCipheriv, createHash } from "node:crypto";
import { describe, test } from "node:test";
import { Secret, sha256 } from "@sealane/crypto";
import { artefactId, concatBytes, digest, SealaneError } from "@sealane/wire";
import { segmentRange } from "../../src/artefact-format.ts";
import { artefactIdOf, encodeHeaderFront, parseHeader, parseHeaderFront } from "../../src/artefact-header.ts";
import { ArtefactKeys, segmentAad, segmentNonce, takeContentKey } from "../../src/artefact-keys.ts";
import { sealListInPlace } from "../../src/digest-list.ts";
import { softwareErrors } from "../../src/errors.ts";
import { ArtefactOpener, requireDescribed } from "../../src/open.ts";
import { ArtefactSealer, type SealedArtefact, sealBytes } from "../../src/seal.ts";
import { openIndependently } from "../independent-open.ts";
import { patternBytes, seededRandom } from "../seeded-random.ts";
import { twoKeyCiphertext } from "../two-key-gcm.ts";

const segmentBytes = 65_536;

interface Made {
  readonly plaintext: Uint8Array;
  readonly artefact: Uint8Array;
  readonly sealed: SealedArtefact;
  readonly header: Uint8Array;
  segment(index: number): Uint8Array;
}

function make(plaintextBytes: number, seed = "open"): Made {
  const plaintext = patternBytes(plaintextBytes);
  const { artefact, sealed } = sealBytes(plaintext, { segmentBytes, random: seededRandom(seed) });
  const { layout } = parseHeaderFront(artefact);
  return {
    plaintext,
    artefact,
    sealed,
    header: artefact.slice(0, layout.headerBytes),
    segment(index) {
      const { fileStart, fileEnd } = segmentRange(layout, index);
      return artefact.slice(fileStart, fileEnd);
    },
  };
}

function openerOf({ header, sealed }: Made): ArtefactOpener {
  return new ArtefactOpener(header, { contentKey: sealed.contentKey, expected: sealed });
}

function keyBytes(sealed: SealedArtefact): Uint8Array {
  return sealed.contentKey.use((bytes) => Uint8Array.from(bytes));
}

describe("what was sealed", () => {
  for (const plaintextBytes of [0, 1, segmentBytes - 1, segmentBytes, segmentBytes + 1, 2 * segmentBytes, 9 * segmentBytes + 5]) {
    test(`ANY, FAST: opens again, and by the text of the protocol too (${plaintextBytes} bytes)`, () => {
      const made = make(plaintextBytes);
      using opener = openerOf(made);
      const pieces = Array.from({ length: opener.layout.segments }, (_, index) => opener.openSegment(index, made.segment(index)));
      assert.equal(Buffer.compare(concatBytes(...pieces), made.plaintext), 0);
      assert.equal(Buffer.compare(made.sealed.sha256, createHash("sha256").update(made.plaintext).digest()), 0);
      const independent = openIndependently(made.artefact, keyBytes(made.sealed));
      assert.equal(Buffer.compare(independent.plaintext, made.plaintext), 0);
      assert.equal(independent.artefactId, Buffer.from(made.sealed.artefactId).toString("hex"));
      assert.equal(independent.listDigest, Buffer.from(made.sealed.listDigest).toString("hex"));
    });
  }

  test("STREAM: opens piece by piece in any order, and again after an interruption", () => {
    const made = make(3 * segmentBytes + 9);
    using opener = openerOf(made);
    for (const index of [3, 0, 2, 0, 1]) {
      const { plaintextStart, plaintextBytes } = segmentRange(opener.layout, index);
      const expected = made.plaintext.subarray(plaintextStart, plaintextStart + plaintextBytes);
      assert.equal(Buffer.compare(opener.openSegment(index, made.segment(index)), expected), 0);
      opener.verifyPlaintextSegment(index, expected);
      assert.equal(Buffer.compare(opener.segmentDigest(index), sha256(expected)), 0);
    }
  });

  test("never has the same key or bytes twice", () => {
    const [one, two] = [make(100, "one"), make(100, "two")];
    assert.notDeepEqual(keyBytes(one.sealed), keyBytes(two.sealed));
    assert.notDeepEqual(one.segment(0), two.segment(0));
    const system = [sealBytes(one.plaintext), sealBytes(one.plaintext)] as const;
    assert.notDeepEqual(system[0].sealed.artefactId, system[1].sealed.artefactId);
    assert.deepEqual(system[0].sealed.listDigest, system[1].sealed.listDigest);
  });

  test("does not show its key", () => {
    const { sealed } = make(1);
    assert.throws(() => JSON.stringify(sealed), { code: "CRYPTO_SECRET_EXPOSED" });
    assert.equal(String(sealed.contentKey), "[secret content key]");
  });
});

describe("a sealer", () => {
  test("refuses more or fewer bytes than were announced", () => {
    const changed = { code: "ARTEFACT_SOURCE_CHANGED" };
    const start = (): ArtefactSealer => new ArtefactSealer({ plaintextBytes: segmentBytes + 1, segmentBytes });
    assert.throws(() => start().sealSegment(new Uint8Array(segmentBytes - 1)), changed);
    assert.throws(() => start().sealSegment(new Uint8Array(segmentBytes + 1)), changed);
    const sealer = start();
    sealer.sealSegment(new Uint8Array(segmentBytes));
    assert.throws(() => sealer.finish(), changed);
    sealer.sealSegment(new Uint8Array(1));
    assert.throws(() => sealer.sealSegment(new Uint8Array(1)), changed);
    sealer.finish();
    assert.throws(() => sealer.finish(), changed);
  });

  test("leaves the content key to the caller, or wipes it when it is given up", () => {
    const finished = new ArtefactSealer({ plaintextBytes: 0 });
    finished.sealSegment(new Uint8Array(0));
    const { sealed } = finished.finish();
    finished[Symbol.dispose]();
    assert.equal(sealed.contentKey.length, 32);
  });
});

describe("an artefact that is not the right one", () => {
  const made = make(2 * segmentBytes + 7);
  const { contentKey, ...ids } = made.sealed;

  test("PERMIT: is refused under another content key", () => {
    const wrong = takeContentKey(new Uint8Array(32));
    assert.throws(() => new ArtefactOpener(made.header, { contentKey: wrong, expected: ids }), { code: "ARTEFACT_KEY_WRONG" });
    const short = Secret.take("content key", new Uint8Array(16));
    assert.throws(() => new ArtefactOpener(made.header, { contentKey: short, expected: ids }), { code: "ARTEFACT_KEY_WRONG" });
    assert.throws(() => takeContentKey(new Uint8Array(31)), { code: "ARTEFACT_KEY_WRONG" });
  });

  test("PERMIT: is refused under another artefact id or software hash", () => {
    const other = new Uint8Array(32);
    assert.throws(() => new ArtefactOpener(made.header, { contentKey, expected: { ...ids, artefactId: artefactId(other) } }), {
      code: "ARTEFACT_ID_WRONG",
    });
    assert.throws(() => new ArtefactOpener(made.header, { contentKey, expected: { ...ids, listDigest: digest(other) } }), {
      code: "ARTEFACT_LIST_DIGEST_WRONG",
    });
  });

  test("STREAM: is refused after any bit of its header was flipped", () => {
    for (let bit = 0; bit < made.header.length * 8; bit++) {
      const flipped = flip(made.header, bit);
      assertRefused(() => new ArtefactOpener(flipped, { contentKey, expected: ids }), `bit ${bit}`);
    }
  });

  test("STREAM: is refused after any bit of its header was flipped, also by who can choose the artefact id", () => {
    for (let bit = 0; bit < made.header.length * 8; bit++) {
      const flipped = flip(made.header, bit);
      const expected = { ...ids, artefactId: artefactIdOf(flipped) };
      assertRefused(() => new ArtefactOpener(flipped, { contentKey, expected }), `bit ${bit}`);
    }
  });

  test("is refused at every truncation of its header", () => {
    for (let length = 0; length < made.header.length; length++) {
      assert.throws(() => new ArtefactOpener(made.header.subarray(0, length), { contentKey, expected: ids }), {
        code: "ARTEFACT_TRUNCATED",
      });
    }
  });

  test("does not open any more after its keys were wiped", () => {
    const opener = openerOf(made);
    opener[Symbol.dispose]();
    assert.throws(() => opener.openSegment(0, made.segment(0)), { code: "CRYPTO_SECRET_GONE" });
  });
});

describe("a segment that is not the right one", () => {
  const made = make(2 * segmentBytes + 7);
  const foreign = make(2 * segmentBytes + 7, "another sealing");
  const opener = openerOf(made);
  const rows: readonly (readonly [title: string, index: number, sealed: Uint8Array])[] = [
    ["doubled", 1, made.segment(0)],
    ["moved to the front", 0, made.segment(1)],
    ["final in place of the first", 0, made.segment(2)],
    ["first in place of the final", 2, made.segment(0)],
    ["from another artefact with the same plaintext", 0, foreign.segment(0)],
    ["spliced of two", 0, concatBytes(made.segment(0).subarray(0, 1000), made.segment(1).subarray(1000))],
    ["cut by a byte", 0, made.segment(0).subarray(1)],
    ["without its tag", 0, made.segment(0).subarray(0, -16)],
    ["empty", 0, new Uint8Array(0)],
    ["with a byte behind it", 0, concatBytes(made.segment(0), new Uint8Array(1))],
    ["final with a byte behind it", 2, concatBytes(made.segment(2), new Uint8Array(1))],
    ["with its first bit flipped", 0, flip(made.segment(0), 0)],
    ["with the last bit of its tag flipped", 2, flip(made.segment(2), made.segment(2).length * 8 - 1)],
  ];
  for (const [title, index, sealed] of rows) {
    test(`STREAM: is refused: ${title}`, () => {
      assert.throws(() => opener.openSegment(index, sealed), { code: "ARTEFACT_SEGMENT_WRONG" });
    });
  }

  test("is refused at every bit of a small one", () => {
    const small = make(3);
    using smallOpener = openerOf(small);
    for (let bit = 0; bit < small.segment(0).length * 8; bit++)
      assert.throws(() => smallOpener.openSegment(0, flip(small.segment(0), bit)), { code: "ARTEFACT_SEGMENT_WRONG" });
  });

  test("STREAM: is refused though authentic when another holder of the content key made it", () => {
    const forged = forge(made, 1, patternBytes(segmentBytes, 99));
    assert.throws(() => opener.openSegment(1, forged), { code: "ARTEFACT_SEGMENT_DIGEST_WRONG" });
    const honest = forge(made, 1, made.plaintext.subarray(segmentBytes, 2 * segmentBytes));
    assert.deepEqual(honest, made.segment(1), "the forger's tool makes true segments too");
  });

  test("STREAM: is refused with the final flag moved by another holder of the content key", () => {
    const plaintext = made.plaintext.subarray(segmentBytes, 2 * segmentBytes);
    const flagged = forge(made, 1, plaintext, 2); // sealed as the last of two
    assert.throws(() => opener.openSegment(1, flagged), { code: "ARTEFACT_SEGMENT_WRONG" });
    const unflagged = forge(made, 2, made.plaintext.subarray(2 * segmentBytes), 4);
    assert.throws(() => opener.openSegment(2, unflagged), { code: "ARTEFACT_SEGMENT_WRONG" });
  });

  test("is refused from a staging file that the disk or somebody changed", () => {
    const code = "ARTEFACT_SEGMENT_DIGEST_WRONG";
    const plaintext = made.plaintext.subarray(0, segmentBytes);
    assert.throws(() => opener.verifyPlaintextSegment(0, flip(plaintext, 77)), { code });
    assert.throws(() => opener.verifyPlaintextSegment(0, plaintext.subarray(1)), { code });
    assert.throws(() => opener.verifyPlaintextSegment(1, plaintext), { code });
    assert.throws(() => opener.verifyPlaintextSegment(3, plaintext), { code: "ARTEFACT_INDEX_WRONG" });
  });

  test("does not exist beyond the last", () => {
    for (const index of [-1, 3, 0.5]) assert.throws(() => opener.openSegment(index, made.segment(0)), { code: "ARTEFACT_INDEX_WRONG" });
  });
});

describe("a ciphertext that opens under two keys", () => {
  test("STREAM: is refused under the second key, though AES-GCM alone takes it", () => {
    const plaintextBytes = 32;
    const salt = seededRandom("salt").bytes(32);
    const header = { salt, plaintextBytes, segmentBytes };
    const contentKeys = [takeContentKey(seededRandom("a").bytes(32)), takeContentKey(seededRandom("b").bytes(32))] as const;
    const keys = contentKeys.map((key) => ArtefactKeys.derive(key, salt));
    const gcm = keys.map((each) => ({
      key: each.segment.use((bytes) => Uint8Array.from(bytes)),
      nonce: segmentNonce(each.noncePrefix, { index: 0, segments: 1 }),
    }));
    const { sealed, plaintexts } = twoKeyCiphertext([gcm[0] ?? fail(), gcm[1] ?? fail()], segmentAad(header, 0));
    assert.notDeepEqual(plaintexts[0], plaintexts[1]);

    const list = concatBytes(sha256(plaintexts[0]), new Uint8Array(16));
    const listDigest = sha256(sha256(plaintexts[0]));
    const first = keys[0] ?? fail();
    const fields = { ...header, commitment: first.commitment, bodySha256: sha256(sealed) };
    sealListInPlace(first, fields, list);
    const headerBytes = concatBytes(encodeHeaderFront(fields), list);
    const expected = { artefactId: artefactIdOf(headerBytes), listDigest };
    const opener = new ArtefactOpener(headerBytes, { contentKey: contentKeys[0], expected });
    assert.deepEqual(Uint8Array.from(opener.openSegment(0, sealed)), plaintexts[0]);
    assert.throws(() => new ArtefactOpener(headerBytes, { contentKey: contentKeys[1], expected }), { code: "ARTEFACT_KEY_WRONG" });
  });
});

/** What somebody who has the content key can make: a true segment of any plaintext. */
function forge({ header, sealed }: Made, index: number, plaintext: Uint8Array, segments = 3): Uint8Array {
  const front = parseHeader(header);
  using keys = ArtefactKeys.verify(sealed.contentKey, front.header);
  const nonce = segmentNonce(keys.noncePrefix, { index, segments });
  const cipher = keys.segment.use((key) => createCipheriv("aes-256-gcm", key, nonce));
  cipher.setAAD(segmentAad(front.header, index));
  return concatBytes(cipher.update(plaintext), cipher.final(), cipher.getAuthTag());
}

function flip(bytes: Uint8Array, bit: number): Uint8Array {
  const flipped = Uint8Array.from(bytes);
  flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7));
  return flipped;
}

function assertRefused(run: () => unknown, what: string): void {
  assert.throws(run, (error) => error instanceof SealaneError && Object.hasOwn(softwareErrors.entries, error.code), what);
}

function fail(): never {
  throw new Error("missing");
}

test("ANY PERMIT: a description of another id, list, key or size than the artefact's is refused", () => {
  const { sealed, header } = make(100_000);
  const { sealed: other } = make(100_000, "another");
  const { contentKey } = sealed;
  requireDescribed(sealed, { header, contentKey });
  for (const [lie, expected] of [
    [{ artefactId: other.artefactId }, "ARTEFACT_ID_WRONG"],
    [{ listDigest: digest(sha256(new Uint8Array(1))) }, "ARTEFACT_LIST_DIGEST_WRONG"],
    [{ plaintextBytes: 100_001 }, "STATEMENT_CONTENT_WRONG"],
    [{ segmentBytes: 2 * segmentBytes }, "STATEMENT_CONTENT_WRONG"],
  ] as const) {
    assert.throws(
      () => requireDescribed({ ...sealed, ...lie }, { header, contentKey }),
      (error) => error instanceof SealaneError && error.code === expected,
    );
  }
  assert.throws(
    () => requireDescribed(sealed, { header, contentKey: other.contentKey }),
    (error) => error instanceof SealaneError && error.code === "ARTEFACT_KEY_WRONG",
  );
});
