import { X509Certificate } from "node:crypto";
import { cliErrors, parseFingerprint, parseWholeNumber, readSmallFile } from "@sealane/cli";
import { listen, type Standing } from "@sealane/terminal";
import { thumbprint } from "@sealane/wire";
import type { Command } from "commander";
import { openTerminal } from "../open-terminal.ts";
import { reportFetched } from "../report-fetched.ts";
import { waitBounds } from "./fetch.ts";

const maxCertificateFileBytes = 65_536;

interface ListenOptions {
  readonly url?: string;
  readonly trust?: string;
  readonly fingerprint?: string;
  readonly standing?: Standing;
  readonly model?: string;
  readonly source?: string;
  readonly suite?: string;
  readonly once?: boolean;
  readonly wait?: string;
  readonly state?: string;
}

/** `sealane-terminal listen [MODULE] --url URL --trust FILE`. */
export async function runListen(module: string | undefined, command: Command): Promise<void> {
  const { trust, fingerprint, wait, state, ...options } = command.opts<ListenOptions>();
  const { terminal, output, quiesce } = openTerminal(command);
  const { url, standing, model, source, suite, once } = options;
  const input = {
    ...(module === undefined ? {} : { module }),
    ...(url === undefined ? {} : { url }),
    ...(standing === undefined ? {} : { standing }),
    ...(model === undefined ? {} : { model }),
    ...(source === undefined ? {} : { source }),
    ...(suite === undefined ? {} : { suite }),
    ...(once === undefined ? {} : { once }),
    ...(trust === undefined ? {} : { authority: await readCertificate(trust) }),
    ...(fingerprint === undefined ? {} : { fingerprint: fingerprintOf(fingerprint) }),
    ...(wait === undefined ? {} : { waitSeconds: parseWholeNumber({ option: "--wait", text: wait, ...waitBounds }) }),
  };
  try {
    for await (const fetched of listen(terminal, input)) {
      quiesce();
      reportFetched(output, fetched, state);
    }
  } finally {
    quiesce();
  }
}

function fingerprintOf(text: string): ReturnType<typeof thumbprint> {
  return thumbprint(Uint8Array.fromHex(parseFingerprint({ option: "--fingerprint", text })));
}

/** The DER of a certificate in a file, PEM or DER. Error: CLI_USAGE_WRONG. */
async function readCertificate(path: string): Promise<Uint8Array> {
  const bytes = await readSmallFile(path, { maxBytes: maxCertificateFileBytes, mayAsk: false, what: "the certificate" });
  try {
    return Uint8Array.from(new X509Certificate(bytes).raw);
  } catch (cause) {
    throw cliErrors.error("CLI_USAGE_WRONG", { option: "--trust", value: path, expected: "a certificate, PEM or DER" }, cause);
  }
}
