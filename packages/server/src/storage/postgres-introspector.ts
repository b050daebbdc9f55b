import { type DatabaseIntrospector, type Kysely, type SchemaMetadata, sql, type TableMetadata } from "kysely";

/**
 * Tells the migrator which tables there are, in the server's own schema only.
 *
 * Kysely's own introspector lists the columns of every schema of the database, by functions that fail when another server's schema is
 * removed in the middle. Columns are not told: nothing here asks for them.
 */
export class OwnSchemaIntrospector implements DatabaseIntrospector {
  readonly #db: Kysely<unknown>;
  readonly #schema: string;

  constructor(db: Kysely<unknown>, schema: string) {
    this.#db = db;
    this.#schema = schema;
  }

  async getSchemas(): Promise<SchemaMetadata[]> {
    const { rows } = await sql<SchemaMetadata>`
      select nspname as name from pg_catalog.pg_namespace where nspname = ${this.#schema}`.execute(this.#db);
    return rows;
  }

  async getTables(): Promise<TableMetadata[]> {
    const { rows } = await sql<{ name: string }>`
      select c.relname as name from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where n.nspname = ${this.#schema} and c.relkind = 'r'`.execute(this.#db);
    return rows.map(({ name }) => ({ name, schema: this.#schema, isView: false, isForeign: false, columns: [] }));
  }
}
