import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as cborg from "cborg";
import fc from "fast-check";
import { type CborValue, decode, decodeItem, encode, equalBytes, SealaneError, Tagged, wireErrors } from "../../src/index.ts";
import { allowedTags } from "../../src/limits.ts";
import { parameters, samples, values } from "./arbitrary-value.ts";
import { type Choice, encodeByTheBook, encodeLoosely } from "./reference-encoder.ts";

const ample = 1_000_000;

/**
 * Either a code of the table, or a value of which these bytes are the encoding, and which a decoder that many use reads too; it takes
 * many more, so its refusals are ours.
 */
function refusedOrExact(bytes: Uint8Array): void {
  let value: CborValue;
  try {
    value = decode(bytes, ample);
  } catch (error) {
    assert.ok(error instanceof SealaneError, "an error of the table");
    assert.ok(error.code in wireErrors.entries && error.code !== "WIRE_VALUE_UNENCODABLE", error.code);
    return;
  }
  assert.ok(equalBytes(encode(value), bytes));
  assert.deepEqual(decodedByOthers(bytes), value);
}

function decodedByOthers(bytes: Uint8Array): unknown {
  return cborg.decode(bytes, { useMaps: true, rejectDuplicateMapKeys: true, tags: othersTags });
}

const othersTags = Object.fromEntries(allowedTags.map((tag) => [tag, (read: () => unknown) => new Tagged(tag, read() as CborValue)]));

describe("any value", () => {
  test("comes back from its encoding, which is the one of RFC 8949, section 4.2.1", () => {
    fc.assert(
      fc.property(values, (value) => {
        const bytes = encode(value);
        assert.deepEqual(bytes, encodeByTheBook(value));
        assert.deepEqual(decode(bytes, bytes.length), value);
        assert.deepEqual(decodedByOthers(bytes), value);
        assert.equal(decodeItem(Buffer.concat([bytes, bytes]), 0).end, bytes.length);
      }),
      { ...parameters, numRuns: 300 },
    );
  });

  test("is encoded into memory of its own and decoded into copies", () => {
    fc.assert(
      fc.property(values, (value) => {
        const bytes = encode(value);
        assert.equal(bytes.buffer.byteLength, bytes.length);
        const received = Buffer.from(bytes);
        const decoded = decode(received, ample);
        received.fill(0xff);
        assert.deepEqual(decoded, value);
      }),
      { ...parameters, numRuns: 100 },
    );
  });

  test("has no second encoding: longer heads, no lengths, entries in another order", () => {
    const choices: fc.Arbitrary<Choice> = fc.record({
      width: fc.constantFrom(0, 0, 0, 1, 2, 4, 8),
      indefinite: fc.boolean(),
      turn: fc.nat(3),
    });
    fc.assert(
      fc.property(values, fc.infiniteStream(choices), (value, stream) => {
        const bytes = Uint8Array.from(encodeLoosely(value, () => stream.next().value ?? { width: 0, indefinite: false, turn: 0 }));
        if (equalBytes(bytes, encode(value))) return;
        assert.throws(() => decode(bytes, ample), { code: "WIRE_NOT_DETERMINISTIC" });
      }),
      { ...parameters, numRuns: 300 },
    );
  });

  test("followed by anything is refused", () => {
    fc.assert(
      fc.property(values, fc.uint8Array({ minLength: 1, maxLength: 3 }), (value, more) => {
        const bytes = encode(value);
        assert.throws(() => decode(Buffer.concat([bytes, more]), ample), { code: "WIRE_TRAILING_BYTES" });
      }),
      { ...parameters, numRuns: 50 },
    );
  });

  test("cut anywhere is refused as truncated", () => {
    fc.assert(
      fc.property(values, fc.nat(), (value, at) => {
        const bytes = encode(value);
        assert.throws(() => decode(bytes.subarray(0, at % bytes.length), ample), { code: "WIRE_TRUNCATED" });
      }),
      { ...parameters, numRuns: 100 },
    );
  });

  test("larger than the limit is refused before it is read", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 2 }), (bytes) => {
        assert.throws(() => decode(bytes, bytes.length - 1), { code: "WIRE_SIZE_EXCEEDED" });
      }),
      { ...parameters, numRuns: 20 },
    );
  });
});

describe("sample messages", () => {
  test("with any one bit changed are refused, or are the encoding of what they say", () => {
    for (const sample of samples) {
      const bytes = encode(sample);
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const flipped = Uint8Array.from(bytes);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        refusedOrExact(flipped);
      }
    }
  });

  test("cut at any byte are refused as truncated", () => {
    for (const sample of samples) {
      const bytes = encode(sample);
      for (let length = 0; length < bytes.length; length++) {
        assert.throws(() => decode(bytes.subarray(0, length), ample), { code: "WIRE_TRUNCATED" });
      }
    }
  });

  test("with any one byte replaced, removed or doubled are refused, or are the encoding of what they say", () => {
    const edits = fc.record({
      sample: fc.constantFrom(...samples),
      at: fc.nat(),
      kind: fc.constantFrom("replace", "remove", "insert"),
      byte: fc.nat(255),
    });
    fc.assert(
      fc.property(edits, ({ sample, at, kind, byte }) => {
        const bytes = [...encode(sample)];
        bytes.splice(at % bytes.length, kind === "insert" ? 0 : 1, ...(kind === "remove" ? [] : [byte]));
        refusedOrExact(Uint8Array.from(bytes));
      }),
      { ...parameters, numRuns: 2000 },
    );
  });
});

test("random bytes are refused, or are the encoding of what they say", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), refusedOrExact), { ...parameters, numRuns: 2000 });
});

test("whatever is handed to the encoder is refused with its code, or comes back", () => {
  const anything = fc.anything({ withBigInt: true, withDate: true, withMap: true, withSparseArray: true, withObjectString: true });
  fc.assert(
    fc.property(
      fc.oneof(
        anything,
        fc.string({ unit: "binary" }),
        fc.nat(200).map((tag) => new Tagged(tag, 1)),
      ),
      (value) => {
        let bytes: Uint8Array;
        try {
          bytes = encode(value as CborValue);
        } catch (error) {
          assert.ok(error instanceof SealaneError && error.code === "WIRE_VALUE_UNENCODABLE");
          return;
        }
        assert.ok(equalBytes(encode(decode(bytes, ample)), bytes));
      },
    ),
    { ...parameters, numRuns: 200 },
  );
});
