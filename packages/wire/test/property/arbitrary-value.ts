import fc from "fast-check";
import { type CborValue, Tagged } from "../../src/index.ts";
import { allowedTags } from "../../src/limits.ts";

/** Parameters of every property; a failure prints the seed that repeats it. */
export const parameters: fc.Parameters<unknown> = {
  seed: Number(process.env["SEALANE_TEST_SEED"] ?? Date.now() & 0x7fffffff),
  verbose: true,
};

const integers = fc.oneof(
  fc.maxSafeInteger(),
  fc.constantFrom(0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER),
  fc.constantFrom(-1, -24, -25, -256, -257, -65_537, -(2 ** 32) - 1, Number.MIN_SAFE_INTEGER),
);
const texts = fc.string({ unit: "grapheme", maxLength: 40 }).filter((text) => text.isWellFormed() && !text.startsWith("\ufeff"));
const byteStrings = fc.uint8Array({ maxLength: 300 });
const scalars: fc.Arbitrary<CborValue> = fc.oneof(integers, texts, byteStrings, fc.boolean(), fc.constant(null));

/** Any value that has an encoding, nested up to six levels. */
export const values: fc.Arbitrary<CborValue> = fc.letrec<{ node: CborValue }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 5, depthSize: "small" },
    scalars,
    fc.array(tie("node"), { maxLength: 6 }),
    fc.array(fc.tuple(fc.oneof(integers, texts), tie("node")), { maxLength: 6 }).map((entries) => new Map(entries)),
    fc.tuple(fc.constantFrom(...allowedTags), tie("node")).map(([tag, value]) => new Tagged(tag, value)),
  ),
})).node;

/** Some messages of the kinds that travel, for walks over every byte and bit. */
export const samples: readonly CborValue[] = [
  0,
  -1,
  "sealane:server.example",
  [1, "signed-transport", 1, 0, 1, [new Uint8Array(16).fill(7), null, true, 1_764_000_000]],
  new Tagged(18, [Uint8Array.of(0xa1, 1, 0x32), new Map(), null, new Uint8Array(64).fill(9)]),
  new Tagged(
    61,
    new Tagged(17, [
      new Uint8Array(),
      new Map<number | string, CborValue>([
        [4, "k"],
        [-4, 256],
        ["a", []],
      ]),
      new Uint8Array(24),
    ]),
  ),
  new Map<number | string, CborValue>([
    [1, "urn:é"],
    [2, [[], new Map(), 65_536]],
    [-65_537, 2 ** 40],
  ]),
];
