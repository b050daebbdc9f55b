import { join } from "node:path";
import { cliErrors, outputOf, parseServerUrl, parseWholeNumber, stateFolder } from "@sealane/cli";
import { type RunningServer, type ServerRole, serverRoles, startServer } from "@sealane/server";
import { hasCode } from "@sealane/wire";
import type { Command } from "commander";
import { isLoopback } from "../operator-client.ts";
import { loadProfile, operatorFolder } from "../profile.ts";

const defaultPort = 7440;

/** `sealane server run`: serves until SIGTERM or SIGINT, then finishes what is under way. */
export async function runServer(command: Command): Promise<void> {
  const options = command.opts<{ host: string; port?: string; roles: string; publicUrl?: string; state?: string }>();
  const output = outputOf(command);
  const state = stateFolder("sealane", options.state);
  const roles = rolesOf(options.roles);
  const { port, publicUrl: told } = options;
  const known = await profileUrl(state);
  const publicUrl = told === undefined ? known : parseServerUrl({ option: "--public-url", text: told }).origin;
  const server: RunningServer = await startServer({
    folder: join(state, "server"),
    roles,
    host: options.host,
    port: port === undefined ? portOf(known) : parseWholeNumber({ option: "--port", text: port, min: 0, max: 65_535 }),
    log: { level: "info", destination: process.stderr },
    ...(publicUrl === null ? {} : { publicUrl }),
  });
  const { url } = server;
  output.event("listening", { url, roles }, `Listening on ${url} as ${roles.join(", ")}.`);
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
  });
  output.event("stopping", {}, "Stopping: finishing what is under way.");
  await server.close();
}

/** The port of a profile's plain address on this machine; what is reached by another address stands behind something else. */
function portOf(profileUrl: string | null): number {
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

function rolesOf(text: string): readonly ServerRole[] {
  return text.split(",").map((part) => {
    const role = serverRoles.find((known) => known === part.trim());
    if (role === undefined) throw cliErrors.error("CLI_USAGE_WRONG", { option: "--roles", value: part, expected: serverRoles.join(", ") });
    return role;
  });
}
