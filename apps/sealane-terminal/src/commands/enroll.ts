import { parseEnrolToken } from "@sealane/api";
import { cliErrors, readSmallFile } from "@sealane/cli";
import { pkiErrors } from "@sealane/pki";
import { enroll } from "@sealane/terminal";
import type { Command } from "commander";
import { openTerminal } from "../open-terminal.ts";

const maxTokenFileBytes = 4_096;

/** `sealane-terminal enroll --token-file FILE`. */
export async function runEnroll(command: Command): Promise<void> {
  const options = command.opts<{ tokenFile: string; fingerprint?: string; replace?: boolean }>();
  const { terminal, output } = openTerminal(command);
  const token = Buffer.from(await readSmallFile(options.tokenFile, maxTokenFileBytes)).toString("utf8");
  if (options.fingerprint !== undefined) requireFingerprint(token, options.fingerprint);
  const enrolled = await enroll(terminal, { token, ...(options.replace === true ? { replace: true } : {}) });
  const words = `Enrolled as ${enrolled.name} (${enrolled.model}) with ${enrolled.serverName} at ${enrolled.url}.\n  CA fingerprint ${enrolled.fingerprint}`;
  output.event("enrolled", { ...enrolled }, words);
}

/** Errors: CLI_USAGE_WRONG for what is no fingerprint, PKI_FINGERPRINT_WRONG for another one than the token's. */
function requireFingerprint(token: string, expected: string): void {
  if (!/^[0-9a-fA-F]{64}$/.test(expected)) throw cliErrors.error("CLI_USAGE_WRONG", { option: "--fingerprint", expected: "64 hex digits" });
  const got = parseEnrolToken(token).fingerprint.toHex();
  if (got !== expected.toLowerCase()) throw pkiErrors.error("PKI_FINGERPRINT_WRONG", { expected: expected.toLowerCase(), got });
}
