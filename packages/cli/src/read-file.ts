import { open } from "node:fs/promises";
import { cliErrors } from "./errors.ts";

/** Reads a small file, or standard input for "-". Errors: CLI_FILE_TOO_LARGE, CLI_FILE_MISSING, CLI_FILE_UNREADABLE (by `runProgram`). */
export async function readSmallFile(path: string, maxBytes: number): Promise<Uint8Array> {
  if (path === "-") return await readInput(maxBytes);
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    if (size > maxBytes) throw cliErrors.error("CLI_FILE_TOO_LARGE", { path, bytes: size, limit: maxBytes });
    return await file.readFile();
  } finally {
    await file.close();
  }
}

async function readInput(maxBytes: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of process.stdin) {
    size += piece.length;
    if (size > maxBytes) throw cliErrors.error("CLI_FILE_TOO_LARGE", { path: "-", limit: maxBytes });
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
