import assert from "node:assert/strict";
import { test } from "node:test";
import { maxInboxEventCharacters } from "@sealane/api";
import { partsOf, type StreamPart } from "../../src/event-stream.ts";
import { maxStreamBytes } from "../../src/limits.ts";
import { code } from "../double/codes.ts";

const utf8 = new TextEncoder();

/** All that a stream of these chunks says. */
async function read(...chunks: readonly (string | Uint8Array)[]): Promise<readonly StreamPart[]> {
  async function* bytes(): AsyncGenerator<Uint8Array> {
    for (const chunk of chunks) yield typeof chunk === "string" ? utf8.encode(chunk) : chunk;
  }
  const all: StreamPart[] = [];
  for await (const parts of partsOf(bytes())) all.push(...parts);
  return all;
}

const comment = { kind: "comment" };
const event = (id: string, data: string) => ({ kind: "event", id, event: "message", data });

test("comments and events are told apart, whole or byte by byte, with any of the standard's line ends", async () => {
  const text = ":\n\nid: 1\nevent: message\ndata: AQID\n\n: still here\n\nid:2\nevent:message\ndata:BA\ndata:BQ\n\n";
  const expected = [comment, event("1", "AQID"), comment, event("2", "BA\nBQ")];
  for (const ends of ["\n", "\r", "\r\n"]) {
    const stream = text.replaceAll("\n", ends);
    assert.deepEqual(await read(stream), expected, JSON.stringify(ends));
    assert.deepEqual(await read(...stream), expected, JSON.stringify(ends));
  }
  assert.deepEqual(await read("\uFEFF:\n"), [comment]);
});

test("each chunk gives what it completed, and one that completes nothing gives nothing", async () => {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (const text of [":\n\nid: 1\nevent: mess", "age\ndata: A", "QID\n\n:\n"]) yield utf8.encode(text);
  }
  const given: (readonly StreamPart[])[] = [];
  for await (const parts of partsOf(chunks())) given.push(parts);
  assert.deepEqual(given, [[comment], [], [event("1", "AQID"), comment]]);
});

test("what is incomplete at the end, and fields that are not of the standard, are passed over", async () => {
  assert.deepEqual(await read("id: 1\nevent: message\ndata: AQID\n"), []);
  assert.deepEqual(await read("retry: 1\nretry: x\ncolour: red\n<html>\nid: 1\nevent: message\ndata: AQID\n\n"), [event("1", "AQID")]);
});

test("bytes that are not UTF-8 are refused, also where a chunk ends in the middle of them", async () => {
  for (const wrong of [[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xc0, 0x80]]) {
    await assert.rejects(read(":\n\n", Uint8Array.from(wrong), "\n\n"), code("API_REPLY_WRONG"), String(wrong));
    await assert.rejects(read(...[0x3a, ...wrong, 0x0a].map((byte) => Uint8Array.of(byte))), code("API_REPLY_WRONG"), String(wrong));
  }
  assert.deepEqual(await read(Uint8Array.of(0x3a, 0xc3), Uint8Array.of(0xa9, 0x0a)), [comment]);
});

test("a line, an event and a stream that are too long are refused before they are held", async () => {
  const piece = "x".repeat(1_000);
  const pieces = Array.from({ length: Math.ceil(maxInboxEventCharacters / 1_000) + 1 }, () => piece);
  await assert.rejects(read("data: ", ...pieces), code("API_REPLY_WRONG"));
  await assert.rejects(read(": ", ...pieces), code("API_REPLY_WRONG"));
  await assert.rejects(read(...pieces.map((each) => `data: ${each}\n`)), code("API_REPLY_WRONG"));
  const beat = utf8.encode(`:${"x".repeat(65_534)}\n`);
  const most = Array.from({ length: maxStreamBytes / beat.length }, () => beat);
  assert.equal((await read(...most)).length, most.length);
  await assert.rejects(read(...most, "\n"), code("API_REPLY_WRONG"));
});

test("what came before the fault is given", async () => {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield utf8.encode(`id: 1\nevent: message\ndata: AQID\n\ndata: ${"x".repeat(maxInboxEventCharacters + 1)}`);
  }
  const parts = partsOf(chunks());
  assert.deepEqual((await parts.next()).value, [event("1", "AQID")]);
  await assert.rejects(parts.next(), code("API_REPLY_WRONG"));
});
