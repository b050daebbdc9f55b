import { access, mkdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { sha256, standardSuites } from "@sealane/crypto";
import { mechanisms } from "@sealane/link";
import { dropServerSchema } from "@sealane/server";
import { writeFileAtomic } from "@sealane/software";
import { commandErrors } from "../errors.ts";
import { loadProfile, operatorFolder } from "../profile.ts";
import type { Children, Commands } from "./children.ts";
import type { UpOptions } from "./options.ts";
import { markerName, takeState } from "./own-state.ts";

/** A server and terminals below one folder, each a process of its own with a state folder of its own. */
export interface Installation {
  readonly state: string;
  readonly url: string;
  readonly fingerprint: string;
  /** State folder of each terminal by its name. */
  readonly terminals: ReadonlyMap<string, string>;
}

const model = "demo";
const serverName = "sealane-up";

/** Makes or takes up the installation in the state folder, starts its server and enrols its terminals. */
export async function raiseInstallation(
  options: UpOptions,
  tools: { readonly children: Children; readonly commands: Commands; readonly say: (sentence: string) => void },
): Promise<Installation> {
  const { children, commands, say } = tools;
  const { state } = options;
  const known = await takeState(options);
  const port = known?.port ?? options.port ?? (await freePort());
  const url = `http://127.0.0.1:${port}`;
  const ownDatabase = ownDatabaseOf(options);
  const database = ownDatabase === null ? [] : ["--database", ownDatabase];
  if (known === null) {
    await mkdir(state, { recursive: true, mode: 0o700 });
    await writeFileAtomic(join(state, markerName), new TextEncoder().encode(`${JSON.stringify({ port })}\n`));
  }
  if (!(await hasFile(operatorFolder(state).profile))) {
    // The profile is what `init` writes last: without it, and before any terminal, that was cut and begins anew.
    const begun = (await hasFile(join(state, "terminals"))) ? [] : ["server", "operator"];
    for (const folder of begun) await rm(join(state, folder), { recursive: true, force: true });
    if (ownDatabase !== null) await dropServerSchema({ databaseUrl: ownDatabase });
    const made = [
      "--state",
      state,
      "--name",
      serverName,
      "--url",
      url,
      ...database,
      ...suitesOf(options),
      "--allow",
      ...Object.keys(mechanisms),
    ];
    say(`Makes the server's keys and certificates in ${state} ...`);
    await children.run(commands.operator, ["init", ...made, "--json"]);
  } else {
    say(`Takes up the installation in ${state} ...`);
    // An earlier version may have made it.
    await children.run(commands.operator, ["server", "migrate", "--state", state, ...database, "--json"]);
  }
  const serving = ["server", "run", "--state", state, "--port", String(port), ...database, "--json"];
  await children.stay(commands.operator, serving, { awaited: "listening", log: join(state, "server.log") });
  const { fingerprint } = await loadProfile(operatorFolder(state));
  say(`Server ${serverName} at ${url}, CA fingerprint ${fingerprint}.`);
  const terminals = new Map<string, string>();
  for (const name of options.terminals) {
    const folder = join(state, "terminals", name);
    terminals.set(name, folder);
    if (await hasFile(join(folder, "identity.cbor"))) continue;
    say(`Enrols ${name} with a one-time token ...`);
    await enrol({ name, folder }, { options, children, commands });
    say(`Terminal ${name} enrolled: it made its own keys and proved both.`);
  }
  return { state, url, fingerprint, terminals };
}

/** Server and terminals have keys for the suites that are used, if those are not the usual ones. */
function suitesOf({ triples }: UpOptions): readonly string[] {
  const names = new Set(triples.map(({ suite }) => suite.name));
  const isUsual = [...names].every((name) => standardSuites.some((suite) => suite.name === name));
  return isUsual ? [] : ["--suites", [...names].join(",")];
}

/** A schema that belongs to this state folder and to nothing else, so that it may be made anew with it. */
function ownDatabaseOf({ database, state }: UpOptions): string | null {
  if (database === null) return null;
  if (!URL.canParse(database))
    throw commandErrors.error("UP_OPTION_WRONG", { option: "--database", expected: "postgres://user@host/database" });
  const url = new URL(database);
  url.searchParams.set("schema", `sealane_up_${sha256(new TextEncoder().encode(state)).toHex().slice(0, 12)}`);
  return url.href;
}

async function enrol(
  terminal: { readonly name: string; readonly folder: string },
  tools: { readonly options: UpOptions; readonly children: Children; readonly commands: Commands },
): Promise<void> {
  const { options, children, commands } = tools;
  await mkdir(terminal.folder, { recursive: true, mode: 0o700 });
  const tokenFile = join(terminal.folder, "enrol.token");
  const token = ["terminal", "token", terminal.name, "--model", model, "--out", tokenFile, "--state", options.state, "--json"];
  await children.run(commands.operator, token);
  const fingerprint = options.trustFingerprint === null ? [] : ["--fingerprint", options.trustFingerprint];
  try {
    await children.run(commands.terminal, [
      "enroll",
      "--token-file",
      tokenFile,
      "--state",
      terminal.folder,
      ...suitesOf(options),
      ...fingerprint,
      "--json",
    ]);
  } finally {
    await rm(tokenFile, { force: true });
  }
}

async function hasFile(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === "string") throw commandErrors.error("UP_OPTION_WRONG", { option: "--port" });
  return address.port;
}
