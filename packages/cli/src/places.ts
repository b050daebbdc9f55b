import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** Where state is kept: `given`, or the XDG state folder of `application` (XDG Base Directory Specification). */
export function stateFolder(application: string, given: string | undefined): string {
  if (given !== undefined) return resolve(given);
  const base = process.env["XDG_STATE_HOME"];
  return join(base === undefined || base === "" ? join(homedir(), ".local", "state") : base, application);
}
