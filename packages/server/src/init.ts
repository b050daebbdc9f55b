import { mkdir, readdir, readFile, rename } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { certificateChainCodec } from "@sealane/api";
import { type Randomness, type Suite, sha256, standardSuites, systemRandom } from "@sealane/crypto";
import { trustAnchor } from "@sealane/pki";
import type { Authority } from "@sealane/pki/issue";
import { anonymousRecipient, syncFolder, writeFileAtomic } from "@sealane/software";
import { type Digest, encodeAs, equalBytes, formatBase64Url, type Name } from "@sealane/wire";
import { type AuthorityFolder, type AuthorityPlace, authorityFolder, authorityFolderOf } from "./authority/layout.ts";
import { loadIntermediate } from "./authority/load.ts";
import { issueOneYear, type Making, makeIssuer, makeOperatorKeys, makeRoot } from "./authority/make.ts";
import { serverErrors } from "./errors.ts";
import { accessing, systemCodeOf } from "./files.ts";
import { firstOperatorLabel } from "./labels.ts";
import { certificatePath, certifiedKeyPlans, enrolmentKeyId, issuerKeyId, lastingKind, type ServerFolder, serverFolder } from "./layout.ts";
import { operatorTokenBytes, storageKeyBytes } from "./limits.ts";
import { type DatabaseInput, locateDatabase } from "./locate-database.ts";
import { chooseToken, discardKeys, type KeyFolder, openKeys, openServerKeys, type PinInput, saveTokenUri } from "./server-keys.ts";
import { migrateDatabase, openDatabase } from "./storage/database.ts";
import type { DatabaseLocation } from "./storage/database-location.ts";
import { sqlOperatorTokens } from "./storage/operator-tokens.ts";

export interface InitInput extends AuthorityPlace, DatabaseInput, PinInput {
  /** Must not exist yet, or be empty. The same holds of the operator's. */
  readonly folder: string;
  /** The server's name in its certificates. */
  readonly name: Name;
  readonly nowSeconds: number;
  readonly random?: Randomness;
  /** What it can establish links with; the standard suites unless told. */
  readonly suites?: readonly Suite[];
  /**
   * `pkcs11:` URI of a token that makes and keeps the server's private keys but that of enrolment; `object=NAME` begins their labels. The
   * URI is written into the folder; files unless told.
   */
  readonly token?: string;
  /** The same for the keys of the operator's folder: root, publishers' authority, operator. */
  readonly operatorKey?: string;
}

/** What the operator has to keep. */
export interface InitialisedServer {
  /** 43 characters; a secret that is nowhere else. */
  readonly operatorToken: string;
  /** SHA-256 of the root's certificate, by which terminals know it. */
  readonly fingerprint: Digest;
}

/**
 * Makes a server, and what decides over it in the operator's folder: there the root, the publishers' authority and the operator's key;
 * here the issuing key, keys with their certificates, storage key, database, first operator token. Both are prepared beside their places
 * and then renamed, the operator's first: there is a whole server, or none. What an interrupted run left is removed; its keys in a token
 * by the next run that has a token, so that no PIN is asked for where none is needed.
 *
 * Errors: SERVER_ALREADY_INITIALISED, SERVER_FOLDER_NOT_EMPTY, SERVER_NAME_TAKEN, SERVER_FILE_WRONG, FILE_WRITE_FAILED, STORE_*,
 * KEYSTORE_*, SERVER_DATABASE_URL_WRONG, SERVER_DATABASE_TAKEN.
 */
export async function initServer(input: InitInput): Promise<InitialisedServer> {
  const { name, random = systemRandom, suites = standardSuites } = input;
  if (name === anonymousRecipient) throw serverErrors.error("SERVER_NAME_TAKEN", { name });
  const server = serverFolder(resolve(input.folder));
  const operator = authorityFolderOf(input);
  await requireFree(server.root);
  for (const { root } of [server, operator]) await accessing(dirname(root), () => mkdir(dirname(root), { recursive: true }));
  const pin = input.token === undefined && input.operatorKey === undefined ? null : input;
  await removeLeftovers(server, operator, pin);
  await requireFree(operator.root);
  const choose = async (token: string | undefined, withLinks: boolean): Promise<string | null> =>
    token === undefined ? null : await chooseToken({ ...input, token, suites, withLinks, random });
  const uris = { server: await choose(input.token, true), operator: await choose(input.operatorKey, false) };
  const run = Buffer.from(random.bytes(8)).toString("hex");
  const prepared = { server: serverFolder(beside(server.root) + run), operator: authorityFolder(beside(operator.root) + run) };
  let isServerMade = false;
  try {
    const initialised = await prepare(prepared, { ...input, random, suites, uris });
    await accessing(operator.root, () => putInPlace(prepared.operator.root, operator.root));
    await syncFolder(dirname(operator.root));
    await accessing(server.root, () => putInPlace(prepared.server.root, server.root));
    isServerMade = true;
    await syncFolder(dirname(server.root));
    return initialised;
  } catch (error) {
    // What cannot be removed now the next run tries again.
    if (!isServerMade) await giveUpOperator(prepared.server, { operator, pin: input }).catch(() => {});
    for (const { root } of [prepared.server, { root: givenUp(prepared.server.root) }])
      await discard(serverFolder(root), input).catch(() => {});
    await discard(prepared.operator, input).catch(() => {});
    throw error;
  }
}

interface Folders {
  readonly server: ServerFolder;
  readonly operator: AuthorityFolder;
}

interface Preparation extends InitInput {
  readonly random: Randomness;
  readonly suites: readonly Suite[];
  /** Of the tokens where keys are to be. */
  readonly uris: { readonly server: string | null; readonly operator: string | null };
}

async function prepare(folders: Folders, input: Preparation): Promise<InitialisedServer> {
  const { name, nowSeconds, random, suites, uris } = input;
  const { server: folder, operator } = folders;
  const own = [folder.root, folder.keys, folder.certificates, operator.root, operator.keys];
  for (const path of own) await accessing(path, () => mkdir(path, { mode: 0o700 }));
  await accessing(folder.artefacts, () => mkdir(folder.artefacts, { mode: 0o755 }));
  if (uris.server !== null) await saveTokenUri(folder, uris.server);
  if (uris.operator !== null) await saveTokenUri(operator, uris.operator);
  await using keys = await openServerKeys(folder, input);
  const { lasting, enrolment } = keys;
  const root = await makeAuthorities(folders, { ...input, store: lasting, kind: lastingKind(suites) });
  const below = { anchor: trustAnchor(root.certificate), nowSeconds };
  const issuer = await loadIntermediate(folder.issuer, { store: lasting, id: issuerKeyId, ...below });
  for (const { id, purpose, kind, use } of certifiedKeyPlans(suites)) {
    const publicKey = await (id === enrolmentKeyId ? enrolment : lasting).generate(id, kind, use);
    const chain = await issueOneYear(issuer, { subject: { name, purpose, publicKey }, nowSeconds, random });
    await writeFileAtomic(certificatePath(folder, id), encodeAs(certificateChainCodec, chain));
  }
  const storageKey = random.bytes(storageKeyBytes);
  await writeFileAtomic(folder.storageKey, storageKey, { mode: 0o600 });
  storageKey.fill(0);
  const operatorToken = await makeDatabase(await locateDatabase({ ...input, folder: folder.root }), { nowSeconds, random });
  for (const path of [folder.keys, folder.certificates, folder.root, operator.keys, operator.root]) await syncFolder(path);
  return { operatorToken, fingerprint: sha256(root.certificate) };
}

/** Root, publishers' authority and operator's key in the operator's folder, the issuing key in the server's. Gives the root. */
async function makeAuthorities({ server, operator }: Folders, making: Making & PinInput): Promise<Authority> {
  await using keys = await openKeys(operator, making);
  const own = { ...making, store: keys.store };
  const root = await makeRoot(operator, own);
  await makeOperatorKeys(operator, root, own);
  await makeIssuer(server, root, making);
  await writeFileAtomic(server.authority, root.certificate);
  await writeFileAtomic(operator.issuer, await readFile(server.issuer));
  return root;
}

/** Errors: SERVER_DATABASE_TAKEN, STORE_*. */
async function makeDatabase(
  location: DatabaseLocation,
  input: { readonly nowSeconds: number; readonly random: Randomness },
): Promise<string> {
  await migrateDatabase(location);
  await using db = await openDatabase(location);
  const taken = await db.selectFrom("operator_tokens").select("label").limit(1).executeTakeFirst();
  if (taken !== undefined) throw serverErrors.error("SERVER_DATABASE_TAKEN");
  const token = input.random.bytes(operatorTokenBytes);
  await sqlOperatorTokens(db).add({ digest: sha256(token), label: firstOperatorLabel, nowSeconds: input.nowSeconds });
  return formatBase64Url(token);
}

/** Refuses a folder that holds something. */
async function requireFree(target: string): Promise<void> {
  const found = await accessing(target, () => unlessMissing(() => readdir(target)));
  if (found === null || found.length === 0) return;
  const isServer = found.includes(basename(serverFolder(target).certificates));
  throw serverErrors.error(isServer ? "SERVER_ALREADY_INITIALISED" : "SERVER_FOLDER_NOT_EMPTY", { folder: target });
}

async function putInPlace(prepared: string, target: string): Promise<void> {
  try {
    await rename(prepared, target);
  } catch (error) {
    const reason = systemCodeOf(error);
    if (reason !== "ENOTEMPTY" && reason !== "EEXIST") throw error;
    throw serverErrors.error("SERVER_ALREADY_INITIALISED", { folder: target }); // another run was quicker
  }
}

/** The beginning of the names of what is prepared for a folder. */
function beside(target: string): string {
  return join(dirname(target), `.${basename(target)}.init-`);
}

function givenUp(prepared: string): string {
  return `${prepared}.given-up`;
}

async function removeLeftovers(server: ServerFolder, operator: AuthorityFolder, pin: PinInput | null): Promise<void> {
  for (const left of await leftoversOf(server.root)) await giveUpOperator(serverFolder(left), { operator, pin });
  for (const left of await leftoversOf(server.root)) await discard(serverFolder(left), pin);
  for (const left of await leftoversOf(operator.root)) await discard(authorityFolder(left), pin);
}

async function leftoversOf(target: string): Promise<readonly string[]> {
  const parent = dirname(target);
  const names = await accessing(parent, () => readdir(parent));
  return names.map((name) => join(parent, name)).filter((path) => path.startsWith(beside(target)));
}

/**
 * A run that ended between its two renames left an operator's folder in place whose server came not to be: it is given up with it. The
 * server's is renamed first, so that a run that is alive cannot put it in place meanwhile.
 */
async function giveUpOperator(
  left: ServerFolder,
  { operator, pin }: { readonly operator: AuthorityFolder; readonly pin: PinInput | null },
): Promise<void> {
  const [here, there] = [await unlessMissing(() => readFile(left.authority)), await unlessMissing(() => readFile(operator.authority))];
  if (here === null || there === null || !equalBytes(here, there)) return;
  const isOurs = await unlessMissing(async () => {
    await rename(left.root, givenUp(left.root));
    return true;
  });
  if (isOurs !== null) await discard(operator, pin);
}

/** What was prepared and is not used. */
async function discard(folder: KeyFolder, pin: PinInput | null): Promise<void> {
  await unlessMissing(() => discardKeys(folder, pin));
}

async function unlessMissing<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return null;
    throw error;
  }
}
