import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { citedIds, coverageOf, requirementIds, titlesOf } from "../../requirements.ts";

describe("the ids of the document", () => {
  test("come from the first cell of each row", () => {
    const markdown = "# KSER\n\n| id | what |\n|---|---|\n| EQ1 | one, see | KDER |\n| EQ14iii | two |\n| UNI / MULTI / BCAST | three |\n";
    assert.deepEqual(requirementIds(markdown), ["EQ1", "EQ14iii", "UNI", "MULTI", "BCAST"]);
  });
  test("are none where no table is", () => {
    assert.deepEqual(requirementIds("EQ1 and | EQ2 |"), []);
  });
});

describe("the ids of a title", () => {
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ["EQ1: a", ["EQ1"]],
    ["EQ14iii: a", ["EQ14iii"]],
    ["EQ7S, KSER: a", ["EQ7S", "KSER"]],
    ["EQ7S KSER,FTIME: a: b", ["EQ7S", "KSER", "FTIME"]],
    ["NOPE: unknown ids are cited too", ["NOPE"]],
    ["EQ1 a terminal: no colon behind the ids", []],
    ["EQ1:no space", []],
    [" EQ1: not at the start", []],
    ["Secret: prints as its kind", []],
    ["A terminal: waits", []],
    ["Ed25519: vectors", []],
    ["a plain title", []],
  ];
  for (const [title, ids] of rows)
    test(`of "${title}" are ${ids.length === 0 ? "none" : ids.join(" and ")}`, () => assert.deepEqual(citedIds(title), ids));
});

describe("the titles of a file", () => {
  const titles = (text: string): string[] => titlesOf("a.test.ts", text).map((each) => each.title);
  test("are found in every way to write a test", () => {
    const source = `test("a", f); it('b', f);\ndescribe(\n  "c", f);\nawait t.test(\`d \${x}\`, f); test.only("e", f); suite("f", f);`;
    assert.deepEqual(titles(source), ["a", "b", "c", `d \${x}`, "e", "f"]);
  });
  test("leave out what does not run, and what is no test", () => {
    assert.deepEqual(
      titles(
        `test.skip("a", f); test.todo("b"); // test("c")\n/* test("d") */ /x/.test("e"); retest("f"); test(name, f); const g = "test('g')";`,
      ),
      [],
    );
  });
  test("are marked when they begin with an expression", () => {
    assert.deepEqual(titlesOf("a.test.ts", `test(\`\${id}: x\`, f); test(\`EQ1: \${x}\`, f);`), [
      { file: "a.test.ts", title: `\${id}: x`, computed: true },
      { file: "a.test.ts", title: `EQ1: \${x}`, computed: false },
    ]);
  });
});

test("the coverage counts tests and names what is untested and unknown", () => {
  const title = (file: string, text: string) => ({ file, title: text, computed: false });
  const coverage = coverageOf(["EQ1", "EQ2", "EQ3"], [title("a", "EQ1: x"), title("a", "EQ1, EQ2: y"), title("b", "EQ2 EQ9: z")]);
  assert.deepEqual(coverage, {
    requirements: [
      { id: "EQ1", tests: 2, files: ["a"] },
      { id: "EQ2", tests: 2, files: ["a", "b"] },
      { id: "EQ3", tests: 0, files: [] },
    ],
    untested: ["EQ3"],
    unknown: [{ file: "b", title: "EQ2 EQ9: z", computed: false, ids: ["EQ9"] }],
  });
});
