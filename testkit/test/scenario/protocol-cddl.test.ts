import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { before, describe, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { sign1 } from "@sealane/cose";
import { SoftwareKey } from "@sealane/crypto";
import { type CborValue, decode, encode, SealaneError, Tagged } from "@sealane/wire";
import { Cddl } from "../../src/cddl/cddl.ts";
import { boundaryChangesOf, changedAt, changesOf, partAt } from "../../src/cddl/changes.ts";
import type { Outcome, Path, Place } from "../../src/cddl/match.ts";
import { watchCryptography } from "../../src/cddl/samples/cryptography.ts";
import { realMessages } from "../../src/cddl/samples/index.ts";
import { type Sample, Samples } from "../../src/cddl/samples/sample.ts";

const document = readFileSync(resolve(import.meta.dirname, "../../../docs/sealane.cddl"), "utf8");
const cddl = new Cddl(document);

/** A real message that matches its rule. */
interface Matched extends Sample {
  readonly value: CborValue;
  readonly places: readonly Place[];
  readonly used: Extract<Outcome, { matches: true }>["used"];
}

const matched: Matched[] = [];
const mismatches: string[] = [];

before(async () => {
  for (const sample of await realMessages()) {
    const value = decode(sample.bytes, sample.bytes.length);
    const outcome = cddl.match(sample.rule, value);
    if (outcome.matches) matched.push({ ...sample, ...outcome, value });
    else mismatches.push(`${sample.rule}: ${outcome.reason}: ${sample.bytes.toHex().slice(0, 400)}`);
  }
});

describe("docs/sealane.cddl and the messages that the code makes", () => {
  test("everything that is sent, signed, encrypted, hashed and derived from is of its rule, on every suite and from either side", () => {
    assert.deepEqual(mismatches, []);
  });

  test("every rule and every alternative is used by a message", () => {
    assert.deepEqual(unusedOf(cddl, matched), []);
  });

  test("no bytes, text or list is without a bound", () => {
    assert.deepEqual(cddl.unbounded, []);
  });

  test("a rule that no message uses would be told", () => {
    const longer = new Cddl(`${document}\nnobodys = [1, count]\n$link-message /= nobodys\n`);
    const again = matched.flatMap((sample) => {
      const outcome = longer.match(sample.rule, sample.value);
      return outcome.matches ? [{ ...sample, ...outcome }] : [];
    });
    assert.deepEqual(unusedOf(longer, again), ["$link-message: nobodys", "nobodys: [1, count]"]);
  });

  test("a signature under a label that is not in the document would be told", async () => {
    const samples = new Samples();
    {
      using _watching = watchCryptography(samples);
      const key = SoftwareKey.generate("ed25519").signingKey();
      await sign1(key, { payload: encode([]), externalAad: encode(["Sealane", 1, "unheard of"]) });
    }
    assert.deepEqual(
      samples.all.map(({ rule, bytes }) => [rule, cddl.match(rule, decode(bytes, bytes.length)).matches]),
      [["$to-sign", false]],
    );
  });

  test("a message is refused with any one thing changed: type, length, number, text, tag, encoding, an element more or less", () => {
    const accepted: string[] = [];
    let changes = 0;
    for (const { rule, value, places } of telling(matched)) {
      for (const change of changesOf(cddl, value, places)) {
        changes++;
        if (cddl.match(rule, change.value).matches) accepted.push(`${rule}: ${change.what}`);
      }
    }
    assert.deepEqual(accepted, []);
    assert.ok(changes > 3_000, `only ${changes} changes`);
  });

  test("the bounds are those that the code checks", () => {
    const differences: string[] = [];
    let bounds = 0;
    for (const { rule, value, places, read } of telling(matched.filter((sample) => sample.read !== undefined))) {
      const judgedByCode = places.filter(({ path }) => !path.includes("cbor"));
      for (const change of boundaryChangesOf(value, judgedByCode)) {
        bounds++;
        const verdict = verdictOf(() => read?.(encode(change.value)));
        const isRight = verdict === "relation" || (verdict === "read") === change.isWithin;
        if (!isRight || cddl.match(rule, change.value).matches !== change.isWithin) differences.push(`${rule}: ${change.what}: ${verdict}`);
      }
    }
    assert.deepEqual(differences, []);
    assert.ok(bounds > 100, `only ${bounds} bounds`);
  });
});

describe("what the rules tie together", () => {
  /** In a link message: [1, mechanism, number, sender, suite, [hint, P_X]]. */
  const m1 = (path: Path, part: CborValue): Refusal => ({ rule: "link-message", like: [1, 1, 1, 2, 2], path, part });
  const answer = (path: Path, part: CborValue): Refusal => ({ rule: "link-message", like: [1, 1, 2, 2, 2], path, part });
  const refusals: Readonly<Record<string, Refusal>> = {
    "a message of another version": m1([at(0)], 2),
    "a message of an unknown mechanism": m1([at(1)], 99),
    "M1 as an answer": m1([at(2)], 2),
    "a hint from a server": m1([at(3)], 1),
    "no hint from a terminal": m1([at(5), at(0)], null),
    "an X-Wing key on the suite x25519": m1([at(4)], 1),
    "the algorithm of another suite": m1([at(5), at(1), at(0)], encode(new Map([[1, -65537]]))),
    "an algorithm that is not protected": m1([at(5), at(1), at(0)], new Uint8Array()),
    "a second unprotected parameter": m1(
      [at(5), at(1), at(1)],
      new Map([
        [-4, new Uint8Array(1_120)],
        [4, new Uint8Array(1)],
      ]),
    ),
    "a tag before P_X": m1([at(5), at(1)], new Tagged(16, [])),
    "an answer as M1": answer([at(2)], 1),
    "a confirmation of half the length": answer([at(5), at(2)], new Uint8Array(16)),
  };
  for (const [what, refusal] of Object.entries(refusals)) {
    test(`refused: ${what}`, () => {
      const { rule, like, path, part } = refusal;
      const message = matched.find(
        ({ rule: each, value }) => each === rule && like.every((number, item) => partAt(value, [at(item)]) === number),
      );
      assert.ok(message !== undefined);
      assert.equal(cddl.match(rule, changedAt(message.value, path, part)).matches, false);
      assert.equal(cddl.match("sealane", changedAt(message.value, path, part)).matches, false);
    });
  }

  for (const [what, issuedAt, challenge] of [
    ["a time beside a challenge", 1_800_000_000, new Uint8Array(32)],
    ["neither a time nor a challenge", null, null],
  ] as const) {
    test(`refused: ${what}`, () => {
      const contents = matched.flatMap(contentOf);
      assert.ok(contents.length > 0);
      for (const content of contents) {
        const changed = changedAt(changedAt(content, [at(4)], issuedAt), [at(5)], challenge);
        assert.equal(cddl.match("signed-transport-content", changed).matches, false);
      }
    });
  }
});

/** What M1 of signed-transport encrypts. */
function contentOf({ rule, value, places }: Matched): readonly CborValue[] {
  const plaintext: Path = [at(1), "cbor"];
  if (rule !== "$to-encrypt" || !places.some(({ path }) => isDeepStrictEqual(path, plaintext))) return [];
  const content = partAt(value, plaintext);
  return cddl.match("signed-transport-content", content).matches ? [content] : [];
}

/** A change to a message that begins with these numbers. */
interface Refusal {
  readonly rule: string;
  readonly like: readonly number[];
  readonly path: Path;
  readonly part: CborValue;
}

function at(item: number): { readonly item: number } {
  return { item };
}

/** The parts of a document that no message uses. */
function unusedOf({ parts }: Cddl, messages: readonly Pick<Matched, "used">[]): readonly string[] {
  const used = new Set(messages.flatMap((message) => [...message.used]));
  return parts.filter(({ node }) => !used.has(node)).map(({ label }) => label);
}

/** The messages that use a part of the document that none before has used: what they show, the others show too. */
function telling(messages: readonly Matched[]): readonly Matched[] {
  const used = new Set<unknown>();
  return messages.filter(({ rule, used: parts }) => {
    const known = used.size;
    for (const part of [rule, ...parts]) used.add(part);
    return used.size > known;
  });
}

/** What CDDL cannot say: which values two fields may have together. */
const relations = [
  "an end after the beginning",
  "the sizes of an artefact",
  "at most the sequence",
  "at most the seconds of publishedAt",
  "at most the milliseconds of issuedAt",
  "within 14 days of issuedAt",
  "no time behind the order's end",
];

function verdictOf(read: () => unknown): string {
  try {
    read();
    return "read";
  } catch (error) {
    if (!(error instanceof SealaneError)) throw error;
    return relations.some((relation) => relation === error.details["expected"]) ? "relation" : error.code;
  }
}
