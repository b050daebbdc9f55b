import { spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { resolve } from "node:path";
import { removeTree } from "@sealane/testkit/remove-tree";
import { interleave, type Rate, rateOf } from "./rounds.ts";

/** How long either built command takes to `--version`, beside a Node that does nothing. */
export interface StartRow {
  readonly what: string;
  readonly perSecond: Rate;
  readonly bytes: null;
  readonly ratio: number | null;
  readonly unit: string;
}

const root = resolve(import.meta.dirname, "../..");

export async function benchStart(plan: { readonly rounds: number }): Promise<readonly StartRow[]> {
  const folder = mkdtempSync(resolve(root, "bench/start-")); // below this repository, where the packages are found
  try {
    run([resolve(root, "scripts/pack.ts"), "--out", folder, "--json"]);
    const command =
      (name: string): (() => void) =>
      () =>
        run([resolve(folder, name, "bin", `${name}.js`), "--version"]);
    const works = { sealane: command("sealane"), "sealane-terminal": command("sealane-terminal"), node: () => run(["-e", "0"]) };
    const rates = await interleave(works, { rounds: plan.rounds, secondsEach: 0.5 });
    return Object.entries(rates).map(([name, rate]) => {
      const perSecond = rateOf(rate.rounds.map((times) => 1000 / times));
      const bare = rates["node"];
      const ratio = name === "node" || bare === undefined ? null : bare.median / rate.median;
      return { what: name === "node" ? "node -e 0" : `${name} --version`, perSecond, bytes: null, ratio, unit: "ms" };
    });
  } finally {
    removeTree(folder);
  }
}

function run(args: readonly string[]): void {
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(`${args.join(" ")} failed: ${stderr}`);
}
