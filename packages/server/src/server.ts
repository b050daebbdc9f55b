import { access } from "node:fs/promises";
import { Server as TlsServer } from "node:https";
import { type DeliveryPolicy, deliveryPolicy } from "@sealane/api";
import { type Randomness, Secret, systemRandom } from "@sealane/crypto";
import { permissionDenied } from "@sealane/wire";
import type { FastifyInstance } from "fastify";
import { ArtefactStore } from "./artefact-store.ts";
import { requireRootAway } from "./authority/migrate.ts";
import { loadCaRoleKeys, loadKeyRoleKeys, loadPublicIdentity } from "./certified-keys.ts";
import type { ServerContext } from "./context.ts";
import { serverErrors } from "./errors.ts";
import { readServerFile, systemCodeOf } from "./files.ts";
import { logFieldsOf } from "./http/failure.ts";
import { createHttpServer, type LogOptions } from "./http/http-server.ts";
import { Metrics } from "./http/metrics.ts";
import { readCertificate, type TlsFiles } from "./http/tls-certificate.ts";
import { watchRoutes } from "./http/watch.ts";
import { ChannelWaiters } from "./key/channel-waiters.ts";
import { contentKeysOf, resealContentKeys } from "./key/content-key.ts";
import { InboxWaiters } from "./key/inbox-waiters.ts";
import type { KeyRole } from "./key/key-role.ts";
import type { ServerRole } from "./labels.ts";
import { type ServerFolder, serverFolder } from "./layout.ts";
import { defaultLimits, purgeSeconds, type ServerLimits, storageKeyBytes } from "./limits.ts";
import { type DatabaseInput, locateDatabase } from "./locate-database.ts";
import type { ContentKeys } from "./operator/operator-role.ts";
import { broadcastRoutes } from "./roles/broadcasts.ts";
import { caRoutes } from "./roles/ca.ts";
import { downloadRoutes } from "./roles/download.ts";
import { groupRoutes } from "./roles/groups.ts";
import { keyRoutes } from "./roles/key.ts";
import { operatorRoutes } from "./roles/operator.ts";
import { orderRoutes } from "./roles/orders.ts";
import { openServerKeys, type PinInput } from "./server-keys.ts";
import { type Database, openDatabase, purgeExpired } from "./storage/database.ts";
import type { DatabaseLocation } from "./storage/database-location.ts";
import { listenForMessages } from "./storage/inbox-signals.ts";
import { RowKeys } from "./storage/row-keys.ts";
import { RowSeal } from "./storage/row-seal.ts";
import { sqlKeyStores, sqlStores, transactional } from "./storage/stores.ts";

export interface ServerOptions extends DatabaseInput, PinInput {
  /** A folder that `initServer` made; for the download role alone, one that holds `artefacts/` is enough. */
  readonly folder: string;
  readonly roles: readonly ServerRole[];
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly log: LogOptions;
  /** TLS in place of plain HTTP. */
  readonly tls?: TlsFiles;
  /** Addresses and networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed. */
  readonly trustedProxies?: readonly string[];
  /** The storage key, where it is not in the server's folder. */
  readonly storageKeyFile?: string;
  /** Where terminals reach the server, if not where it listens. */
  readonly publicUrl?: string;
  /** The clock in whole seconds. */
  readonly now?: () => number;
  readonly random?: Randomness;
  readonly limits?: Partial<ServerLimits>;
  /** By which mechanisms software of each class is delivered; a class that is not told keeps its default. */
  readonly policy?: Partial<DeliveryPolicy>;
}

export interface RunningServer {
  /** Where it listens. */
  readonly url: string;
  /** Reads the files of the TLS certificate again. Error: SERVER_TLS_WRONG; the old one stays. */
  reloadCertificate(): Promise<void>;
  /** Takes no new requests, ends what waits, lets the rest finish within its time, closes the database. Again: the same. */
  close(): Promise<void>;
}

/**
 * Starts a server in the roles that are asked for; each opens only what it needs.
 *
 * Errors: SERVER_NOT_INITIALISED, SERVER_ROOT_KEY_HERE, SERVER_FILE_WRONG, SERVER_KEY_MISMATCH, SERVER_SCHEMA_OLD, SERVER_SCHEMA_NEW,
 * SERVER_ADDRESS_UNUSABLE, PKI_CERTIFICATE_EXPIRED and other PKI_*, KEYSTORE_*, STORE_*.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { now = () => Math.floor(Date.now() / 1000), random = systemRandom } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const stack = new AsyncDisposableStack();
  const state = { isStopping: false, url: "" };
  try {
    const tls = options.tls === undefined ? null : await readCertificate(options.tls);
    const { log, trustedProxies = [] } = options;
    const metrics = new Metrics();
    const app = await createHttpServer({ limits, log, tls, trustedProxies, metrics, isStopping: () => state.isStopping });
    const context = { now, random, limits, metrics };
    await addRoles(app, { ...options, context, stack, publicUrl: () => options.publicUrl ?? state.url });
    const url = await listen(app, options);
    state.url = tls === null ? url : url.replace(/^http:/, "https:"); // the framework does not know of the listener's TLS
    const stop = once(async () => {
      state.isStopping = true;
      await closeHttp(app, limits.closeSeconds);
      await stack.disposeAsync();
    });
    const reloadCertificate = async (): Promise<void> => {
      if (options.tls !== undefined && app.server instanceof TlsServer) app.server.setSecureContext(await readCertificate(options.tls));
    };
    return { url: state.url, reloadCertificate, close: stop };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

interface Setup extends Pick<ServerOptions, "folder" | "roles" | "storageKeyFile" | "policy" | keyof DatabaseInput | keyof PinInput> {
  readonly context: ServerContext;
  /** What is to be released when the server stops. */
  readonly stack: AsyncDisposableStack;
  readonly publicUrl: () => string;
}

async function addRoles(app: FastifyInstance, setup: Setup): Promise<void> {
  const { roles, context, stack } = setup;
  const folder = serverFolder(setup.folder);
  const nowSeconds = context.now();
  const { maxArtefactBytes, maxUploads } = context.limits;
  const artefacts = new ArtefactStore({ folder: folder.artefacts, maxArtefactBytes, maxUploads });
  if (roles.includes("download") || roles.includes("operator")) await requireFolder(folder.artefacts);
  if (roles.includes("download")) await app.register(downloadRoutes(artefacts, context));
  if (roles.every((role) => role === "download")) {
    await app.register(watchRoutes({ metrics: context.metrics, database: null, tokens: null, keys: null, folders: [] }));
    return;
  }

  await requireRootAway(folder, { issues: roles.includes("ca") });
  const location = await locateDatabase(setup);
  const db = stack.adopt(await openDatabase(location), (database) => database.destroy());
  const shared = { ...context, ...transactional(db, sqlStores) };
  const opened = roles.includes("key") || roles.includes("ca") ? stack.use(await openServerKeys(folder, setup)) : null;
  const folders = [...(roles.includes("key") ? [folder.root] : []), ...(roles.includes("operator") ? [folder.artefacts] : [])];
  const watched = { database: db, tokens: shared.stores.operatorTokens, keys: opened?.token ?? null, folders };
  await app.register(watchRoutes({ metrics: context.metrics, ...watched }));
  let contentKeys: ContentKeys | null = null;
  const seal = roles.includes("key") ? await loadSeal(folder, setup) : null;
  if (seal !== null && opened !== null) {
    const keys = await loadKeyRoleKeys(folder, { keys: opened, nowSeconds });
    const { maxReplayEntries: maxPerOriginator } = context.limits;
    const stores = transactional(db, (queries) => sqlKeyStores(queries, { seal, now: context.now, maxPerOriginator }));
    const waiters = new InboxWaiters(context.limits.maxPollsPerTerminal);
    const listeners = new ChannelWaiters(context.limits.maxListeners);
    context.metrics.watchInbox(() => waiters.size);
    context.metrics.watchChannel(() => listeners.size);
    if (location.kind === "postgres") stack.use(await listenForMessages(location, { waiters, listeners }));
    const policy = deliveryPolicy(setup.policy ?? {});
    const role: KeyRole = { ...context, ...keys, ...stores, waiters, listeners, policy };
    contentKeys = contentKeysOf(role);
    await reseal(app, role);
    await app.register(keyRoutes(role));
    await app.register(broadcastRoutes(role));
    await app.register(groupRoutes(role));
    await app.register(orderRoutes(role));
  }
  if (roles.includes("ca") && opened !== null) {
    const keys = await loadCaRoleKeys(folder, { keys: opened, nowSeconds });
    await app.register(caRoutes({ ...shared, ...keys, ...(await loadPublicIdentity(folder, nowSeconds)) }));
  }
  if (roles.includes("operator")) {
    // On PostgreSQL other processes may take uploads too.
    await artefacts.removeLeftovers(location.kind === "sqlite" ? 0 : context.limits.uploadSeconds);
    const identity = await loadPublicIdentity(folder, nowSeconds);
    await app.register(operatorRoutes({ ...shared, ...identity, artefacts, contentKeys, publicUrl: setup.publicUrl }));
  }
  await purgeRegularly(app, { db, kind: location.kind, seal, now: context.now, stack });
}

/** What the key role's keys of before can open goes over to its first one whenever a server starts. */
async function reseal(app: FastifyInstance, role: KeyRole): Promise<void> {
  const { resealed, failures } = await resealContentKeys(role);
  if (resealed > 0) app.log.info({ releases: resealed }, "content keys sealed anew");
  for (const failure of failures) app.log.error(logFieldsOf(failure), "a content key cannot be opened: publish that release again");
}

async function loadSeal(folder: ServerFolder, { context, stack, storageKeyFile = folder.storageKey }: Setup): Promise<RowSeal> {
  const bytes = await readServerFile(storageKeyFile, storageKeyBytes);
  if (bytes.length !== storageKeyBytes) throw serverErrors.error("SERVER_FILE_WRONG", { file: "storage.key", bytes: bytes.length });
  const keys = stack.use(await RowKeys.open(folder.rowKey, { nowSeconds: context.now(), random: context.random }));
  return new RowSeal(stack.use(Secret.take("storage key", bytes)), keys, context.random);
}

async function requireFolder(path: string): Promise<void> {
  try {
    await access(path);
  } catch (cause) {
    throw permissionDenied(cause, path) ?? serverErrors.error("SERVER_NOT_INITIALISED", { folder: path }, cause);
  }
}

/** Removes what has expired: now, and every ten minutes. */
async function purgeRegularly(
  app: FastifyInstance,
  given: {
    readonly db: Database;
    readonly kind: DatabaseLocation["kind"];
    readonly seal: RowSeal | null;
    readonly now: () => number;
    readonly stack: AsyncDisposableStack;
  },
): Promise<void> {
  const { db, kind, seal, now, stack } = given;
  const purge = async (): Promise<void> => await purgeExpired(db, { kind, seal, nowSeconds: now() });
  await purge();
  const timer = setInterval(() => {
    purge().catch((error: unknown) =>
      app.log.error({ code: error instanceof Error && "code" in error ? error.code : "unknown" }, "purge failed"),
    );
  }, purgeSeconds * 1000);
  timer.unref();
  stack.defer(() => clearInterval(timer));
}

async function listen(app: FastifyInstance, { host, port }: Pick<ServerOptions, "host" | "port">): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (cause) {
    await app.close();
    const reason = systemCodeOf(cause);
    if (reason === null) throw cause;
    throw serverErrors.error("SERVER_ADDRESS_UNUSABLE", { host, port, reason }, cause);
  }
}

/** Waits for requests under way, then ends their connections. */
async function closeHttp(app: FastifyInstance, closeSeconds: number): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), closeSeconds * 1000);
  try {
    await app.close();
  } finally {
    clearTimeout(timer);
  }
}

function once(work: () => Promise<void>): () => Promise<void> {
  let started: Promise<void> | null = null;
  return async () => {
    started ??= work();
    await started;
  };
}
