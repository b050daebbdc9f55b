import assert from "node:assert/strict";
import { test } from "node:test";
import { downloadMemoryBytes, keptSmallPieces, largePieceBytes, smallPieceBytes } from "../../src/limits.ts";
import { type DownloadBuffers, PieceBuffers } from "../../src/piece-buffers.ts";

// Buffers are compared by `===` in `ok`: to print how two of them differ takes minutes.

const sizeBytes = 10 * largePieceBytes;
const largeOnes = downloadMemoryBytes / largePieceBytes;

/** Begins a download that takes all large buffers there are. */
function takeAll(buffers: PieceBuffers): { readonly holder: DownloadBuffers; readonly taken: readonly Uint8Array[] } {
  const holder = buffers.begin(sizeBytes);
  const taken = Array.from({ length: largeOnes }, () => holder.takeLarge()).filter((each) => each !== null);
  assert.deepEqual([taken.length, new Set(taken).size], [largeOnes, largeOnes]);
  assert.ok(holder.takeLarge() === null);
  return { holder, taken };
}

test("all downloads share the large buffers; those that find none have small ones", () => {
  const buffers = new PieceBuffers();
  const { holder, taken } = takeAll(buffers);
  const [one, two] = [buffers.begin(sizeBytes), buffers.begin(sizeBytes)];
  assert.ok(one.takeLarge() === null && two.takeLarge() === null);
  const small = one.takeSmall();
  assert.deepEqual([small.length, small === two.takeSmall()], [smallPieceBytes, false]);
  const [first] = taken;
  assert.ok(first !== undefined);
  holder.giveBack(first);
  assert.ok(one.takeLarge() === first && two.takeLarge() === null);
});

test("small buffers are used again, so many are kept, and none that was not given back", () => {
  const buffers = new PieceBuffers();
  const holder = buffers.begin(sizeBytes);
  const taken = Array.from({ length: keptSmallPieces + 2 }, () => holder.takeSmall());
  assert.equal(new Set(taken).size, taken.length);
  const [lost, ...others] = taken;
  for (const small of others) holder.giveBack(small);
  holder[Symbol.dispose]();
  const next = buffers.begin(sizeBytes);
  const again = Array.from({ length: keptSmallPieces + 1 }, () => next.takeSmall());
  const known = new Set(others);
  assert.equal(again.filter((small) => known.has(small)).length, keptSmallPieces);
  assert.ok(lost !== undefined && !again.includes(lost));
  assert.equal(next.takeLarge()?.length, largePieceBytes);
});

test("a range that fits into a small buffer takes no large one", () => {
  const buffers = new PieceBuffers();
  assert.ok(buffers.begin(smallPieceBytes).takeLarge() === null);
  assert.equal(buffers.begin(smallPieceBytes + 1).takeLarge()?.length, largePieceBytes);
});

test("a buffer that was not given back before the end of its download is never used again, and its room is", () => {
  const buffers = new PieceBuffers();
  const { holder, taken } = takeAll(buffers);
  const [kept, late] = taken;
  assert.ok(kept !== undefined && late !== undefined);
  holder[Symbol.dispose]();
  holder.giveBack(late);
  const again = takeAll(buffers).taken;
  assert.deepEqual([again.includes(kept), again.includes(late)], [false, false]);
});

test("what is given back goes to one download only, however often it is given back", () => {
  const buffers = new PieceBuffers();
  const { holder, taken } = takeAll(buffers);
  const [first] = taken;
  assert.ok(first !== undefined);
  holder.giveBack(first);
  holder.giveBack(first);
  holder.giveBack(new Uint8Array(largePieceBytes));
  const other = buffers.begin(sizeBytes);
  assert.ok(other.takeLarge() === first && other.takeLarge() === null);
});

test("downloads are counted from their beginning to their end", () => {
  const buffers = new PieceBuffers();
  const [one, two] = [buffers.begin(1), buffers.begin(sizeBytes)];
  assert.equal(buffers.running, 2);
  one[Symbol.dispose]();
  assert.equal(buffers.running, 1);
  two[Symbol.dispose]();
  assert.equal(buffers.running, 0);
});
