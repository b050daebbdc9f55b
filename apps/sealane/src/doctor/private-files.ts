import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { shellWord } from "@sealane/cli";
import { serverFolder } from "@sealane/server";
import { permissionDenied } from "@sealane/wire";
import { operatorFolder } from "../profile.ts";
import { type Finding, faultOf } from "./finding.ts";

/** Folders and files with secrets belong to their owner alone: one finding for each folder, or one for each path that others have rights to. */
export async function privateFiles(root: string): Promise<readonly Finding[]> {
  const server = serverFolder(join(root, "server"));
  const operator = operatorFolder(root);
  const database = ["", "-wal", "-shm"].map((ending) => server.database + ending);
  return [
    ...(await ownersOnly(server.root, [server.keys, server.storageKey, server.rowKey, ...database])),
    ...(await ownersOnly(operator.root, [operator.keys, operator.token])),
  ];
}

async function ownersOnly(folder: string, secrets: readonly string[]): Promise<readonly Finding[]> {
  const faults: Finding[] = [];
  const paths = [folder, ...secrets];
  let found = 0;
  for (const path of paths) {
    try {
      const file = await lstat(path);
      found++;
      const owners = file.isDirectory() ? "700" : "600";
      if ((file.mode & 0o077) !== 0) {
        const mode = (file.mode & 0o777).toString(8).padStart(4, "0");
        faults.push({ check: `private: ${path}`, ok: false, found: `mode ${mode}`, advice: `chmod ${owners} ${shellWord(path)}` });
      }
      if (file.isDirectory() && path !== folder) paths.push(...(await readdir(path)).map((name) => join(path, name)));
    } catch (error) {
      const denied = permissionDenied(error, path);
      if (denied !== null) faults.push(faultOf(`private: ${path}`, denied));
    }
  }
  if (found === 0 || faults.length > 0) return faults;
  return [{ check: `private: ${folder}`, ok: true, found: `${found} files and folders` }];
}
