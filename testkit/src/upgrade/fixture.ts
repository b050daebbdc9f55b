import { resolve } from "node:path";

/** Folders and databases as earlier versions left them (make-fixture.ts). */

/** Where the server of every fixture is, as its terminals remember it. */
export const fixtureUrl = "http://127.0.0.1:17449";

/** The schema of every fixture on PostgreSQL. */
export const fixtureSchema = "sealane_fixture";

/** The fixture of a version. */
export function fixtureFolder(commit: string): string {
  return resolve(import.meta.dirname, "../../fixtures", commit.slice(0, 12));
}
