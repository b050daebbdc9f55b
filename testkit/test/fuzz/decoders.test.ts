import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { decoderTargets, type FuzzResult, fuzz, fuzzEffort } from "../../src/fuzz/index.ts";

/** What all targets together, with their keys, may take beyond what the process had before the first, in MiB; 315 were measured. */
const memoryLimit = 400;

describe("every decoder, with changed real messages", async () => {
  const before = residentPeak();
  const results: FuzzResult[] = [];
  for (const target of await decoderTargets()) {
    test(`${target.name}: refused by a listed code or accepted as one encoding only`, async () => {
      results.push(await fuzz(target, fuzzEffort(target.runs ?? 200)));
    });
  }

  test("the changes reach what is judged last: signatures, MACs and ciphertexts", () => {
    const codes = new Set(results.flatMap((result) => [...result.codes.keys()]));
    for (const late of ["CRYPTO_SIGNATURE_WRONG", "CRYPTO_MAC_WRONG", "CRYPTO_OPEN_FAILED", "LINK_ANSWER_WRONG", "LINK_RECORD_WRONG"])
      assert.ok(codes.has(late), `no changed message was refused with ${late}`);
  });

  test("memory stays bounded", () => {
    assert.ok(residentPeak() - before < memoryLimit, `${residentPeak() - before} MiB more than before`);
  });

  after(() => {
    const runs = results.reduce((sum, result) => sum + result.runs, 0);
    const slowest = results.toSorted((a, b) => b.slowestMilliseconds - a.slowestMilliseconds)[0];
    process.stdout.write(
      `${runs} inputs; slowest ${slowest?.slowestMilliseconds.toFixed(0)} ms (${slowest?.name}); seed ${fuzzEffort(1).seed}\n`,
    );
  });
});

/** The peak of resident memory so far, in MiB. */
function residentPeak(): number {
  return Math.round(process.resourceUsage().maxRSS / 1024);
}
