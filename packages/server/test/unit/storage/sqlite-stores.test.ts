import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { migrateDatabase, openDatabase } from "../../../src/storage/database.ts";
import { storeContract } from "./store-contract.ts";

storeContract("SQLite", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sealane-store-"));
  const file = join(folder, "data.sqlite");
  await migrateDatabase({ kind: "sqlite", file });
  let db = await openDatabase({ kind: "sqlite", file });
  return {
    db,
    reopen: async () => {
      await db.destroy();
      db = await openDatabase({ kind: "sqlite", file });
      return db;
    },
    remove: async () => {
      await db.destroy();
      await rm(folder, { recursive: true });
    },
  };
});
