// Enrol with a Sealane server: `node enrol.ts TOKEN-FILE KEY-FOLDER`, with a token of `sealane terminal token`.
import { readFile } from "node:fs/promises";
import { systemEnvironment as environment } from "@sealane/link";
import { enrol, FileKeyStore, openKeys } from "@sealane/link/identity";

const [, , tokenFile = "enrol.token", keyFolder = "keys"] = process.argv;
const token = await readFile(tokenFile, "utf8");
const keys = await openKeys(new FileKeyStore(keyFolder), "terminal");
const { identity, server } = await enrol({ token, keys, environment });

console.log(`${identity.name} is enrolled with ${server.name}`);
