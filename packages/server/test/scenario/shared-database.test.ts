import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { inboxMessagesCodec, routes } from "@sealane/api";
import { ConfidentialLink } from "@sealane/link";
import { decodeAs, equalBytes, hasCode, parseName } from "@sealane/wire";
import { dropServerSchema, initServer, migrateServer, type RunningServer, type ServerOptions, startServer } from "../../src/index.ts";
import { databaseConnections } from "../../src/limits.ts";
import { dropSchema, hasPostgres, newPostgresUrl, withClient } from "../postgres.ts";
import { type Device, post, postTogether } from "./device.ts";
import { InboxStream } from "./inbox-stream.ts";
import { everyMechanism, TestServer } from "./test-server.ts";

/** Two server processes on one PostgreSQL, and what only PostgreSQL does. */

const offers = { kind: "offers", module: null, installed: [] } as const;

interface Cluster {
  readonly server: TestServer;
  readonly databaseUrl: string;
  readonly others: readonly RunningServer[];
}

/** A server and two more of the same folder and database. */
async function cluster(t: TestContext, options: Partial<ServerOptions> = {}): Promise<Cluster> {
  const databaseUrl = newPostgresUrl();
  const server = await TestServer.init(t, { databaseUrl });
  await server.run(options);
  const others = await Promise.all([startServer(server.options(options)), startServer(server.options(options))]);
  t.after(async () => void (await Promise.all(others.map((other) => other.close()))));
  return { server, databaseUrl, others };
}

async function positions(response: Promise<Response>): Promise<readonly number[]> {
  const bytes = await (await response).bytes();
  return decodeAs(inboxMessagesCodec, bytes, { maxBytes: 1_000_000, what: "inbox" }).map(({ position }) => position);
}

/** Comes back when a request that was sent before must have come to its wait. */
async function settle(device: Device): Promise<void> {
  for (let i = 0; i < 5; i++) await device.inbox();
}

function at<T>(device: Device, url: string, work: () => T): T {
  const before = device.url;
  device.url = url;
  const result = work();
  device.url = before;
  return result;
}

/** Ends the connections of all servers on this schema. */
async function terminateAll(databaseUrl: string): Promise<void> {
  const schema = new URL(databaseUrl).searchParams.get("schema");
  await withClient(async (client) => {
    await client.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1", [`sealane ${schema}`]);
  });
}

if (hasPostgres) {
  test("FNONCE EQ5: one message that three servers get at the same time makes one link, and all three answer alike", async (t) => {
    const { server, others } = await cluster(t);
    const device = await server.device("gate-1");
    for (let round = 0; round < 10; round++) {
      const { message, awaited } = await device.originate();
      const urls = [server.url, ...others.map(({ url }) => url)];
      const replies = await Promise.all(urls.map((url) => postTogether(url + routes.links, [message, message])));
      const all = replies.flat();
      assert.deepEqual(new Set(all.map(({ status }) => status)), new Set([200]));
      const [first] = all;
      assert.ok(first !== undefined && all.every(({ body }) => equalBytes(body, first.body)), "two answers to one message");
      using link = await device.receive(awaited, first.body);
      assert.equal((await device.ask(link, offers)).kind, "offers");
      const late = await post((others[round % 2]?.url ?? "") + routes.links, message);
      assert.deepEqual([late.status, late.code], [403, "LINK_REFUSED"]);
    }
  });

  test("EQ6 EQ7 EQ8 EQ11 EQ14: a message of any mechanism that three servers get at once is replied to alike, and any goes on", async (t) => {
    const { server, others } = await cluster(t, { policy: everyMechanism });
    await server.publish("the software");
    const device = await server.device("gate-1");
    const urls = [server.url, ...others.map(({ url }) => url)];
    const toAll = async (message: Uint8Array): Promise<Uint8Array> => {
      const replies = (await Promise.all(urls.map((url) => postTogether(url + routes.links, [message, message])))).flat();
      const [first] = replies;
      assert.ok(first?.status === 200 && replies.every(({ body }) => equalBytes(body, first.body)), first?.code ?? "replies differ");
      return first.body;
    };
    const use = async (link: ConfidentialLink): Promise<void> => {
      for (const url of urls) assert.equal((await at(device, url, () => device.ask(link, { ...offers, module: "app" }))).kind, "offers");
      link[Symbol.dispose]();
    };
    for (const mechanism of [
      "anonymous-transport",
      "anonymous-agreement",
      "mutual-nonce",
      "mutual-certified",
      "mutual-agreement",
    ] as const) {
      await t.test(`begun by the terminal: ${mechanism}`, async () => {
        const { message, awaited } = await device.originate({ mechanism });
        const { link, message: third } = await awaited.receive(device.context(mechanism), await toAll(message));
        if (third !== null) return await use(device.openFirst(link, await toAll(third)).link);
        assert.ok(link instanceof ConfidentialLink);
        await use(link);
      });
    }
    for (const mechanism of ["anonymous-agreement", "mutual-nonce", "mutual-certified", "mutual-agreement"] as const) {
      await t.test(`begun by the server: ${mechanism}`, async () => {
        await server.offer(["gate-1"], "app", { mechanism });
        const [waiting] = await device.inbox();
        const accepted = await device.acceptAny(waiting?.message ?? new Uint8Array(0));
        assert.ok(accepted.kind !== "broadcast");
        const reply = await toAll(accepted.reply);
        if (accepted.kind === "answered") await use(device.openFirst(accepted.link, reply).link);
        else await use((await accepted.awaited.receive(device.context(), reply)).link);
      });
    }
    const { licences, pending_links } = await server.rows();
    assert.deepEqual([licences.length, pending_links.length], [1, 0]); // the one of M3
  });

  test("EQ5 UNI: a link that was begun on one server goes on at another, record by record", async (t) => {
    const { server, others } = await cluster(t);
    const prepared = await server.publish("the software");
    const device = await server.device("gate-1");
    const { message, awaited } = await device.originate();
    const answered = await post(server.url + routes.links, message);
    using link = await device.receive(awaited, answered.body);
    for (const { url } of others) {
      const reply = await at(device, url, () => device.ask(link, offers));
      assert.equal(reply.kind, "offers");
    }
    assert.equal((await device.ask(link, { kind: "authorise", artefactId: prepared.artefactId })).kind, "authorised");
  });

  test("EQ5: of two records that are sent to two servers at the same time, one is the link's next", async (t) => {
    const { server, others } = await cluster(t);
    const device = await server.device("gate-1");
    using link = await device.establish();
    await device.ask(link, offers);
    const [left, right] = [device.seal(link, offers), device.seal(link, { ...offers, module: "app" })];
    const urls = [server.url, others[0]?.url ?? ""];
    const path = device.recordsOf(link).slice(device.url.length);
    const replies = await Promise.all(urls.map((url, index) => post(url + path, index === 0 ? left : right)));
    assert.deepEqual(replies[0]?.status, 200);
    // The later record counts only if the earlier one was first.
    assert.ok(replies[1]?.status === 200 || replies[1]?.code === "LINK_REFUSED");
  });

  test("EQ1: a long poll at one server ends with a message that another one puts in, and any of them takes the answer", async (t) => {
    const { server, others } = await cluster(t);
    await server.publish("the software");
    const device = await server.device("gate-1");
    const [other] = others;
    assert.ok(other !== undefined);
    const polling = at(device, other.url, () => device.fetchInbox(0, 25));
    await at(device, other.url, () => settle(device));
    await server.offer(["gate-1"]);
    assert.deepEqual(await positions(polling), [1]);
    const [waiting] = await device.inbox();
    const { reply: answer } = await device.accept(waiting?.message ?? new Uint8Array());
    const taken = await Promise.all([server.url, other.url].map((url) => post(url + routes.links, answer)));
    assert.deepEqual(
      taken.map(({ status }) => status),
      [200, 200],
    );
    assert.ok(equalBytes(taken[0]?.body ?? new Uint8Array(), taken[1]?.body ?? new Uint8Array(1)));
  });

  test("EQ1: a stream at one server gives the messages that others put in, and goes on at another behind what was seen", async (t) => {
    const { server, others } = await cluster(t);
    await server.publish("the software");
    const device = await server.device("gate-1");
    const urls = others.map(({ url }) => url);
    const stream = await at(device, urls[0] ?? "", () => InboxStream.open(device));
    for (let position = 1; position <= 3; position++) {
      await server.offer(["gate-1"]);
      assert.equal((await stream.message())?.position, position);
    }
    await others[0]?.close();
    assert.equal(await stream.message(), null); // on a slow machine a sign of life may come before
    await server.offer(["gate-1"]);
    const next = await at(device, urls[1] ?? "", () => InboxStream.open(device, { lastEventId: "2" }));
    assert.deepEqual([(await next.message())?.position, (await next.message())?.position], [3, 4]);
  });

  test("EQ1: a stream whose server loses the database gives what comes later, or its end tells the terminal to come again", async (t) => {
    const { server, others, databaseUrl } = await cluster(t);
    await server.publish("the software");
    const device = await server.device("gate-1");
    const open = async (): Promise<InboxStream> => await at(device, others[0]?.url ?? "", () => InboxStream.open(device));
    const stream = await open();
    await terminateAll(databaseUrl);
    await device.establish().catch(() => {}); // takes the connections that are gone out of the pool
    await server.offer(["gate-1"]);
    const given = (await stream.message()) ?? (await (await open()).message());
    assert.equal(given?.position, 1);
  });

  test("connections that the database ends are made again, and messages are heard again", async (t) => {
    const { server, others, databaseUrl } = await cluster(t);
    await server.publish("the software");
    const device = await server.device("gate-1");
    await terminateAll(databaseUrl);
    // The first request may meet a connection that is gone; it is told to come later, not that it failed.
    const { status, code } = await post(server.url + routes.links, (await device.originate()).message);
    assert.ok(status === 200 || code === "API_SERVER_BUSY", `${status} ${code}`);
    const link = await device.establish();
    assert.equal((await device.ask(link, offers)).kind, "offers");
    const [other] = others;
    const polling = at(device, other?.url ?? "", () => device.fetchInbox(0, 25));
    await server.offer(["gate-1"]);
    assert.deepEqual(await positions(polling), [1]);
  });

  test("UNI: a server whose table a migration changes meanwhile asks to come again, each connection once, and goes on", async (t) => {
    const { server, databaseUrl } = await cluster(t);
    await server.publish("the software");
    const list = async (): Promise<Response> => await server.operator.send("GET", routes.releases);
    const before = await (await list()).json();
    const schema = new URL(databaseUrl).searchParams.get("schema") ?? "";
    await withClient(async (client) => await client.query(`alter table ${schema}.releases add column later bytea`));
    let refusals = 0;
    for (let times = 0; times < 3 * databaseConnections; times++) {
      const response = await list();
      const body = (await response.json()) as { readonly code?: string };
      if (response.status === 200) assert.deepEqual(body, before);
      else {
        assert.deepEqual([response.status, body.code], [503, "STORE_BUSY"]);
        refusals++;
      }
    }
    assert.ok(refusals >= 1 && refusals <= databaseConnections, `${refusals} refusals`);
  });

  test("a schema belongs to one server, is made by `migrate` only, and one of another version is refused", async (t) => {
    const { server, databaseUrl } = await cluster(t);
    const folders = { folder: `${server.folder}-2`, operator: `${server.folder}-2-operator` };
    const another = { ...folders, name: parseName("another"), nowSeconds: server.nowSeconds, databaseUrl };
    await assert.rejects(initServer(another), (error) => hasCode(error, "SERVER_DATABASE_TAKEN"));
    const schema = new URL(databaseUrl).searchParams.get("schema") ?? "";
    await withClient(async (client) => await client.query(`insert into ${schema}.kysely_migration values ('9999-future', '2100')`));
    await assert.rejects(startServer(server.options()), (error) => hasCode(error, "SERVER_SCHEMA_NEW"));
    await assert.rejects(migrateServer(server.options()), (error) => hasCode(error, "SERVER_SCHEMA_NEW"));
    const empty = newPostgresUrl();
    await assert.rejects(startServer(server.options({ databaseUrl: empty })), (error) => hasCode(error, "SERVER_SCHEMA_OLD"));
    await migrateServer({ folder: server.folder, databaseUrl: empty });
    await migrateServer({ folder: server.folder, databaseUrl: empty });
    const migrated = await startServer(server.options({ databaseUrl: empty }));
    await migrated.close();
    await dropServerSchema({ databaseUrl: empty });
    await dropSchema(empty); // it was removed; nothing happens
  });
}

test("addresses of a database that cannot be used are refused before anything is tried", async (t) => {
  const server = await TestServer.init(t);
  const wrong = [
    "mysql://root@127.0.0.1/test",
    "postgres://postgres:secret@127.0.0.1/test",
    "postgres://postgres@127.0.0.1/",
    "postgres://postgres@127.0.0.1/test?schema=a;b",
    "postgres://postgres@127.0.0.1/test?host=elsewhere",
    "127.0.0.1",
  ];
  for (const databaseUrl of wrong) {
    await assert.rejects(startServer(server.options({ databaseUrl })), (error) => hasCode(error, "SERVER_DATABASE_URL_WRONG"), databaseUrl);
  }
  const closed = server.options({ databaseUrl: "postgres://postgres@127.0.0.1:1/test" });
  await assert.rejects(startServer(closed), (error) => hasCode(error, "STORE_UNREACHABLE"));
});
