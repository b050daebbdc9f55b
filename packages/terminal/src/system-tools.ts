import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { terminalErrors } from "./errors.ts";

/** Where a system has its programs. */
export const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Finds a program of the system by its name and gives its full path: those places first, then PATH. Error: TERMINAL_PROTECTION_MISSING. */
export async function findTool(name: string): Promise<string> {
  const folders = `${systemPath}:${process.env["PATH"] ?? ""}`.split(":").filter((folder) => isAbsolute(folder));
  for (const folder of folders) {
    const path = join(folder, name);
    try {
      await access(path, constants.X_OK);
      return path;
    } catch {
      // the next folder
    }
  }
  throw terminalErrors.error("TERMINAL_PROTECTION_MISSING", { tool: name });
}
