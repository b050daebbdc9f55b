import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { TestEvent } from "node:test/reporters";
import { RunNotes, withNotes } from "../../run-tests/notes.ts";
import { root } from "../../workspaces.ts";

function passed(given: {
  readonly file: string;
  readonly skip?: string | boolean;
  readonly ms?: number;
  readonly nesting?: number;
}): TestEvent {
  const details = { duration_ms: given.ms ?? 1 };
  const data = { name: "a test", nesting: given.nesting ?? 0, testNumber: 1, details, file: join(root, given.file), skip: given.skip };
  return { type: "test:pass", data } as TestEvent;
}

function line(message: string): TestEvent {
  return { type: "test:diagnostic", data: { nesting: 0, message } } as TestEvent;
}

async function told(...events: readonly TestEvent[]): Promise<string[]> {
  const notes = new RunNotes(["fast/a", "fast/b"]);
  const source = (async function* () {
    yield* events;
  })();
  const lines: string[] = [];
  for await (const { type, data } of withNotes(source, notes)) {
    if (type === "test:stdout" || type === "test:diagnostic") lines.push(data.message);
  }
  return lines;
}

test("what was skipped stands before the summary, each reason once and with its number", async () => {
  const [skipped, ...summary] = await told(
    passed({ file: "a", skip: "no tool" }),
    passed({ file: "b", skip: "no tool", nesting: 1 }),
    passed({ file: "c", skip: true }),
    passed({ file: "d" }),
    line("tests 4"),
    line("pass 1"),
  );
  assert.match(skipped ?? "", /^ +2 × {2}no tool\n +1 × {2}for no reason that it gives\n$/m);
  assert.deepEqual(summary, ["tests 4", "pass 1"]);
});

test("a fast test file that takes seconds is named, a sweep is not", async () => {
  const [slow] = await told(
    passed({ file: "fast/a", ms: 2000 }),
    passed({ file: "fast/a", ms: 2000 }),
    passed({ file: "fast/b", ms: 9000, nesting: 1 }),
    passed({ file: "sweep/c", ms: 9000 }),
    line("tests 4"),
  );
  assert.match(slow ?? "", /^ +4\.0 s {2}fast\/a\n$/m);
  assert.doesNotMatch(slow ?? "", /fast\/b|sweep/);
});

test("of a run that skipped nothing there is nothing to say", async () => {
  assert.deepEqual(await told(passed({ file: "a" }), line("tests 1")), ["", "tests 1"]);
});
