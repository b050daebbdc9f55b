import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type EnrolInfo, enrolInfoCodec } from "@sealane/api";
import { encodeAs, exitCodes } from "@sealane/wire";
import { makeAuthority } from "../parties.ts";
import { demand } from "./failure.ts";
import type { EffectFolder, EffectPlan } from "./hooks.ts";
import { model, succeeded } from "./installation.ts";
import { flipped, inPlaceOf, inReply, inRequest } from "./message-faults.ts";
import { type CommandRun, said } from "./processes.ts";
import { publishingAgain } from "./software.ts";
import { codesOf, type TamperBench, type TamperCase, victim } from "./tamper-bench.ts";
import type { Fault } from "./tampering-proxy.ts";

/** Disks that are full, enrolments and publications that somebody interferes with. */

const { notTrusted, retryLater, usage } = exitCodes;

/** How many places of a command's course the disk is full at. */
const fullPlaces = 5;

const posts =
  (path: string): Fault["on"] =>
  (request) =>
    request.method === "POST" && request.path === path;

export const machineCases: readonly TamperCase[] = [
  fullCase("disk full during fetch", ["TERMINAL_DISK_FULL"], (bench) => ({
    run: (effects) => bench.installation.terminal(victim, ["fetch", bench.after.module], { hooks: { effects } }),
  })),
  fullCase("disk full during install", ["TERMINAL_DISK_FULL"], (bench) => ({
    maySwitch: true,
    async run(effects) {
      succeeded(await bench.fetch());
      return await bench.installation.terminal(victim, ["install", bench.after.module], { hooks: { effects } });
    },
  })),
  fullCase("disk full during publish, at the publisher", ["FILE_WRITE_FAILED", "CLI_DISK_FULL"], (bench) => ({
    run: (effects) => bench.installation.operator(publishingAgain(bench.spare), { hooks: { effects } }),
  })),
  {
    name: "disk full during publish, at the server",
    exit: retryLater,
    codes: ["STORE_FULL", "API_SERVER_FAILED", "API_SERVER_BUSY"],
    logged: "STORE_FULL",
    async meet(bench) {
      const { installation, effects } = bench;
      await bench.restartServer({ effects });
      await effects.rearm("full 1", installation.serverProcess);
      return await installation.operator(publishingAgain(bench.spare));
    },
    mend: async (bench) => await bench.restartServer(),
  },
  publishCase("artefact changed on its way to the store", { exit: notTrusted, codes: [] }, inRequest(posts("/v1/artefacts"), flipped)),
  publishCase("release changed on its way to the server", { exit: notTrusted, codes: [] }, inRequest(posts("/v1/releases"), flipped)),
  publishCase(
    "a wrong operator token",
    { exit: notTrusted, codes: ["API_TOKEN_WRONG"] },
    {
      on: posts("/v1/artefacts"),
      request: (request) => ({ ...request, headers: { ...request.headers, authorization: `Bearer ${"A".repeat(43)}` } }),
    },
  ),
  enrolCase("enrolment: an unreadable token", { exit: usage, codes: ["ENROL_TOKEN_MALFORMED"] }, async (_bench, { token }) => {
    writeFileSync(token, `${readFileSync(token, "utf8").trim().slice(0, -4)}\n`);
    return null;
  }),
  enrolCase("enrolment: a token used before", { exit: notTrusted, codes: ["ENROL_REFUSED"] }, async (bench, { token, name }) => {
    succeeded(await bench.installation.terminal(`${name}-first`, ["enroll", "--token-file", token]));
    return null;
  }),
  enrolCase("enrolment: the authority exchanged", { exit: notTrusted, codes: ["PKI_FINGERPRINT_WRONG"] }, async () => {
    const { certificate } = await makeAuthority("elsewhere");
    const info: EnrolInfo = { authority: certificate, enrolChain: [certificate] };
    return inPlaceOf(({ method, path }) => method === "GET" && path === "/v1/enrol", encodeAs(enrolInfoCodec, info));
  }),
  enrolCase("enrolment: the request changed", { exit: notTrusted, codes: ["ENROL_REFUSED"] }, async () =>
    inRequest(posts("/v1/enrolments"), flipped),
  ),
  enrolCase("enrolment: the certificates changed", { exit: notTrusted, codes: [] }, async () => inReply(posts("/v1/enrolments"), flipped)),
  enrolCase("enrolment: the proof changed", { exit: notTrusted, codes: ["ENROL_REFUSED"] }, async () =>
    inRequest(posts("/v1/enrolments/proof"), flipped),
  ),
];

function fullCase(name: string, codes: readonly string[], make: (bench: TamperBench) => Omit<FullCase, "codes">): TamperCase {
  return { name, exit: retryLater, codes, meet: async (bench) => await whenFull(bench, { codes, ...make(bench) }) };
}

interface FullCase {
  readonly run: (effects: EffectFolder) => Promise<CommandRun>;
  readonly codes: readonly string[];
  /** The new version may be the one that runs: the disk may be full behind the switch. */
  readonly maySwitch?: boolean;
}

/** Lets the disk be full from several places of a command's course on; ends where the first of them leaves things. */
async function whenFull(bench: TamperBench, { run, codes, maySwitch = false }: FullCase): Promise<CommandRun> {
  const { effects } = bench;
  const planned = async (plan: EffectPlan): Promise<CommandRun> => {
    await bench.reset();
    effects.plan(plan);
    return await run(effects);
  };
  succeeded(await planned("count"));
  const all = effects.seen().length;
  let first: EffectPlan | null = null;
  for (let place = 0; place < fullPlaces; place++) {
    const plan: EffectPlan = `full ${1 + Math.floor((place * all) / fullPlaces)}`;
    const ended = await planned(plan);
    if (ended.exitCode === 0) continue; // nothing needed space any more
    first ??= plan;
    const isTold = ended.exitCode === retryLater && codesOf(ended).some((code) => codes.includes(code));
    demand(isTold, `A disk that is full from effect ${plan.slice(5)} on is told otherwise.`, said(ended));
    await bench.demandUnharmed(maySwitch ? [bench.before, bench.after] : [bench.before]);
  }
  demand(first !== null, "No command failed on a full disk.");
  return await planned(first);
}

/** A publication on whose way something is changed: the release must not be known afterwards. */
function publishCase(name: string, expected: Pick<TamperCase, "exit" | "codes">, fault: Fault): TamperCase {
  return {
    name,
    ...expected,
    async meet(bench) {
      const before = await bench.releases();
      bench.proxy.fault = fault;
      const run = await bench.installation.operator(publishingAgain(bench.spare));
      bench.proxy.fault = null;
      demand((await bench.releases()) === before, "The release is listed although it failed.", said(run));
      return run;
    },
  };
}

/** A new terminal that enrols while something is wrong; with a new token it then can. */
function enrolCase(
  name: string,
  expected: Pick<TamperCase, "exit" | "codes">,
  arrange: (bench: TamperBench, terminal: { readonly name: string; readonly token: string }) => Promise<Fault | null>,
): TamperCase {
  const terminal = name.replaceAll(/[^a-z]+/g, "-");
  return {
    name,
    ...expected,
    async meet(bench) {
      const { installation } = bench;
      const token = join(installation.folder, `${terminal}.token`);
      succeeded(await installation.operator(["terminal", "token", terminal, "--model", model, "--out", token]));
      bench.proxy.fault = await arrange(bench, { name: terminal, token });
      return await installation.terminal(terminal, ["enroll", "--token-file", token]);
    },
    mend: async (bench) => await bench.installation.enrol(terminal),
  };
}
