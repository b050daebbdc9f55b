import { parseArgs } from "node:util";
import { runSeed } from "../seeded-random.ts";
import { cleanUp } from "./clean-up.ts";
import { ScenarioFailure } from "./failure.ts";

/** `npm run scenario -- NAME [options]`: the real commands as processes, under faults. Ends with 0 only if all went as expected. */

const scenarios: Readonly<Record<string, (options: ScenarioOptions) => Promise<void>>> = {
  pack: async () => (await import("./pack.ts")).runPack(),
  crash: async (options) => (await import("./crash.ts")).runCrash(options),
  large: async ({ size }) => (await import("./large.ts")).runLarge(size),
  "two-servers": async ({ database }) => (await import("./two-servers.ts")).runTwoServers(database),
  anonymous: async () => (await import("./anonymous.ts")).runAnonymous(),
  broadcast: async () => (await import("./broadcast.ts")).runBroadcast(),
  token: async () => (await import("./token.ts")).runToken(),
  upgrade: async (options) => (await import("./upgrade.ts")).runUpgrade(options),
  tamper: async (options) => (await import("./tamper.ts")).runTamper(options),
};

interface ScenarioOptions {
  /** Of `large`: bytes. */
  readonly size: number;
  /** postgres://user@host/database in place of SQLite. */
  readonly database: string | undefined;
  /** Of `crash`, `tamper` and `upgrade`: cases whose name contains this. */
  readonly only: string;
  /** Of `crash` and `tamper`: a share of the cases, another one in each run. */
  readonly quick: boolean;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void cleanUp().then(() => process.exit(1)));
}
try {
  await main();
} catch (error) {
  process.stderr.write(`\n${error instanceof ScenarioFailure ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
} finally {
  await cleanUp();
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      size: { type: "string", default: "1GiB" },
      only: { type: "string", default: "" },
      quick: { type: "boolean", default: false },
      database: { type: "string" },
    },
  });
  const [name = ""] = positionals;
  const scenario = scenarios[name];
  const size = parseSize(values.size);
  if (scenario === undefined)
    throw new ScenarioFailure(`There is no scenario "${name}". The scenarios are: ${Object.keys(scenarios).join(", ")}.`);
  if (size === null) throw new ScenarioFailure(`"${values.size}" is no size. Sizes look like 512MiB or 4GiB.`);
  const began = performance.now();
  const { only, quick, database } = values;
  if (database !== undefined) process.env["SEALANE_SCENARIO_DATABASE"] = database; // read by every installation that is made
  if (quick) process.stdout.write(`a share of the cases, seed ${runSeed}\n`);
  await scenario({ size, only, quick, database });
  process.stdout.write(`\nThe scenario ${name} passed in ${((performance.now() - began) / 1000).toFixed(1)} s.\n`);
}

/** "4GiB" in bytes; null for anything else. */
function parseSize(text: string): number | null {
  const [, number, unit] = /^(\d{1,6})(KiB|MiB|GiB)$/.exec(text) ?? [];
  const factor = { KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }[unit ?? ""];
  return factor === undefined ? null : Number(number) * factor;
}
