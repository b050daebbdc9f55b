import { exitCodes } from "@sealane/wire";
import { demand } from "./failure.ts";
import { succeeded } from "./installation.ts";
import { type CommandRun, said } from "./processes.ts";
import { type TamperBench, type TamperCase, victim } from "./tamper-bench.ts";

/** Clocks that are wrong, and times that are over. */

const { notTrusted, expired, retryLater } = exitCodes;
const daySeconds = 86_400;

export const timeCases: readonly TamperCase[] = [
  {
    name: "server's clock an hour ahead: M1 is stale",
    exit: notTrusted,
    codes: ["LINK_REFUSED"],
    logged: "LINK_MESSAGE_STALE",
    async meet(bench) {
      await bench.restartServer({ clockSeconds: 3_600 });
      return await bench.fetch();
    },
    mend: async (bench) => await bench.restartServer(),
  },
  clockCase("terminal's clock an hour ahead: M1 is from the future", 3_600, {
    exit: notTrusted,
    codes: ["LINK_REFUSED"],
    logged: "LINK_MESSAGE_FUTURE",
  }),
  clockCase("certificates expired", 400 * daySeconds, { exit: expired, codes: ["PKI_CERTIFICATE_EXPIRED"] }),
  execCase("licence expired at the start", 400 * daySeconds, { exit: expired, codes: ["LICENCE_EXPIRED"] }),
  execCase("licence not yet valid at the start", -10 * daySeconds, {
    exit: retryLater,
    codes: ["LICENCE_NOT_YET_VALID"],
  }),
  {
    name: "licence expired between fetch and install",
    exit: expired,
    codes: ["LICENCE_EXPIRED"],
    meet: async (bench) => {
      succeeded(await bench.fetch());
      return await bench.installation.terminal(victim, ["install", bench.after.module], { hooks: { clockSeconds: 400 * daySeconds } });
    },
  },
];

type Expected = Pick<TamperCase, "exit" | "codes" | "logged">;

function clockCase(name: string, clockSeconds: number, expected: Expected): TamperCase {
  return { name, ...expected, meet: async (bench) => await at(bench, clockSeconds, ["fetch", bench.after.module]) };
}

function execCase(name: string, clockSeconds: number, expected: Expected): TamperCase {
  return {
    name,
    ...expected,
    async meet(bench) {
      const run = await at(bench, clockSeconds, ["exec", bench.before.module, "--", "a1"]);
      demand(!run.stdout.includes(bench.before.marker), "The program ran without a valid licence.", said(run));
      return run;
    },
  };
}

async function at(bench: TamperBench, clockSeconds: number, command: readonly string[]): Promise<CommandRun> {
  return await bench.installation.terminal(victim, command, { hooks: { clockSeconds } });
}
