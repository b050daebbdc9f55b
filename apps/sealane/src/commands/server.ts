import { join } from "node:path";
import { cliErrors, outputOf, stateFolder } from "@sealane/cli";
import { type RunningServer, type ServerRole, serverRoles, startServer } from "@sealane/server";
import type { Command } from "commander";

/** `sealane server run`: serves until SIGTERM or SIGINT, then finishes what is under way. */
export async function runServer(command: Command): Promise<void> {
  const options = command.opts<{ host: string; port: string; roles: string; state?: string }>();
  const output = outputOf(command);
  const server: RunningServer = await startServer({
    folder: join(stateFolder("sealane", options.state), "server"),
    roles: rolesOf(options.roles),
    host: options.host,
    port: portOf(options.port),
    log: { level: "info", destination: process.stderr },
  });
  const { url, name, fingerprint, roles } = server;
  const fields = { url, server: name, fingerprint, roles };
  const identity = name === null ? "" : `\nServer ${name}, CA fingerprint ${fingerprint}.`;
  output.event("listening", fields, `Listening on ${url} as ${roles.join(", ")}.${identity}`);
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
  });
  output.event("stopping", {}, "Stopping: finishing what is under way.");
  await server.close();
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
