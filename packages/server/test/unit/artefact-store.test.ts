import assert from "node:assert/strict";
import { mkdtemp, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { sealBytes } from "@sealane/software";
import { artefactId, hasCode } from "@sealane/wire";
import { ArtefactStore, type Upload } from "../../src/artefact-store.ts";

const plaintext = new Uint8Array(200_000).fill(7);
const { artefact, sealed } = sealBytes(plaintext, { segmentBytes: 65_536 });
const fileName = `${sealed.artefactId.toHex()}.sealed`;

async function newStore(t: TestContext, options: { readonly maxArtefactBytes?: number; readonly maxUploads?: number } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "sealane-artefacts-"));
  t.after(() => rm(folder, { recursive: true }));
  return { folder, store: new ArtefactStore({ folder, maxArtefactBytes: 1e9, maxUploads: 2, ...options }) };
}

function upload(bytes: Uint8Array, pieceBytes = 50_000): Upload {
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
  };
  return { pieces: pieces(), promisedBytes: bytes.length };
}

test("an artefact is stored under its own id, once", async (t) => {
  const { folder, store } = await newStore(t);
  const first = await store.add(upload(artefact));
  assert.deepEqual([first.artefactId.toHex(), first.fileBytes, first.stored], [sealed.artefactId.toHex(), artefact.length, true]);
  assert.equal(Buffer.compare(await readFile(join(folder, fileName)), artefact), 0);
  const again = await store.add({ ...upload(artefact, 1_111), promisedBytes: null });
  assert.equal(again.stored, false);
  assert.deepEqual(await readdir(folder), [fileName]);
  assert.equal(await store.has(sealed.artefactId), true);
  assert.equal(await store.has(artefactId(new Uint8Array(32))), false);
});

test("two uploads of one artefact at once give one file", async (t) => {
  const { folder, store } = await newStore(t);
  const both = await Promise.all([store.add(upload(artefact)), store.add(upload(artefact))]);
  assert.deepEqual(both.map(({ stored }) => stored).sort(), [false, true]);
  assert.deepEqual(await readdir(folder), [fileName]);
});

test("nothing stays of an upload that is changed, cut or too long", async (t) => {
  const { folder, store } = await newStore(t);
  const last = artefact.length - 1;
  const wrong: readonly (readonly [string, Uint8Array])[] = [
    ["ARTEFACT_FORMAT_WRONG", artefact.with(0, 0)],
    ["ARTEFACT_BODY_WRONG", artefact.with(last, (artefact[last] ?? 0) ^ 1)],
    ["ARTEFACT_TRUNCATED", artefact.subarray(0, last)],
    ["ARTEFACT_TRUNCATED", artefact.subarray(0, 10)],
    ["ARTEFACT_TRUNCATED", artefact.subarray(0, 0)],
    ["ARTEFACT_TRAILING_BYTES", new Uint8Array([...artefact, 0])],
  ];
  for (const [code, bytes] of wrong) await assert.rejects(store.add(upload(bytes)), (error) => hasCode(error, code), code);
  assert.deepEqual(await readdir(folder), []);
});

test("nothing stays of an upload whose sender goes", async (t) => {
  const { folder, store } = await newStore(t);
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    yield artefact.subarray(0, 1_000);
    throw new Error("connection lost");
  };
  await assert.rejects(store.add({ pieces: pieces(), promisedBytes: null }), (error) => hasCode(error, "STORE_UPLOAD_INTERRUPTED"));
  assert.deepEqual(await readdir(folder), []);
});

test("an upload larger than allowed is refused when it is announced, or when it has come so far", async (t) => {
  const { folder, store } = await newStore(t, { maxArtefactBytes: 100_000 });
  let isRead = false;
  const unread = async function* (): AsyncGenerator<Uint8Array> {
    isRead = true;
    yield artefact;
  };
  await assert.rejects(store.add({ pieces: unread(), promisedBytes: 100_001 }), (error) => hasCode(error, "API_BODY_TOO_LARGE"));
  assert.equal(isRead, false);
  await assert.rejects(store.add({ ...upload(artefact), promisedBytes: null }), (error) => hasCode(error, "API_BODY_TOO_LARGE"));
  assert.deepEqual(await readdir(folder), []);
});

test("an upload that the disk has no room for is refused before it is read", async (t) => {
  const { folder, store } = await newStore(t, { maxArtefactBytes: Number.MAX_SAFE_INTEGER });
  await assert.rejects(store.add({ ...upload(artefact), promisedBytes: 2 ** 52 }), (error) => hasCode(error, "STORE_FULL"));
  assert.deepEqual(await readdir(folder), []);
});

test("a disk that becomes full leaves nothing, and the next upload finds room", async (t) => {
  const { folder, store } = await newStore(t);
  const handle = await open(import.meta.filename);
  const handles = Object.getPrototypeOf(handle) as { write: () => unknown; sync: () => unknown };
  await handle.close();
  for (const name of ["write", "sync"] as const) {
    const full = t.mock.method(handles, name, async () => {
      throw Object.assign(new Error("no space left"), { code: "ENOSPC", syscall: name });
    });
    await assert.rejects(store.add(upload(artefact)), (error) => hasCode(error, "STORE_FULL"), name);
    full.mock.restore();
    assert.deepEqual(await readdir(folder), [], name);
  }
  assert.equal((await store.add(upload(artefact))).stored, true);
});

test("as many uploads as allowed at once, and a place becomes free with each that ends", async (t) => {
  const { store } = await newStore(t, { maxUploads: 1 });
  const started = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    started.resolve();
    await goOn.promise;
    yield artefact;
  };
  const first = store.add({ pieces: pieces(), promisedBytes: null });
  await started.promise;
  await assert.rejects(store.add(upload(artefact)), (error) => hasCode(error, "STORE_UPLOADS_EXCEEDED"));
  goOn.resolve();
  assert.equal((await first).stored, true);
  assert.equal((await store.add(upload(artefact))).stored, false);
});

test("what a killed process left is removed, and nothing else", async (t) => {
  const { folder, store } = await newStore(t);
  await store.add(upload(artefact));
  for (const name of [".sealane-0123456789abcdef.tmp", "notes.txt"]) await writeFile(join(folder, name), "x");
  await store.removeLeftovers(3_600);
  assert.equal((await readdir(folder)).length, 3, "what was written to just now may be another process's");
  await store.removeLeftovers(0);
  assert.deepEqual((await readdir(folder)).sort(), [fileName, "notes.txt"].sort());
});
