import { join } from "node:path";
import { formatBytes, type Output } from "@sealane/cli";
import { type Installed, type InstallStage, install, installAll } from "@sealane/terminal";
import { exitCodes } from "@sealane/wire";
import type { Command } from "commander";
import { openTerminal } from "../open-terminal.ts";
import { type Done, reportAll } from "../report-all.ts";

/** `sealane-terminal install [MODULE]`; ends with exit code 7 when it was told to stop before the switch. */
export async function runInstall(module: string | undefined, command: Command): Promise<void> {
  const { stopBefore } = command.opts<{ stopBefore?: InstallStage }>();
  const { terminal, output, quiesce } = openTerminal(command);
  const input = stopBefore === undefined ? {} : { stopBefore };
  const report = (installed: Installed): Done => {
    quiesce();
    reportInstalled(output, installed);
    return { software: installed.software, result: installed.stoppedBefore === null ? "installed" : "stopped" };
  };
  try {
    if (module !== undefined) report(await install(terminal, { ...input, module }));
    else {
      const each = installAll(terminal, input);
      await reportAll(output, { command: "install", each, report, next: null });
    }
  } finally {
    quiesce();
  }
}

function reportInstalled(output: Output, installed: Installed): void {
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
}
