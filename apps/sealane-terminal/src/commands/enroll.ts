import { parseEnrolToken } from "@sealane/api";
import { parseFingerprint, readSmallFile } from "@sealane/cli";
import { pkiErrors } from "@sealane/pki";
import { enroll } from "@sealane/terminal";
import type { Command } from "commander";
import { openTerminal } from "../open-terminal.ts";

const maxTokenFileBytes = 4_096;

interface EnrollOptions {
  readonly tokenFile: string;
  readonly fingerprint?: string;
  readonly replace?: boolean;
  readonly suites?: string;
  readonly key?: string;
  readonly input: boolean;
}

/** `sealane-terminal enroll --token-file FILE`. */
export async function runEnroll(command: Command): Promise<void> {
  const options = command.opts<EnrollOptions>();
  const { terminal, output } = openTerminal(command);
  const file = { maxBytes: maxTokenFileBytes, mayAsk: options.input, what: "the enrolment token" };
  const token = Buffer.from(await readSmallFile(options.tokenFile, file)).toString("utf8");
  if (options.fingerprint !== undefined) {
    requireFingerprint(token, parseFingerprint({ option: "--fingerprint", text: options.fingerprint }));
  }
  const enrolled = await enroll(terminal, {
    token,
    ...(options.suites === undefined ? {} : { suites: options.suites.split(/ *, */) }),
    ...(options.key === undefined ? {} : { key: options.key }),
    ...(options.replace === true ? { replace: true } : {}),
  });
  const words = `Enrolled as ${enrolled.name} (${enrolled.model}) with ${enrolled.serverName} at ${enrolled.url}.\n  CA fingerprint ${enrolled.fingerprint}`;
  const place = options.key === undefined ? "" : "\n  The private keys are in the token and never leave it.";
  output.event("enrolled", { ...enrolled, key: options.key ?? null }, words + place);
}

/** Error: PKI_FINGERPRINT_WRONG for another fingerprint than the token's. */
function requireFingerprint(token: string, expected: string): void {
  const got = parseEnrolToken(token).fingerprint.toHex();
  if (got !== expected) throw pkiErrors.error("PKI_FINGERPRINT_WRONG", { expected, got });
}
