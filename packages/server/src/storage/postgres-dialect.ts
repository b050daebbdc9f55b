import {
  CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Driver,
  type Kysely,
  PostgresDialect,
  PostgresDriver,
  type PostgresPool,
  type PostgresPoolClient,
  type TransactionSettings,
} from "kysely";
import pg from "pg";
import { databaseConnections } from "../limits.ts";
import type { PostgresLocation } from "./database-location.ts";
import { clientConfig, isOfFormerTable, onPostgres } from "./postgres-client.ts";
import { OwnSchemaIntrospector } from "./postgres-introspector.ts";

/**
 * Kysely on `pg`: the same values as from SQLite (whole numbers, plain byte arrays), the same order of transactions. A transaction
 * first takes the one lock of its schema, so that the writers of all processes come one after the other, as SQLite has it by
 * itself: what was read in a transaction is still so when it writes (docs/adr/0007-one-writer.md).
 *
 * Every error of PostgreSQL becomes STORE_FULL, STORE_BUSY, STORE_UNREACHABLE or STORE_FAILED.
 */
export class NodePostgresDialect extends PostgresDialect {
  readonly #pool: PostgresPool;
  readonly #schema: string;

  constructor(location: PostgresLocation) {
    const pool = poolOf(location);
    super({ pool });
    this.#pool = pool;
    this.#schema = location.schema;
  }

  override createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new OwnSchemaIntrospector(db, this.#schema);
  }

  override createDriver(): Driver {
    return new OneWriterDriver({ pool: this.#pool });
  }
}

class OneWriterDriver extends PostgresDriver {
  override async beginTransaction(connection: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    await super.beginTransaction(connection, settings);
    try {
      await connection.executeQuery(CompiledQuery.raw("select pg_advisory_xact_lock(hashtextextended(current_schema(), 0))"));
    } catch (error) {
      await connection.executeQuery(CompiledQuery.raw("rollback")).catch(() => {}); // the connection may be lost
      throw error;
    }
  }
}

function poolOf(location: PostgresLocation): PostgresPool {
  const pool = new pg.Pool({ ...clientConfig(location), max: databaseConnections });
  pool.on("error", () => {}); // an idle connection was lost; the next query makes another
  return {
    connect: async () => clientOf(await onPostgres(async () => await pool.connect())),
    end: async () => await pool.end(),
    options: {},
  };
}

const clients = new WeakMap<pg.PoolClient, PostgresPoolClient>();

/**
 * A connection whose statements are prepared once and whose errors are ours; the same one each time, for Kysely keeps it. One that prepared
 * them for a table that a migration has changed since is given up: another takes its place.
 */
function clientOf(client: pg.PoolClient): PostgresPoolClient {
  const known = clients.get(client);
  if (known !== undefined) return known;
  client.on("error", () => {}); // whoever runs a statement on it hears of it
  let isOutdated = false;
  const query = async (text: string, values: readonly unknown[]): Promise<unknown> =>
    await onPostgres(async () => {
      try {
        return await client.query({ text, values: [...values], name: nameOf(text) });
      } catch (error) {
        isOutdated ||= isOfFormerTable(error);
        throw error;
      }
    });
  // Kysely's interface also has cursors, for streams, which the stores do not use.
  const made: PostgresPoolClient = {
    query: query as PostgresPoolClient["query"],
    release: (destroy) => client.release(destroy === true || isOutdated),
  };
  clients.set(client, made);
  return made;
}

const names = new Map<string, string>();

/** A name for a statement; the stores have a few dozen. */
function nameOf(text: string): string {
  const known = names.get(text) ?? `s${names.size}`;
  names.set(text, known);
  return known;
}
