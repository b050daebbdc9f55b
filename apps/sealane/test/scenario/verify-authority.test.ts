import assert from "node:assert/strict";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { removeTree } from "@sealane/testkit/remove-tree";
import { codeOf, run } from "./command.ts";

test("WHO: an authority is verified only where it is the one that is trusted here, or below it, and is shown with its fingerprint", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "sealane-authority-"));
  t.after(() => removeTree(folder));
  const stateOf = (whose: string): string[] => ["--state", join(folder, whose), "--json"];
  const fingerprintOf = async (whose: string): Promise<unknown> => {
    const { events, stdout } = await run("sealane", ["init", ...stateOf(whose)]);
    return events.findLast(({ event }) => event === "initialised")?.["fingerprint"] ?? assert.fail(stdout);
  };
  const [here, there] = [await fingerprintOf("here"), await fingerprintOf("there")];
  assert.notEqual(here, there);
  const judge = async (path: string, ...options: readonly string[]): Promise<readonly unknown[]> => {
    const ended = await run("sealane", ["verify", join(folder, path), ...options, ...stateOf("here")]);
    return [ended.exitCode, ended.exitCode === 0 ? ended.events[0]?.["fingerprint"] : codeOf(ended)];
  };
  const foreign = ["--authority", join(folder, "there", "server", "authority.der")];
  assert.deepEqual(await judge("here/server/authority.der"), [0, here]);
  assert.deepEqual(await judge("there/server/authority.der"), [3, "PKI_FINGERPRINT_WRONG"]);
  assert.deepEqual(await judge("there/server/authority.der", ...foreign), [0, there]);
  for (const path of ["server/issuer.der", "operator/publishers.der"] as const) {
    assert.equal((await judge(`here/${path}`))[0], 0, path);
    assert.deepEqual(await judge(`there/${path}`), [3, "PKI_SIGNATURE_WRONG"], path);
    assert.deepEqual(await judge(`here/${path}`, ...foreign), [3, "PKI_SIGNATURE_WRONG"], path);
  }
});
