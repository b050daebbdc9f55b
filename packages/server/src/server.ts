import { access } from "node:fs/promises";
import { type Randomness, Secret, systemRandom } from "@sealane/crypto";
import type { FastifyInstance } from "fastify";
import { ArtefactStore } from "./artefact-store.ts";
import { loadCaRoleKeys, loadKeyRoleKeys, loadPublicIdentity } from "./certified-keys.ts";
import type { ServerContext } from "./context.ts";
import { serverErrors } from "./errors.ts";
import { readServerFile, systemCodeOf } from "./files.ts";
import { createHttpServer, type LogOptions } from "./http/http-server.ts";
import { InboxWaiters } from "./key/inbox-waiters.ts";
import type { ServerRole } from "./labels.ts";
import { type ServerFolder, serverFolder } from "./layout.ts";
import { defaultLimits, purgeSeconds, type ServerLimits, storageKeyBytes } from "./limits.ts";
import { caRoutes } from "./roles/ca.ts";
import { downloadRoutes } from "./roles/download.ts";
import { keyRoutes } from "./roles/key.ts";
import { operatorRoutes } from "./roles/operator.ts";
import { type Database, openDatabase, purgeExpired } from "./storage/database.ts";
import { RowSeal } from "./storage/row-seal.ts";
import { sqlKeyStores, sqlStores, transactional } from "./storage/stores.ts";

export interface ServerOptions {
  /** A folder that `initServer` made; for the download role alone, one that holds `artefacts/` is enough. */
  readonly folder: string;
  readonly roles: readonly ServerRole[];
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly log: LogOptions;
  /** Where terminals reach the server, if not where it listens. */
  readonly publicUrl?: string;
  /** The clock in whole seconds. */
  readonly now?: () => number;
  readonly random?: Randomness;
  readonly limits?: Partial<ServerLimits>;
}

export interface RunningServer {
  /** Where it listens. */
  readonly url: string;
  /** Takes no new requests, ends what waits, lets the rest finish within its time, closes the database. Again: the same. */
  close(): Promise<void>;
}

/**
 * Starts a server in the roles that are asked for; each opens only what it needs.
 *
 * Errors: SERVER_NOT_INITIALISED, SERVER_FILE_WRONG, SERVER_KEY_MISMATCH, SERVER_SCHEMA_OLD, SERVER_SCHEMA_NEW,
 * SERVER_ADDRESS_UNUSABLE, PKI_CERTIFICATE_EXPIRED and other PKI_*, KEYSTORE_*, STORE_*.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { now = () => Math.floor(Date.now() / 1000), random = systemRandom } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const stack = new AsyncDisposableStack();
  const state = { isStopping: false, url: "" };
  try {
    const app = await createHttpServer({ limits, log: options.log, isStopping: () => state.isStopping });
    const context = { now, random, limits };
    await addRoles(app, { ...options, context, stack, publicUrl: () => options.publicUrl ?? state.url });
    state.url = await listen(app, options);
    const stop = once(async () => {
      state.isStopping = true;
      await closeHttp(app, limits.closeSeconds);
      await stack.disposeAsync();
    });
    return { url: state.url, close: stop };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

interface Setup extends Pick<ServerOptions, "folder" | "roles"> {
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
  if (roles.includes("download")) await app.register(downloadRoutes(artefacts));
  if (roles.every((role) => role === "download")) return;

  const db = stack.adopt(await openDatabase(folder.database), (database) => database.destroy());
  const shared = { ...context, ...transactional(db, sqlStores) };
  const seal = roles.includes("key") ? await loadSeal(folder, setup) : null;
  if (seal !== null) {
    const keys = await loadKeyRoleKeys(folder, nowSeconds);
    const { maxReplayEntries: maxPerOriginator } = context.limits;
    const stores = transactional(db, (queries) => sqlKeyStores(queries, { seal, now: context.now, maxPerOriginator }));
    const waiters = new InboxWaiters(context.limits.maxPollsPerTerminal);
    await app.register(keyRoutes({ ...context, ...keys, ...stores, waiters }));
  }
  if (roles.includes("ca")) {
    const keys = await loadCaRoleKeys(folder, nowSeconds);
    await app.register(caRoutes({ ...shared, ...keys, ...(await loadPublicIdentity(folder, nowSeconds)) }));
  }
  if (roles.includes("operator")) {
    await artefacts.removeLeftovers();
    const identity = await loadPublicIdentity(folder, nowSeconds);
    await app.register(operatorRoutes({ ...shared, ...identity, artefacts, publicUrl: setup.publicUrl }));
  }
  await purgeRegularly(app, { db, seal, now: context.now, stack });
}

async function loadSeal(folder: ServerFolder, { context, stack }: Setup): Promise<RowSeal> {
  const bytes = await readServerFile(folder.storageKey, storageKeyBytes);
  if (bytes.length !== storageKeyBytes) throw serverErrors.error("SERVER_FILE_WRONG", { file: "storage.key", bytes: bytes.length });
  return new RowSeal(stack.use(Secret.take("storage key", bytes)), context.random);
}

async function requireFolder(path: string): Promise<void> {
  try {
    await access(path);
  } catch (cause) {
    throw serverErrors.error("SERVER_NOT_INITIALISED", { folder: path }, cause);
  }
}

/** Removes what has expired: now, and every ten minutes. */
async function purgeRegularly(
  app: FastifyInstance,
  given: { readonly db: Database; readonly seal: RowSeal | null; readonly now: () => number; readonly stack: AsyncDisposableStack },
): Promise<void> {
  const { db, seal, now, stack } = given;
  const purge = async (): Promise<void> => await purgeExpired(db, { seal, nowSeconds: now() });
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
