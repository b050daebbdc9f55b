import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { outputOf } from "@sealane/cli";
import { backupServer, type DatabaseInput, restoreServer } from "@sealane/server";
import { writeFileAtomic } from "@sealane/software";
import type { Command } from "commander";
import { parseDocument } from "yaml";
import { clockSeconds } from "../clock.ts";
import { configName } from "../config/first-config.ts";
import { readServerSettings } from "../config/server-settings.ts";

/** `sealane server backup`. Errors: those of `backupServer`. */
export async function runBackup(folder: string, command: Command): Promise<void> {
  const { state: _, config: __, ...place } = await readServerSettings(command);
  const target = resolve(folder);
  const withArtefacts = command.opts<{ artefacts?: boolean }>().artefacts === true;
  const made = await backupServer({ ...place, target, withArtefacts });
  const words = [
    `Wrote ${made.rows} rows and ${made.keysInToken ? "where the server's keys are" : "the server's keys"} to ${target}: keep it as you keep the server.`,
    ...(made.keysInToken ? ["The private keys are in the token and not in it: a restored server needs the same token."] : []),
    withArtefacts
      ? `It has ${made.artefacts} sealed artefacts.`
      : `The sealed artefacts in ${place.folder}/artefacts are not in it (--artefacts copies them).`,
  ];
  outputOf(command).event("backup", { folder: target, ...made }, words.join("\n"));
}

/** `sealane server restore`. Errors: those of `restoreServer`. */
export async function runRestore(folder: string, command: Command): Promise<void> {
  const { state: _, config: __, ...place } = await readServerSettings(command);
  const made = await restoreServer({ ...place, source: resolve(folder), nowSeconds: clockSeconds() });
  await nameDatabase(place);
  const words = [
    `Restored ${made.rows} rows and ${made.artefacts} sealed artefacts to ${place.folder}.`,
    "Links are established anew, and for a minute every one is refused. Enrolment tokens that were not used are void; publish again what came after the backup.",
    "An operator's profile is in no backup. Put the operator's folder that you kept beside the server's; or, where that is elsewhere, run `sealane login --url URL --token-file operator.token` with the token of that folder.",
  ];
  outputOf(command).event("restored", { folder: place.folder, ...made }, words.join("\n"));
}

/** The restored configuration names the database that it is in now. */
async function nameDatabase({ folder, databaseUrl, databasePasswordFile }: DatabaseInput & { readonly folder: string }): Promise<void> {
  const path = join(folder, configName);
  const text = await readFile(path, "utf8").catch(() => null); // a server may do without one
  if (text === null) return;
  const document = parseDocument(text);
  document.delete("database");
  const password = databasePasswordFile === undefined ? {} : { password_file: databasePasswordFile };
  if (databaseUrl !== undefined) document.set("database", { url: databaseUrl, ...password });
  await writeFileAtomic(path, new TextEncoder().encode(document.toString()));
}
