import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { artefactId, concatBytes, SealaneError } from "@sealane/wire";
import { parseHeaderFront } from "../../src/artefact-header.ts";
import { softwareErrors } from "../../src/errors.ts";
import { sealBytes } from "../../src/seal.ts";
import { type ArtefactSummary, ArtefactVerifier, inspectArtefact, verifyArtefactFile } from "../../src/verify-artefact.ts";
import { patternBytes, seededRandom } from "../seeded-random.ts";

const segmentBytes = 65_536;
const plaintextBytes = 2 * segmentBytes + 3;
const { artefact, sealed } = sealBytes(patternBytes(plaintextBytes), { segmentBytes, random: seededRandom("verify") });
const { headerBytes } = parseHeaderFront(artefact).layout;

function verify(bytes: Uint8Array, pieceBytes = bytes.length): ArtefactSummary {
  const verifier = new ArtefactVerifier({ artefactId: sealed.artefactId });
  for (let at = 0; at < bytes.length; at += pieceBytes) verifier.update(bytes.subarray(at, at + pieceBytes));
  return verifier.finish();
}

describe("a check without any key", () => {
  test("UNI: tells what an artefact is, in pieces of any size", () => {
    const whole = verify(artefact);
    assert.equal(Buffer.compare(whole.artefactId, sealed.artefactId), 0);
    assert.equal(whole.fileBytes, artefact.length);
    assert.equal(whole.segments, 3);
    assert.equal(whole.plaintextBytes, plaintextBytes);
    for (const pieceBytes of [7, 140, 141, 142, headerBytes, headerBytes + 1, 65_536])
      assert.deepEqual(verify(artefact, pieceBytes), whole);
  });

  test("STREAM: refuses every truncation of the header and the body's last bytes", () => {
    for (const length of [...Array(headerBytes + 20).keys(), artefact.length - 16, artefact.length - 1])
      assert.throws(() => verify(artefact.subarray(0, length)), { code: "ARTEFACT_TRUNCATED" }, `${length} bytes`);
  });

  test("STREAM: refuses a byte behind the end", () => {
    assert.throws(() => verify(concatBytes(artefact, new Uint8Array(1))), { code: "ARTEFACT_TRAILING_BYTES" });
  });

  test("STREAM: refuses segments that were doubled, reordered or changed", () => {
    const segment = (index: number): Uint8Array => artefact.slice(headerBytes + index * (segmentBytes + 16)).subarray(0, segmentBytes + 16);
    const header = artefact.subarray(0, headerBytes);
    for (const order of [
      [1, 0, 2],
      [0, 0, 2],
    ])
      assert.throws(() => verify(concatBytes(header, ...order.map(segment))), { code: "ARTEFACT_BODY_WRONG" });
    const changed = Uint8Array.from(artefact);
    changed[artefact.length - 1] = (changed[artefact.length - 1] ?? 0) ^ 1;
    assert.throws(() => verify(changed), { code: "ARTEFACT_BODY_WRONG" });
  });

  test("refuses every flipped bit of the header before the body was read", () => {
    for (let bit = 0; bit < headerBytes * 8; bit++) {
      const flipped = artefact.slice(0, headerBytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7));
      const isListed = (error: unknown): boolean => error instanceof SealaneError && Object.hasOwn(softwareErrors.entries, error.code);
      assert.throws(() => verify(flipped), isListed, `bit ${bit}`);
    }
  });

  test("refuses another artefact as soon as its header is there", () => {
    const verifier = new ArtefactVerifier({ artefactId: artefactId(new Uint8Array(32)) });
    verifier.update(artefact.subarray(0, headerBytes - 1));
    assert.throws(() => verifier.update(artefact.subarray(headerBytes - 1, headerBytes)), { code: "ARTEFACT_ID_WRONG" });
  });
});

describe("a file that is inspected", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "sealane-inspect-"));
  });
  after(async () => await rm(folder, { recursive: true }));
  const file = async (bytes: Uint8Array): Promise<string> => {
    const path = join(folder, "artefact");
    await writeFile(path, bytes);
    return path;
  };

  test("shows its public part, and the same when it is verified", async () => {
    const path = await file(artefact);
    const summary = await inspectArtefact(path);
    assert.deepEqual(await verifyArtefactFile(path, sealed), summary);
    assert.deepEqual(verify(artefact), summary);
    assert.ok(Math.abs((summary.overheadPercent ?? 0) - ((artefact.length - plaintextBytes) / plaintextBytes) * 100) < 1e-9);
  });

  test("has no overhead in percent when it is of nothing", async () => {
    assert.equal((await inspectArtefact(await file(sealBytes(new Uint8Array(0)).artefact))).overheadPercent, null);
  });

  test("is refused when its length is not what its header says, or is no artefact", async () => {
    const rows = [
      [artefact.subarray(0, -1), "ARTEFACT_TRUNCATED"],
      [artefact.subarray(0, 100), "ARTEFACT_TRUNCATED"],
      [new Uint8Array(0), "ARTEFACT_TRUNCATED"],
      [concatBytes(artefact, new Uint8Array(1)), "ARTEFACT_TRAILING_BYTES"],
      [new TextEncoder().encode("hello"), "ARTEFACT_FORMAT_WRONG"],
    ] as const;
    for (const [bytes, code] of rows) {
      const path = await file(bytes);
      await assert.rejects(inspectArtefact(path), { code });
      await assert.rejects(verifyArtefactFile(path), { code });
    }
    await assert.rejects(inspectArtefact(folder), { code: "FILE_READ_FAILED" });
    await assert.rejects(inspectArtefact(join(folder, "none")), { code: "FILE_READ_FAILED" });
  });

  test("is refused by the full check alone when its body was changed", async () => {
    const changed = Uint8Array.from(artefact);
    changed[headerBytes] = (changed[headerBytes] ?? 0) ^ 1;
    const path = await file(changed);
    await inspectArtefact(path);
    await assert.rejects(verifyArtefactFile(path), { code: "ARTEFACT_BODY_WRONG" });
  });
});
