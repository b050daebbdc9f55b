import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, test } from "node:test";
import { type Check, checks, type Model } from "../../models/checks.ts";
import { parseSearch, parseTrail } from "../../models/pan-output.ts";
import { modelsFolder } from "../../models/spin.ts";
import { asRow, judge, summary } from "../../models/verdict.ts";

/** Outputs of pan, as recorded. */
const sample = (name: string): string => readFileSync(resolve(import.meta.dirname, "../samples", `pan-${name}.txt`), "utf8");

const check = (given: Partial<Check>): Check => ({
  model: "mutual-nonce",
  form: "repaired",
  defines: [],
  properties: [],
  expected: "nothing",
  ...given,
});

describe("the output of pan", () => {
  test("of a complete search gives its states and depth, and no gap", () => {
    assert.deepEqual(parseSearch(sample("complete")), { found: false, states: 57_115, depth: 76, gaps: [] });
  });

  test("of a search that ended with an attack has no gap either", () => {
    assert.deepEqual(parseSearch(sample("attack")), { found: true, states: 42_497, depth: 33, gaps: [] });
  });

  for (const [name, gaps] of [
    ["too-shallow", ["the search was cut off at its greatest depth"]],
    ["out-of-memory", ["the search ran out of memory", "the search was not completed"]],
    ["bitstate", ["the search was an approximation, not of all states"]],
    ["fault", ["the search was not completed", "the model has a fault: assertion violated - invalid array index (at depth 1)"]],
  ] as const) {
    test(`of a search that is incomplete (${name}) says why, though pan counts no attack`, () => {
      const search = parseSearch(sample(name));
      assert.deepEqual({ found: search.found, gaps: search.gaps }, { found: false, gaps: [...gaps] });
    });
  }

  test("of a search that looked at no assertions says so", () => {
    const output = sample("complete").replace("assertion violations\t+", "assertion violations\t- (disabled by -A flag)");
    assert.deepEqual(parseSearch(output).gaps, ["assertions were not looked at"]);
  });

  test("without a summary is an error", () => {
    assert.throws(() => parseSearch(""), /no summary/);
    assert.throws(() => parseSearch(sample("complete").replace("errors: 0", "")), /no summary/);
  });

  test("of a replayed trail gives the messages and what they violate", () => {
    assert.deepEqual(parseTrail(sample("trail")), {
      messages: [
        "A -> I       M1 = P_I(kA1, A, T)",
        "I(A) -> B    M1 = P_B(kA1, A, T)",
        "B -> I(A)    M2 = P_A(kA1, kB3)",
        "I -> A       M2 = P_A(kA1, kB3)",
        "A -> I       M3 = P_I(kB3)",
        "I(A) -> B    M3 = P_B(kB3)",
      ],
      violated: "AGREEMENT",
    });
    assert.throws(() => parseTrail(sample("trail").replace("VIOLATED", "")), /no violation/);
  });
});

describe("a verdict", () => {
  const found = { search: parseSearch(sample("attack")), trail: parseTrail(sample("trail")), seconds: 1 };
  const complete = { search: parseSearch(sample("complete")), trail: null, seconds: 1 };

  test("is as expected when the attack was found, and when nothing was found in all states", () => {
    assert.equal(judge(check({ expected: "attack", properties: ["AGREEMENT"] }), found).problem, null);
    assert.equal(judge(check({}), complete).problem, null);
  });

  test("is not as expected when the attack or the honest run was not found, or another property is violated", () => {
    assert.equal(judge(check({ expected: "attack", properties: ["AGREEMENT"] }), complete).problem, "the attack was not found");
    assert.equal(judge(check({ expected: "run", properties: ["HONEST_RUN"] }), complete).problem, "no honest run is possible");
    assert.equal(judge(check({ expected: "attack", properties: ["SECRECY"] }), found).problem, "AGREEMENT is violated, not SECRECY");
  });

  test("is not as expected when anything was found in a repaired form", () => {
    assert.equal(judge(check({}), found).problem, "AGREEMENT is violated");
  });

  test("is never as expected after an incomplete search", () => {
    for (const name of ["too-shallow", "out-of-memory", "bitstate", "fault"]) {
      const incomplete = { search: parseSearch(sample(name)), trail: null, seconds: 1 };
      assert.notEqual(judge(check({}), incomplete).problem, null, name);
      assert.notEqual(judge(check({ expected: "attack", properties: ["AGREEMENT"] }), incomplete).problem, null, name);
    }
  });

  test("is a row with the messages below it, and counted in the summary", () => {
    const verdicts = [
      judge(check({ expected: "attack", properties: ["AGREEMENT"] }), found),
      judge(check({}), found),
      judge(check({}), complete),
    ];
    const [attack = "", violated = ""] = verdicts.map((verdict) => asRow({ model: 12, form: 8 }, verdict));
    assert.deepEqual(attack.split("\n").slice(0, 2), [
      "mutual-nonce  repaired  AGREEMENT               42,497      1.0  attack found",
      "    A -> I       M1 = P_I(kA1, A, T)",
    ]);
    assert.match(violated, /NOT AS EXPECTED: AGREEMENT is violated/);
    assert.equal(
      summary(verdicts, 3),
      "3 checks in 3 s: 1 attacks found, 0 honest runs found, 1 times nothing found in a complete search, 1 NOT AS EXPECTED.",
    );
  });
});

describe("the list of checks", () => {
  const models = [...new Set(checks.map(({ model }) => model))];
  const ofModel = (model: Model): Check[] => checks.filter((each) => each.model === model);
  /** What was before the repairs: the source's print, or our own former enrolment. */
  const isBefore = (defines: readonly string[]): boolean => defines.includes("PRINTED") || defines.includes("FORMER");

  /** The names that a model's text asks the preprocessor for. */
  function namesIn(file: string): Set<string> {
    const text = readFileSync(resolve(modelsFolder, file), "utf8");
    const own = [...text.matchAll(/#ifn?def (\w+)|defined\((\w+)\)/g)].map(([, first, second]) => first ?? second ?? "");
    const included = [...text.matchAll(/#include "([\w.-]+)"/g)].flatMap(([, name = ""]) => [...namesIn(name)]);
    return new Set([...own, ...included]);
  }

  test("asks for no form that its model does not know: a misspelt define would make the repaired form", () => {
    for (const { model, defines } of checks) {
      for (const define of defines) assert.ok(namesIn(`${model}.pml`).has(define.replace(/=.*/, "")), `${model}: ${define}`);
    }
  });

  test("has every model as printed with an attack, repaired with nothing, and with an honest run", () => {
    for (const model of models) {
      const asked = ofModel(model);
      assert.ok(
        asked.some(({ defines, expected }) => isBefore(defines) && expected === "attack"),
        model,
      );
      assert.ok(
        asked.some(({ defines, properties, expected }) => defines.length === 0 && properties.length === 0 && expected === "nothing"),
        model,
      );
      assert.ok(
        asked.some(({ expected }) => expected === "run"),
        model,
      );
    }
  });

  test("shows of every repair an attack that it alone holds back", () => {
    for (const model of models) {
      const opened = ofModel(model).filter(({ defines, expected }) => expected === "attack" && !isBefore(defines));
      const repairs = [...namesIn(`${model}.pml`)].filter((name) => name.startsWith("WITHOUT_"));
      for (const repair of repairs)
        assert.ok(
          opened.some(({ defines }) => defines.includes(repair)),
          `${model}: ${repair}`,
        );
      for (const each of opened.filter(({ defines }) => !defines.some((define) => define.startsWith("STOLEN")))) {
        for (const repair of missing(each)) assert.ok(holdsBack(each, repair), `${model}, ${each.form}: ${repair}`);
      }
    }
  });

  /** What a form lacks; ONE_WAY and TWO_WAY lack nothing, they only narrow what is searched. */
  const missing = ({ defines }: Check): string[] => defines.filter((define) => !/^(?:ONE|TWO)_WAY$/.test(define)).sort();

  /** With this repair put back, and nothing else, the property was found to hold, either way or at least on the attack's way. */
  function holdsBack(attack: Check, repair: string): boolean {
    const rest = missing(attack).filter((define) => define !== repair);
    return ofModel(attack.model).some(
      (each) =>
        each.expected === "nothing" &&
        (each.properties.length === 0 || attack.properties.every((property) => each.properties.includes(property))) &&
        missing(each).join() === rest.join() &&
        each.defines.every((define) => rest.includes(define) || attack.defines.includes(define)),
    );
  }
});
