import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { describe, test } from "node:test";
import { sealBytes } from "@sealane/software";
import { seededRandom } from "@sealane/testkit";
import { type ArtefactFacts, FileSpool, MemorySpool, openContent, type SealedContent, sealContent } from "../../src/content.ts";
import { code, testEnvironment } from "../world.ts";

const segmentBytes = 65_536;
const environment = testEnvironment();

/** A stream of these bytes in chunks of a size, that counts what was read and tells when it was cancelled. */
function streamOf(
  bytes: Uint8Array,
  chunkBytes = 10_000,
): { readonly stream: ReadableStream<Uint8Array>; cancelled: boolean; given: number } {
  const source = {
    cancelled: false,
    given: 0,
    stream: new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          if (source.given >= bytes.length) return controller.close();
          controller.enqueue(bytes.slice(source.given, source.given + chunkBytes));
          source.given += chunkBytes;
        },
        cancel() {
          source.cancelled = true;
        },
      },
      { highWaterMark: 0 },
    ),
  };
  return source;
}

async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).bytes();
}

const sample = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 0xff);

async function sealed(plaintext: Uint8Array): Promise<SealedContent> {
  return await sealContent(streamOf(plaintext).stream, { spool: new MemorySpool(), segmentBytes, environment });
}

describe("content", () => {
  test("STREAM: of every size, known or unknown, is sealed to the same artefact that whole bytes are, and opened in chunks of any size", async () => {
    for (const length of [0, 1, segmentBytes - 1, segmentBytes, segmentBytes + 1, 3 * segmentBytes, 3 * segmentBytes + 17]) {
      const plaintext = sample(length);
      const whole = sealBytes(plaintext, { segmentBytes, random: seededRandom("content") });
      for (const known of [true, false]) {
        await using spool = await FileSpool.create(tmpdir());
        using content = await sealContent(streamOf(plaintext).stream, {
          spool,
          segmentBytes,
          environment: { ...environment, random: seededRandom("content") },
          ...(known ? { plaintextBytes: length } : {}),
        });
        const artefact = await bytesOf(content.stream());
        assert.deepEqual(artefact, whole.artefact);
        assert.equal(content.fileBytes, artefact.length);
        for (const chunkBytes of [1_000, 1_000_000]) {
          const opening = openContent({ artefact: content.artefact, contentKey: content.contentKey });
          assert.deepEqual(await bytesOf(streamOf(artefact, chunkBytes).stream.pipeThrough(opening)), plaintext);
        }
      }
    }
  });

  test("that is not as long as announced is refused, and its source cancelled", async () => {
    for (const plaintextBytes of [0, 99_999, 100_001]) {
      const source = streamOf(sample(100_000));
      const options = { spool: new MemorySpool(), segmentBytes, plaintextBytes, environment };
      await assert.rejects(sealContent(source.stream, options), code("ARTEFACT_SOURCE_CHANGED"));
      assert.equal(source.cancelled, plaintextBytes < 100_000);
    }
    const source = streamOf(sample(1)).stream;
    await assert.rejects(
      sealContent(source, { spool: new MemorySpool(), segmentBytes: 1, environment }),
      code("ARTEFACT_SEGMENT_SIZE_WRONG"),
    );
  });

  test("sealing ends with the signal's reason, also while the source is silent", async () => {
    const controller = new AbortController();
    let cancelled: unknown;
    const silent = new ReadableStream<Uint8Array>({
      cancel(given) {
        cancelled = given;
      },
    });
    const reason = new Error("enough");
    const sealing = sealContent(silent, { spool: new MemorySpool(), environment, signal: controller.signal });
    controller.abort(reason);
    await assert.rejects(sealing, reason);
    assert.equal(cancelled, reason);
    const second = streamOf(sample(10));
    await assert.rejects(sealContent(second.stream, { spool: new MemorySpool(), environment, signal: controller.signal }), reason);
    assert.deepEqual([second.cancelled, second.given], [true, 0]);
  });

  test("STREAM: flows at its reader's pace: nothing is read that is not asked for", async () => {
    using content = await sealed(sample(20 * segmentBytes));
    const artefact = streamOf(await bytesOf(content.stream()), segmentBytes);
    const reader = artefact.stream.pipeThrough(openContent(content)).getReader();
    await reader.read();
    await new Promise(setImmediate);
    assert.ok(artefact.given <= 4 * segmentBytes, `${artefact.given} bytes were read for one segment`);
    await reader.cancel();
    await new Promise(setImmediate); // until the pipe has noticed
    assert.equal(artefact.cancelled, true);
  });

  test("that was changed, cut, lengthened or exchanged gives an error, and nothing of the segment that is wrong", async () => {
    const plaintext = sample(2 * segmentBytes + 5);
    using content = await sealed(plaintext);
    using other = await sealed(plaintext);
    const artefact = await bytesOf(content.stream());
    const flipped = (at: number): Uint8Array => artefact.with(at, (artefact.at(at) ?? 0) ^ 1);
    const headerBytes = artefact.length - plaintext.length - 3 * 16;
    const cases: readonly (readonly [Uint8Array, string, number])[] = [
      [flipped(0), "ARTEFACT_FORMAT_WRONG", 0],
      [flipped(30), "ARTEFACT_ID_WRONG", 0],
      [await bytesOf(other.stream()), "ARTEFACT_ID_WRONG", 0],
      [flipped(headerBytes + segmentBytes + 16), "ARTEFACT_SEGMENT_WRONG", segmentBytes],
      [artefact.subarray(0, -1), "ARTEFACT_TRUNCATED", 2 * segmentBytes],
      [artefact.subarray(0, 50), "ARTEFACT_TRUNCATED", 0],
      [new TextEncoder().encode("<html>"), "ARTEFACT_FORMAT_WRONG", 0],
      [new Uint8Array([...artefact, 0]), "ARTEFACT_TRAILING_BYTES", 2 * segmentBytes],
    ];
    for (const [bytes, expected, released] of cases) {
      let got = 0;
      const opening = streamOf(bytes).stream.pipeThrough(openContent(content));
      const reading = opening.pipeTo(
        new WritableStream({
          write(piece) {
            got += piece.length;
          },
        }),
      );
      await assert.rejects(reading, code(expected));
      assert.equal(got, released, expected);
    }
    const wrongKey = openContent({ artefact: content.artefact, contentKey: other.contentKey });
    await assert.rejects(bytesOf(streamOf(artefact).stream.pipeThrough(wrongKey)), code("ARTEFACT_KEY_WRONG"));
    const wrongList: ArtefactFacts = { ...content.artefact, listDigest: other.artefact.artefactId as never };
    const opening = openContent({ artefact: wrongList, contentKey: content.contentKey });
    await assert.rejects(bytesOf(streamOf(artefact).stream.pipeThrough(opening)), code("ARTEFACT_LIST_DIGEST_WRONG"));
  });

  test("the key that opens may be wiped at once, and sealing's own is wiped by using", async () => {
    const content = await sealed(sample(10));
    const opening = openContent(content);
    content[Symbol.dispose]();
    assert.throws(() => content.contentKey.length, code("CRYPTO_SECRET_GONE"));
    assert.deepEqual(await bytesOf(content.stream().pipeThrough(opening)), sample(10));
  });
});
