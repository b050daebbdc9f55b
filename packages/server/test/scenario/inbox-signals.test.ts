import assert from "node:assert/strict";
import { test } from "node:test";
import { ChannelWaiters } from "../../src/key/channel-waiters.ts";
import { InboxWaiters } from "../../src/key/inbox-waiters.ts";
import { reconnectMilliseconds } from "../../src/limits.ts";
import { parsePostgresUrl } from "../../src/storage/database-location.ts";
import { listenForMessages } from "../../src/storage/inbox-signals.ts";
import { hasPostgres, newPostgresUrl, withClient } from "../postgres.ts";

/** Waiters that say when everybody is woken: whenever the connection is made, or lost. */
class WatchedWaiters extends InboxWaiters {
  #woken = Promise.withResolvers<void>();

  async woken(): Promise<void> {
    await this.#woken.promise;
    this.#woken = Promise.withResolvers();
  }

  override wakeAll(): void {
    super.wakeAll();
    this.#woken.resolve();
  }
}

if (hasPostgres) {
  test("whoever stops listening while the connection is being made again leaves none", async (t) => {
    const location = parsePostgresUrl(newPostgresUrl());
    const name = `sealane ${location.schema}`;
    const waiters = new WatchedWaiters(1);
    const listening = await listenForMessages(location, { waiters, listeners: new ChannelWaiters(1) });
    await waiters.woken();
    t.mock.timers.enable({ apis: ["setTimeout"] });
    await withClient(async (client) => {
      await client.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1", [name]);
      await waiters.woken();
      t.mock.timers.tick(reconnectMilliseconds);
      await listening[Symbol.asyncDispose]();
      await waiters.woken(); // the new connection was made, and ended
      const connections = async (): Promise<number> =>
        (await client.query("select pid from pg_stat_activity where application_name = $1", [name])).rows.length;
      // The database notices an end a moment later.
      for (let tries = 0; tries < 1_000 && (await connections()) > 0; tries++);
      assert.equal(await connections(), 0);
    });
  });
}
