import { join } from "node:path";
import { formatBytes } from "@sealane/cli";
import { type InstallStage, install } from "@sealane/terminal";
import { exitCodes } from "@sealane/wire";
import type { Command } from "commander";
import { openTerminal } from "../open-terminal.ts";

/** `sealane-terminal install [MODULE]`; ends with exit code 7 when it was told to stop before the switch. */
export async function runInstall(module: string | undefined, command: Command): Promise<void> {
  const { stopBefore } = command.opts<{ stopBefore?: InstallStage }>();
  const { terminal, output, quiesce } = openTerminal(command);
  try {
    const installed = await install(terminal, {
      ...(module === undefined ? {} : { module }),
      ...(stopBefore === undefined ? {} : { stopBefore }),
    });
    quiesce();
    const { software, previous, stoppedBefore } = installed;
    const path = software.format === "file" ? join(installed.path, software.module) : installed.path;
    const fields = {
      module: software.module,
      version: software.version,
      sequence: software.sequence,
      previous,
      path,
      bytes: software.plaintextBytes,
      sha256: software.sha256.toHex(),
      licenceExpiresAtSeconds: installed.licenceExpiresAtSeconds,
      stoppedBefore,
    };
    if (stoppedBefore !== null) {
      process.exitCode = exitCodes.needsActivation;
      output.event("stopped", fields, `Stopped before the stage ${stoppedBefore}; the same command without --stop-before goes on.`);
      return;
    }
    const kept = previous === null ? "" : ` The version before (sequence ${previous}) is kept for a rollback.`;
    output.event(
      "installed",
      fields,
      `Installed ${software.module} ${software.version} (${formatBytes(software.plaintextBytes)}) in ${path}.${kept}`,
    );
  } finally {
    quiesce();
  }
}
