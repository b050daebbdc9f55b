import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { SealaneError } from "@sealane/wire";
import { cliErrors, Output, safeText } from "../../src/index.ts";

/** Everything that a screen may obey. */
const obeyed = [
  ...Array.from({ length: 0x20 }, (_, code) => code).filter((code) => code !== 0x09 && code !== 0x0a),
  ...Array.from({ length: 0x21 }, (_, index) => 0x7f + index),
  ...[0x061c, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069],
].map((code) => String.fromCharCode(code));

/** What is printed while `work` runs, on both streams. */
function printed(t: TestContext, work: () => void): string {
  let text = "";
  const collect = (piece: string | Uint8Array): boolean => {
    text += String(piece);
    return true;
  };
  const mocks = [t.mock.method(process.stdout, "write", collect), t.mock.method(process.stderr, "write", collect)];
  work();
  for (const mock of mocks) mock.mock.restore();
  return text;
}

test("no character that a screen obeys passes, every other does", () => {
  for (const character of obeyed) assert.match(safeText(`a${character}b`), /^a\\u[0-9a-f]{4}b$/);
  for (const text of ["a\tb\nc", "zażółć", "日本語", "🛠", "\\u009b"]) assert.equal(safeText(text), text);
});

test("what a stranger wrote is printed without characters that a screen obeys, in words and in JSON", (t) => {
  const hostile = `small${obeyed.join("")}\n  all is well`;
  const { entry } = cliErrors.error("CLI_USAGE_WRONG");
  const error = new SealaneError(`CODE${hostile}`, entry, { type: hostile });
  for (const json of [false, true]) {
    const output = new Output({ json, quiet: false });
    const text = printed(t, () => {
      output.error(error);
      output.event("seen", { name: hostile }, hostile);
      output.say(hostile);
      output.result({ name: hostile }, hostile);
    });
    for (const character of obeyed) assert.equal(text.includes(character), false, escape(character));
    if (!json) continue;
    const objects = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { details?: { type: string }; name?: string });
    assert.deepEqual(
      objects.map(({ details, name }) => details?.type ?? name),
      [hostile, hostile, hostile],
    );
  }
});

test("an error's details stay on the line of the error", (t) => {
  const error = cliErrors.error("CLI_USAGE_WRONG", { reason: "x\nok: all is well" });
  const text = printed(t, () => new Output({ json: false, quiet: false }).error(error));
  assert.equal(text.split("\n").length, 3);
});
