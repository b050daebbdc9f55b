import { open } from "node:fs/promises";
import { cliErrors } from "./errors.ts";

export interface SmallFileOptions {
  readonly maxBytes: number;
  /** Whether a person at a keyboard may be asked, when standard input is read (`--no-input` says no). */
  readonly mayAsk: boolean;
  /** What the file is, as the person who is asked reads it: "the token". */
  readonly what: string;
}

/**
 * Reads a small file, or standard input for "-". Errors: CLI_FILE_TOO_LARGE, CLI_USAGE_WRONG for a keyboard that may not be asked;
 * CLI_FILE_MISSING, CLI_FILE_UNREADABLE (by `runProgram`).
 */
export async function readSmallFile(path: string, options: SmallFileOptions): Promise<Uint8Array> {
  const { maxBytes } = options;
  if (path === "-") return await readInput(options);
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    if (size > maxBytes) throw cliErrors.error("CLI_FILE_TOO_LARGE", { path, bytes: size, limit: maxBytes });
    return await file.readFile();
  } finally {
    await file.close();
  }
}

async function readInput({ maxBytes, mayAsk, what }: SmallFileOptions): Promise<Uint8Array> {
  if (process.stdin.isTTY) {
    if (!mayAsk) throw cliErrors.error("CLI_USAGE_WRONG", { option: "--no-input", expected: "a file, or data on standard input" });
    process.stderr.write(`Paste ${what} here, then press Enter and Ctrl-D:\n`);
  }
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of process.stdin) {
    size += piece.length;
    if (size > maxBytes) throw cliErrors.error("CLI_FILE_TOO_LARGE", { path: "-", limit: maxBytes });
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
