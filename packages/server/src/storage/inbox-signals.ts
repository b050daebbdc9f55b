import { type Name, parseName, SealaneError } from "@sealane/wire";
import { PostgresAdapter, sql } from "kysely";
import pg from "pg";
import type { ChannelWaiters } from "../key/channel-waiters.ts";
import type { InboxWaiters } from "../key/inbox-waiters.ts";
import { reconnectMilliseconds } from "../limits.ts";
import type { PostgresLocation } from "./database-location.ts";
import { clientConfig, onPostgres } from "./postgres-client.ts";
import type { Queries } from "./schema.ts";

/**
 * How one server process tells the others that a message waits: NOTIFY on a channel of the schema, with the terminal's name, or "*" for
 * what is broadcast.
 */

const everybody = "*";

/** Tells all processes at the commit of this transaction; on SQLite there is one process, which wakes its own waiters. */
export async function announceMessage(db: Queries, terminal: Name): Promise<void> {
  if (!(db.getExecutor().adapter instanceof PostgresAdapter)) return;
  await sql`select pg_notify('sealane inbox ' || current_schema(), ${terminal})`.execute(db);
}

/** The same for the broadcast channel. */
export async function announceBroadcast(db: Queries): Promise<void> {
  if (!(db.getExecutor().adapter instanceof PostgresAdapter)) return;
  await sql`select pg_notify('sealane inbox ' || current_schema(), ${everybody})`.execute(db);
}

/** Who waits in this process. */
export interface Waiting {
  readonly waiters: InboxWaiters;
  readonly listeners: ChannelWaiters;
}

/**
 * Wakes whoever waits here for messages that any process announces. While the connection is lost, all waiters are woken at every
 * attempt to make a new one, so that no message waits longer than that. Error: STORE_UNREACHABLE at the start.
 */
export async function listenForMessages(location: PostgresLocation, waiting: Waiting): Promise<AsyncDisposable> {
  const listener = new Listener(location, waiting);
  await listener.connect();
  return listener;
}

class Listener implements AsyncDisposable {
  readonly #location: PostgresLocation;
  readonly #waiting: Waiting;
  #client: pg.Client | null = null;
  #retry: NodeJS.Timeout | null = null;
  /** The attempt to connect again that is being made, if any. */
  #attempt: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(location: PostgresLocation, waiting: Waiting) {
    this.#location = location;
    this.#waiting = waiting;
  }

  async connect(): Promise<void> {
    const client = new pg.Client(clientConfig(this.#location));
    client.on("error", () => {}); // it ends after it, which is what counts
    client.on("notification", ({ payload = "" }) => this.#wake(payload));
    try {
      await onPostgres(async () => {
        await client.connect();
        await client.query(`listen ${pg.escapeIdentifier(`sealane inbox ${this.#location.schema}`)}`);
      });
    } catch (error) {
      await client.end().catch(() => {}); // was never there
      throw error;
    }
    this.#client = client;
    client.once("end", () => this.#again());
    this.#wakeAll(); // what was announced meanwhile was not heard here
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    if (this.#retry !== null) clearTimeout(this.#retry);
    await this.#attempt; // which may bring one connection more
    await this.#client?.end().catch(() => {}); // lost already
  }

  #wakeAll(): void {
    this.#waiting.waiters.wakeAll();
    this.#waiting.listeners.wakeAll();
  }

  #wake(payload: string): void {
    if (payload === everybody) {
      this.#waiting.listeners.wakeAll();
      return;
    }
    try {
      this.#waiting.waiters.wake(parseName(payload));
    } catch (error) {
      if (!(error instanceof SealaneError)) throw error; // else somebody else's notification
    }
  }

  #again(): void {
    if (this.#isClosed) return;
    this.#wakeAll();
    this.#retry = setTimeout(() => {
      this.#attempt = this.connect().catch(() => this.#again());
    }, reconnectMilliseconds);
    this.#retry.unref();
  }
}
