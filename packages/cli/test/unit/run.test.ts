import assert from "node:assert/strict";
import { test } from "node:test";
import { exitCodes, hasCode } from "@sealane/wire";
import { asSealaneError, cliErrors, formatBytes, formatTable, stateFolder } from "../../src/index.ts";

test("full disks and missing files are told apart from defects", () => {
  const failing = (code: string) => Object.assign(new Error("raw"), { code, path: "/some/file", syscall: "open" });
  assert.equal(asSealaneError(failing("ENOSPC")).entry.exit, exitCodes.retryLater);
  assert.equal(asSealaneError(new Error("outer", { cause: failing("ENOSPC") })).code, "CLI_DISK_FULL");
  assert.equal(asSealaneError(failing("ENOENT")).code, "CLI_FILE_MISSING");
  for (const code of ["EACCES", "EPERM", "EROFS"]) {
    const denied = asSealaneError(new Error("outer", { cause: failing(code) }));
    assert.deepEqual([denied.code, denied.details], ["SYSTEM_PERMISSION_DENIED", { file: "/some/file", reason: code }]);
  }
  assert.equal(asSealaneError(failing("EISDIR")).code, "CLI_FILE_UNREADABLE");
  assert.equal(asSealaneError(new TypeError("x")).entry.exit, exitCodes.internal);
  assert.equal(asSealaneError("thrown text").code, "CLI_INTERNAL");
  const own = cliErrors.error("CLI_USAGE_WRONG");
  assert.equal(asSealaneError(own), own);
  assert.ok(hasCode(own, "CLI_USAGE_WRONG"));
});

test("sizes are told in decimal units", () => {
  assert.deepEqual([0, 999, 1000, 149_711_504, 4 * 1024 ** 3].map(formatBytes), ["0 B", "999 B", "1.0 kB", "149.7 MB", "4.3 GB"]);
});

test("tables align their columns", () => {
  assert.equal(
    formatTable(
      ["a", "b"],
      [
        ["long", "x"],
        ["s", ""],
      ],
    ),
    "a     b\nlong  x\ns",
  );
});

test("a given state folder wins over the standard one", () => {
  assert.equal(stateFolder("sealane", "/x/y"), "/x/y");
  assert.match(stateFolder("sealane", undefined), /sealane$/);
});
