import { resolve } from "node:path";
import { givenBy, outputOf, parseServerUrl, pinAsker, safeText } from "@sealane/cli";
import { isLoopback } from "@sealane/http";
import { migrateServer, moveRoot, type RootMove, type RunningServer, type ServerOptions, serverRoles, startServer } from "@sealane/server";
import { hasCode } from "@sealane/wire";
import type { Command } from "commander";
import { clockSeconds } from "../clock.ts";
import { limitsOf, portOf, readServerSettings, rolesOf, type ServerSettings } from "../config/server-settings.ts";
import { loadProfile, operatorFolder } from "../profile.ts";

const defaultHost = "127.0.0.1";
const defaultPort = 7440;

interface RunOptions {
  readonly host?: string;
  readonly port?: string;
  readonly roles?: string;
  readonly publicUrl?: string;
  readonly logLevel?: ServerOptions["log"]["level"];
}

/**
 * `sealane server run`: serves until SIGTERM or SIGINT, then finishes what is under way; a second signal ends it at once. SIGHUP
 * reads the TLS certificate again.
 */
export async function runServer(command: Command): Promise<void> {
  const output = outputOf(command);
  const settings = await readServerSettings(command);
  const options = await optionsOf(settings, command);
  const stop = stopSignal(); // before the server says that it listens: from then on anybody may ask it to stop
  const askPin = pinAsker(command.opts<{ input?: boolean }>().input !== false);
  const server: RunningServer = await startServer({ ...options, askPin });
  const onHangup = (): void =>
    void server.reloadCertificate().catch((error: unknown) => output.say(`The certificate stays: ${String(error)}`));
  process.on("SIGHUP", onHangup);
  const { url } = server;
  const { roles } = options;
  output.event("listening", { url, roles }, `Listening on ${url} as ${roles.join(", ")}.`);
  await stop;
  output.event("stopping", {}, "Stopping: finishing what is under way.");
  await server.close();
  process.off("SIGHUP", onHangup);
}

/** Resolves at the first SIGTERM or SIGINT; a second one ends the process at once. */
async function stopSignal(): Promise<void> {
  await new Promise<void>((resolve) => {
    const onSignal = (): void => {
      resolve();
      for (const signal of ["SIGTERM", "SIGINT"] as const) process.off(signal, onSignal).once(signal, () => process.exit(1));
    };
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, onSignal);
  });
}

/** `sealane server migrate`. Errors: those of `moveRoot` and `migrateServer`. */
export async function runServerMigrate(command: Command): Promise<void> {
  const { state: _, config: __, ...place } = await readServerSettings(command);
  const { folder } = place;
  const { operator, input } = command.opts<{ operator?: string; input?: boolean }>();
  const askPin = pinAsker(input !== false);
  const named = operator === undefined ? {} : { operator: resolve(operator) };
  const root = await moveRoot({ folder, ...named, nowSeconds: clockSeconds(), askPin });
  await migrateServer(place);
  const words = [...wordsOfRoot[root], "The database has this version's schema."];
  outputOf(command).event("migrated", { folder, root }, words.join("\n"));
}

const wordsOfRoot: Readonly<Record<RootMove, readonly string[]>> = {
  "was away": [],
  moved: [
    "The root key is in the operator's folder now, and the server has a key that issues certificates in its place: take that folder away from the server.",
    "Backups that were made before have the root key too: destroy them, or keep them as you keep the operator's folder.",
  ],
  "stays in the token": [
    "The root key cannot be taken out of the token and stays there, unused: who steals the server's token and PIN could appoint publishers.",
  ],
};

async function optionsOf(settings: ServerSettings, command: Command): Promise<ServerOptions> {
  const given = command.opts<RunOptions>();
  const { state, config, ...rest } = settings;
  const { listen = {} } = config;
  const known = await profileUrl(state);
  const told = given.publicUrl ?? config.public_url;
  const option = given.publicUrl === undefined ? "public_url in the configuration" : givenBy(command, "publicUrl");
  const publicUrl = told === undefined ? known : parseServerUrl({ option, text: told });
  return {
    ...rest,
    roles: given.roles === undefined ? (config.roles ?? serverRoles) : rolesOf(givenBy(command, "roles"), given.roles),
    host: given.host ?? listen.host ?? defaultHost,
    port: given.port === undefined ? (listen.port ?? portOfProfile(known)) : portOf(givenBy(command, "port"), given.port),
    log: {
      level: given.logLevel ?? config.log?.level ?? "info",
      destination: { write: (line) => void process.stderr.write(safeText(line)) },
    },
    limits: limitsOf(config),
    policy: config.policy ?? {},
    trustedProxies: config.trusted_proxies ?? [],
    ...(listen.tls === undefined ? {} : { tls: { certificateFile: listen.tls.certificate_file, keyFile: listen.tls.key_file } }),
    ...(config.storage_key_file === undefined ? {} : { storageKeyFile: config.storage_key_file }),
    ...(publicUrl === null ? {} : { publicUrl }),
  };
}

/** The port of a profile's plain address on this machine; what is reached by another address stands behind something else. */
function portOfProfile(profileUrl: string | null): number {
  const url = profileUrl === null ? null : new URL(profileUrl);
  return url !== null && url.protocol === "http:" && url.port !== "" && isLoopback(url) ? Number(url.port) : defaultPort;
}

/** Where terminals reach the server, when the operator's profile stands beside its folder. */
async function profileUrl(state: string): Promise<string | null> {
  try {
    return (await loadProfile(operatorFolder(state))).url;
  } catch (error) {
    if (hasCode(error, "PROFILE_MISSING")) return null;
    throw error;
  }
}
