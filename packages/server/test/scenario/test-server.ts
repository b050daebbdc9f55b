import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type DeliveryPolicy, mediaType, type OfferView, routes, type ServerView } from "@sealane/api";
import { defaultSuite, type Suite, standardSuites } from "@sealane/crypto";
import { certificateFor, type MechanismName, mechanisms } from "@sealane/link";
import { trustAnchor, verifyCertificate } from "@sealane/pki";
import type { ReleaseContent } from "@sealane/software";
import { type Digest, parseName } from "@sealane/wire";
import type { Selectable } from "kysely";
import { type DatabaseInput, type InitInput, initServer, type RunningServer, type ServerOptions, startServer } from "../../src/index.ts";
import { locateDatabase } from "../../src/locate-database.ts";
import { openDatabase } from "../../src/storage/database.ts";
import type { Schema } from "../../src/storage/schema.ts";
import { dropSchema, newPostgresUrl } from "../postgres.ts";
import { type Device, NewDevice } from "./device.ts";
import { OperatorClient } from "./operator-client.ts";
import { type Prepared, Publisher } from "./publisher.ts";

/** A second in the middle of a day, so that nothing depends on the clock of the machine. */
const startSeconds = 1_800_000_000;

/** Whether the servers of this run use PostgreSQL (`npm run verify` has both). */
export const onPostgres: boolean = process.env["SEALANE_TEST_DATABASE"] === "postgres";

/** Bounds that no scenario meets by accident. */
const roomy = { requestsPerMinute: 100_000, linksPerMinute: 100_000, enrolmentsPerMinute: 100_000, closeSeconds: 5 };

/** A policy that allows every mechanism. */
export const everyMechanism: DeliveryPolicy = (() => {
  const all = Object.keys(mechanisms) as MechanismName[];
  return { system: all, application: all, content: all };
})();

type WatchedTable = "terminals" | "links" | "pending_links" | "inbox_messages" | "replay_entries" | "licences";
type Rows = { readonly [Table in WatchedTable]: readonly Selectable<Schema[Table]>[] };

/** How the server begins the link of an offer, if not as it does unless told. */
export interface OfferWay {
  readonly suite?: Suite;
  readonly mechanism?: MechanismName;
}

/** A server in a folder of its own, with a clock that only the test moves, and what a publisher and devices need of it. */
export class TestServer {
  readonly folder: string;
  /** SQLite, or under SEALANE_TEST_DATABASE=postgres a schema of its own. */
  readonly database: DatabaseInput;
  readonly fingerprint: Digest;
  readonly operatorToken: string;
  /** Every line of log so far. */
  readonly log: string[] = [];
  nowSeconds: number = startSeconds;
  #running: RunningServer | null = null;
  #publisher: Promise<Publisher> | null = null;

  private constructor(
    folder: string,
    made: { readonly fingerprint: Digest; readonly operatorToken: string; readonly database: DatabaseInput },
  ) {
    this.folder = folder;
    this.database = made.database;
    this.fingerprint = made.fingerprint;
    this.operatorToken = made.operatorToken;
  }

  /** Initialised, started, and removed when the test ends. */
  static async start(
    test: TestContext,
    options: Partial<ServerOptions> = {},
    suites: readonly Suite[] = standardSuites,
  ): Promise<TestServer> {
    const server = await TestServer.init(test, undefined, suites);
    await server.run(options);
    return server;
  }

  static async init(
    test: TestContext,
    given?: DatabaseInput,
    suites: readonly Suite[] = standardSuites,
    keys: Pick<InitInput, "token" | "askPin"> = {},
  ): Promise<TestServer> {
    const parent = await mkdtemp(join(tmpdir(), "sealane-server-"));
    const folder = join(parent, "server");
    const database = given ?? (onPostgres ? { databaseUrl: newPostgresUrl() } : {});
    const made = await initServer({ ...database, folder, name: parseName("server"), nowSeconds: startSeconds, suites, ...keys });
    const server = new TestServer(folder, { ...made, database });
    test.after(async () => {
      await server.stop();
      await rm(parent, { recursive: true });
      if (database.databaseUrl !== undefined) await dropSchema(database.databaseUrl);
    });
    return server;
  }

  async run(options: Partial<ServerOptions> = {}): Promise<void> {
    this.#running = await startServer(this.options(options));
  }

  /** What another process of this server is started with. */
  options(options: Partial<ServerOptions> = {}): ServerOptions {
    return {
      ...this.database,
      folder: this.folder,
      roles: ["key", "download", "ca", "operator"],
      host: "127.0.0.1",
      port: 0,
      log: { level: "debug", destination: { write: (line) => void this.log.push(line) } },
      now: () => this.nowSeconds,
      ...options,
      limits: { ...roomy, ...options.limits },
    };
  }

  async stop(): Promise<void> {
    await this.#running?.close();
    this.#running = null;
  }

  /** Rows of the database about links and terminals, by table. */
  async rows(): Promise<Rows> {
    await using db = await openDatabase(await locateDatabase({ folder: this.folder, ...this.database }));
    return {
      terminals: await db.selectFrom("terminals").selectAll().orderBy("name").execute(),
      links: await db.selectFrom("links").selectAll().orderBy("id").execute(),
      pending_links: await db.selectFrom("pending_links").selectAll().orderBy("reference").execute(),
      inbox_messages: await db.selectFrom("inbox_messages").selectAll().orderBy("reference").execute(),
      replay_entries: await db.selectFrom("replay_entries").selectAll().orderBy("nonce").execute(),
      licences: await db.selectFrom("licences").selectAll().orderBy("digest").execute(),
    };
  }

  /** Stops, and starts again on the same folder. */
  async restart(options: Partial<ServerOptions> = {}): Promise<void> {
    await this.stop();
    await this.run(options);
  }

  get url(): string {
    if (this.#running === null) throw new Error("the server does not run");
    return this.#running.url;
  }

  get operator(): OperatorClient {
    return new OperatorClient(this.url, this.operatorToken);
  }

  /** Codes in the log, in order. */
  get codes(): readonly string[] {
    return this.log.map((line) => (JSON.parse(line) as { code?: string }).code ?? "").filter((code) => code !== "");
  }

  async newDevice(name: string, model = "m1", suites: readonly Suite[] = standardSuites): Promise<NewDevice> {
    return new NewDevice(this.url, await this.operator.token(name, model), { now: () => this.nowSeconds, suites });
  }

  async device(name: string, model = "m1"): Promise<Device> {
    return await (await this.newDevice(name, model)).enrol();
  }

  /** Who publishes here. */
  async publisher(): Promise<Publisher> {
    this.#publisher ??= Publisher.appoint(this.folder, this.nowSeconds);
    return await this.#publisher;
  }

  /** Seals and signs software for this server. */
  async prepare(content: string | Uint8Array, release: Partial<ReleaseContent> = {}, suite: Suite = defaultSuite): Promise<Prepared> {
    const publisher = await this.publisher();
    const view = (await this.operator.get(routes.server)) as ServerView;
    const keyRoles = view.decryptionChains.map((chain) =>
      verifyCertificate({
        chain: chain.map((der) => Uint8Array.fromBase64(der)),
        anchors: [trustAnchor(Uint8Array.fromBase64(view.authority))],
        purpose: "server-decrypt",
        nowSeconds: this.nowSeconds,
      }),
    );
    return await publisher.prepare(content, certificateFor({ suite, role: "server", purpose: "decrypt" }, keyRoles), {
      ...release,
      nowSeconds: this.nowSeconds,
    });
  }

  /** Seals, uploads and releases software. */
  async publish(content: string | Uint8Array, release: Partial<ReleaseContent> = {}, suite: Suite = defaultSuite): Promise<Prepared> {
    const prepared = await this.prepare(content, release, suite);
    const upload = await this.upload(prepared.artefact);
    if (upload.status !== 200) throw new Error(`upload failed: ${await upload.text()}`);
    const released = await this.release(prepared.publication);
    if (released.status !== 200) throw new Error(`release failed: ${await released.text()}`);
    return prepared;
  }

  async upload(artefact: Uint8Array): Promise<Response> {
    return await this.operator.send("POST", routes.artefacts, { type: mediaType.artefact, body: Uint8Array.from(artefact) });
  }

  async release(publication: Uint8Array): Promise<Response> {
    return await this.operator.send("POST", routes.releases, { type: mediaType.cbor, body: Uint8Array.from(publication) });
  }

  async offer(terminals: readonly string[], module = "app", way: OfferWay = {}): Promise<readonly string[]> {
    const { suite, mechanism } = way;
    const chosen = { ...(suite === undefined ? {} : { suite: suite.name }), ...(mechanism === undefined ? {} : { mechanism }) };
    return ((await this.operator.post(routes.offers, { terminals, module, ...chosen })) as OfferView).offered;
  }
}
