import { access } from "node:fs/promises";
import { join } from "node:path";
import { cliErrors, parseWholeNumber, stateFolder } from "@sealane/cli";
import { type DatabaseInput, defaultLimits, type ServerLimits, type ServerRole, serverRoles } from "@sealane/server";
import type { Command } from "commander";
import { configName } from "./first-config.ts";
import { loadConfig } from "./load-config.ts";
import { type ServerConfig, snakeCase } from "./schema.ts";

/** What the commands of a server work with. */
export interface ServerSettings extends DatabaseInput {
  /** The folder of this installation, with `server` and `operator` below it. */
  readonly state: string;
  readonly folder: string;
  readonly config: ServerConfig;
}

/** Options, then environment, then the file, then defaults. Errors: CONFIG_WRONG; a missing --config as by `runProgram`. */
export async function readServerSettings(command: Command): Promise<ServerSettings> {
  const options = command.opts<{ state?: string; config?: string; database?: string; databasePasswordFile?: string }>();
  const state = stateFolder("sealane", options.state);
  const folder = join(state, "server");
  const config = await configOf(options.config, folder);
  const { database = config.database?.url } = options;
  // A password file goes with the address beside which it stands.
  const ofFile = options.database === undefined ? config.database?.password_file : undefined;
  const { databasePasswordFile = ofFile } = options;
  return {
    state,
    folder,
    config,
    ...(database === undefined ? {} : { databaseUrl: database }),
    ...(databasePasswordFile === undefined ? {} : { databasePasswordFile }),
  };
}

async function configOf(given: string | undefined, folder: string): Promise<ServerConfig> {
  if (given !== undefined) return await loadConfig(given);
  const path = join(folder, configName);
  const exists = await access(path).then(
    () => true,
    () => false,
  );
  return exists ? await loadConfig(path) : {};
}

/** Roles as `option`, or a variable, names them. Error: CLI_USAGE_WRONG. */
export function rolesOf(option: string, text: string): readonly ServerRole[] {
  return text.split(",").map((part) => {
    const role = serverRoles.find((known) => known === part.trim());
    if (role === undefined)
      throw cliErrors.error("CLI_USAGE_WRONG", { option, value: part, expected: `some of ${serverRoles.join(", ")}` });
    return role;
  });
}

/** A port as `option`, or a variable, names it. Error: CLI_USAGE_WRONG. */
export function portOf(option: string, text: string): number {
  return parseWholeNumber({ option, text, min: 0, max: 65_535 });
}

/** The limits of a file by the names that the server has for them. */
export function limitsOf({ limits = {} }: ServerConfig): Partial<ServerLimits> {
  const names = Object.keys(defaultLimits) as (keyof ServerLimits)[];
  return Object.fromEntries(names.flatMap((name) => (limits[snakeCase(name)] === undefined ? [] : [[name, limits[snakeCase(name)]]])));
}
