import { join } from "node:path";
import { cliErrors, outputOf, stateFolder } from "@sealane/cli";
import { type RunningServer, type ServerRole, serverRoles, startServer } from "@sealane/server";
import { hasCode } from "@sealane/wire";
import type { Command } from "commander";
import { loadProfile, operatorFolder } from "../profile.ts";

/** `sealane server run`: serves until SIGTERM or SIGINT, then finishes what is under way. */
export async function runServer(command: Command): Promise<void> {
  const options = command.opts<{ host: string; port: string; roles: string; publicUrl?: string; state?: string }>();
  const output = outputOf(command);
  const state = stateFolder("sealane", options.state);
  const roles = rolesOf(options.roles);
  const publicUrl = options.publicUrl ?? (await profileUrl(state));
  const server: RunningServer = await startServer({
    folder: join(state, "server"),
    roles,
    host: options.host,
    port: portOf(options.port),
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

function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) throw cliErrors.error("CLI_USAGE_WRONG", { option: "--port", value: text, expected: "0 to 65535" });
  return port;
}
