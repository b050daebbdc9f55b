import { migrateDatabase, openDatabase } from "../../src/storage/database.ts";
import { parsePostgresUrl } from "../../src/storage/database-location.ts";
import { dropSchema, hasPostgres, newPostgresUrl } from "../postgres.ts";
import { storeContract } from "../unit/storage/store-contract.ts";

if (hasPostgres) {
  storeContract("PostgreSQL", async () => {
    const url = newPostgresUrl();
    const location = parsePostgresUrl(url);
    await migrateDatabase(location);
    let db = await openDatabase(location);
    return {
      db,
      reopen: async () => {
        await db.destroy();
        db = await openDatabase(location);
        return db;
      },
      remove: async () => {
        await db.destroy();
        await dropSchema(url);
      },
    };
  });
}
