import { cliErrors, outputOf } from "@sealane/cli";
import type { Command } from "commander";
import { loadConfig } from "../config/load-config.ts";
import { configSchema } from "../config/schema.ts";

/** `sealane server config`: checks a file as `server run` reads it, or prints the JSON Schema. Error: CONFIG_WRONG. */
export async function runServerConfig(file: string | undefined, command: Command): Promise<void> {
  const { schema, json } = command.opts<{ schema?: boolean; json?: boolean }>();
  if (schema === true) {
    process.stdout.write(`${JSON.stringify(configSchema, null, json === true ? 0 : 2)}\n`);
    return;
  }
  if (file === undefined) throw cliErrors.error("CLI_USAGE_WRONG", { expected: "a file to check, or --schema" });
  await loadConfig(file);
  outputOf(command).event("checked", { file }, `${file} is a configuration that can be used.`);
}
