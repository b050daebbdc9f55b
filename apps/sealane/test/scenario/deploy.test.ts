import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { without } from "@sealane/testkit/tools";
import { parse } from "yaml";

/** What stands in deploy/, checked with the tools that would run it as far as they are here. */

const deploy = fileURLToPath(new URL("../../../../deploy", import.meta.url));
const units = ["sealane.service", "sealane-terminal@.service", "sealane-run@.service"];

for (const unit of units) {
  test(`${unit} is understood by systemd and leaves little exposed`, { skip: without("systemd") }, () => {
    const folder = mkdtempSync(join(tmpdir(), "sealane-units-"));
    try {
      // The commands are not installed here: any program that is does for the check.
      const text = readFileSync(join(deploy, unit), "utf8").replaceAll(/\/usr\/local\/bin\/sealane(?:-terminal)?/g, "/bin/true");
      const path = join(folder, unit);
      writeFileSync(path, text);
      const { stderr } = spawnSync("systemd-analyze", ["verify", path], { encoding: "utf8" });
      assert.deepEqual(
        stderr.split("\n").filter((line) => line.includes(unit.replace("@", ""))),
        [],
      );
      const security = execFileSync("systemd-analyze", ["security", "--offline=true", path], { encoding: "utf8" });
      const [, exposure = "10"] = /Overall exposure level[^:]*: ([0-9.]+)/.exec(security) ?? [];
      assert.ok(Number(exposure) < 3, `exposure ${exposure} of 10`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

interface Compose {
  readonly services: Readonly<
    Record<string, { readonly environment?: Readonly<Record<string, string>>; readonly secrets?: readonly string[] }>
  >;
  readonly secrets: Readonly<Record<string, unknown>>;
}

test("the compose file names no password, and every secret that it uses is declared", () => {
  const { services, secrets } = parse(readFileSync(join(deploy, "compose.yaml"), "utf8")) as Compose;
  for (const { environment = {}, secrets: used = [] } of Object.values(services)) {
    for (const name of used) assert.ok(name in secrets, name);
    for (const [name, value] of Object.entries(environment)) {
      assert.ok(!/PASSWORD|SECRET|TOKEN/.test(name) || name.endsWith("_FILE"), name);
      if (URL.canParse(value)) assert.equal(new URL(value).password, "");
    }
  }
  assert.deepEqual(Object.keys(services), ["database", "sealane"]);
});

test("the image runs the server as a user of its own, and every instruction is one that a builder knows", () => {
  const lines = readFileSync(join(deploy, "Dockerfile"), "utf8").split("\n");
  const instructions = lines.filter((line) => line !== "" && !line.startsWith("#")).map((line) => line.split(" ")[0] ?? "");
  const known = ["FROM", "WORKDIR", "COPY", "RUN", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"];
  assert.deepEqual(
    instructions.filter((each) => !known.includes(each)),
    [],
  );
  const last = instructions.lastIndexOf("FROM");
  assert.ok(instructions.slice(last).includes("USER"));
  assert.ok(lines.includes("USER sealane"));
});
