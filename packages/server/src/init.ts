import { mkdir, readdir, rename } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { certificateChainCodec } from "@sealane/api";
import { type Randomness, type Suite, sha256, standardSuites, systemRandom } from "@sealane/crypto";
import { type Authority, createAuthority, issueCertificate } from "@sealane/pki/issue";
import { anonymousRecipient, syncFolder, writeFileAtomic } from "@sealane/software";
import { type Digest, encodeAs, formatBase64Url, type Name } from "@sealane/wire";
import { serverErrors } from "./errors.ts";
import { accessing, systemCodeOf } from "./files.ts";
import { firstOperatorLabel } from "./labels.ts";
import {
  authorityKeyId,
  certificatePath,
  certifiedKeyPlans,
  enrolmentKeyId,
  lastingKind,
  type ServerFolder,
  serverFolder,
} from "./layout.ts";
import { authorityLifeSeconds, backdateSeconds, certificateLifeSeconds, operatorTokenBytes, storageKeyBytes } from "./limits.ts";
import { type DatabaseInput, locateDatabase } from "./locate-database.ts";
import { chooseToken, discardServer, openServerKeys, type PinInput, saveTokenUri } from "./server-keys.ts";
import { migrateDatabase, openDatabase } from "./storage/database.ts";
import type { DatabaseLocation } from "./storage/database-location.ts";
import { sqlOperatorTokens } from "./storage/operator-tokens.ts";

export interface InitInput extends DatabaseInput, PinInput {
  /** Must not exist yet, or be empty. */
  readonly folder: string;
  /** The server's name in its certificates. */
  readonly name: Name;
  readonly nowSeconds: number;
  readonly random?: Randomness;
  /** What it can establish links with; the standard suites unless told. */
  readonly suites?: readonly Suite[];
  /**
   * `pkcs11:` URI of a token that makes and keeps the private keys but that of enrolment; `object=NAME` begins their labels. The URI is
   * written into the folder; files unless told.
   */
  readonly token?: string;
}

/** What the operator has to keep. */
export interface InitialisedServer {
  /** 43 characters; a secret that is nowhere else. */
  readonly operatorToken: string;
  /** SHA-256 of the authority's certificate, by which terminals know it. */
  readonly fingerprint: Digest;
}

/**
 * Makes a server: authority, keys with their certificates, storage key, database, first operator token. All of it is prepared in
 * a folder beside `folder` and then renamed, so that there is a whole server or none. What an interrupted run left is removed; its keys
 * in a token by the next run that has a token, so that no PIN is asked for where none is needed.
 *
 * Errors: SERVER_ALREADY_INITIALISED, SERVER_FOLDER_NOT_EMPTY, SERVER_NAME_TAKEN, SERVER_FILE_WRONG, FILE_WRITE_FAILED, STORE_*,
 * KEYSTORE_*, SERVER_DATABASE_URL_WRONG, SERVER_DATABASE_TAKEN.
 */
export async function initServer(input: InitInput): Promise<InitialisedServer> {
  const { name, random = systemRandom } = input;
  if (name === anonymousRecipient) throw serverErrors.error("SERVER_NAME_TAKEN", { name });
  const target = resolve(input.folder);
  const parent = dirname(target);
  await requireFree(target);
  await accessing(parent, () => mkdir(parent, { recursive: true }));
  const beside = `.${basename(target)}.init-`;
  await removeLeftovers(parent, { beside, pin: input.token === undefined ? null : input });
  const uri = input.token === undefined ? null : await chooseToken({ ...input, token: input.token, random });
  const prepared = serverFolder(join(parent, beside + Buffer.from(random.bytes(8)).toString("hex")));
  try {
    const made = await prepare(prepared, { ...input, random, uri });
    await accessing(target, () => putInPlace(prepared.root, target));
    await syncFolder(parent);
    return made;
  } catch (error) {
    await discard(prepared, input).catch(() => {}); // the next run tries again
    throw error;
  }
}

interface Preparation extends InitInput {
  readonly random: Randomness;
  /** Of the token where this server's keys are to be. */
  readonly uri: string | null;
}

async function prepare(folder: ServerFolder, input: Preparation): Promise<InitialisedServer> {
  const { name, nowSeconds, random, uri, suites = standardSuites } = input;
  for (const path of [folder.root, folder.keys, folder.certificates]) await accessing(path, () => mkdir(path, { mode: 0o700 }));
  await accessing(folder.artefacts, () => mkdir(folder.artefacts, { mode: 0o755 }));
  if (uri !== null) await saveTokenUri(folder, uri);
  await using keys = await openServerKeys(folder, input);
  const { lasting, enrolment } = keys;
  await lasting.generate(authorityKeyId, lastingKind(suites), "sign");
  const key = await lasting.signingKey(authorityKeyId);
  const notBeforeSeconds = nowSeconds - backdateSeconds;
  const certificate = await createAuthority({ name, key, notBeforeSeconds, notAfterSeconds: nowSeconds + authorityLifeSeconds, random });
  await writeFileAtomic(folder.authority, certificate);
  for (const { id, purpose, kind, use } of certifiedKeyPlans(suites)) {
    const publicKey = await (id === enrolmentKeyId ? enrolment : lasting).generate(id, kind, use);
    const issued = await issueOneYear({ certificate, key }, { subject: { name, purpose, publicKey }, nowSeconds, random });
    await writeFileAtomic(certificatePath(folder, id), encodeAs(certificateChainCodec, [issued]));
  }
  const storageKey = random.bytes(storageKeyBytes);
  await writeFileAtomic(folder.storageKey, storageKey, { mode: 0o600 });
  storageKey.fill(0);
  const operatorToken = await makeDatabase(await locateDatabase({ ...input, folder: folder.root }), { nowSeconds, random });
  for (const path of [folder.keys, folder.certificates, folder.root]) await syncFolder(path);
  return { operatorToken, fingerprint: sha256(certificate) };
}

/** A certificate of one year. Errors: those of `issueCertificate`. */
export async function issueOneYear(
  authority: Authority,
  input: Pick<Parameters<typeof issueCertificate>[0], "subject" | "random"> & { readonly nowSeconds: number },
): Promise<Uint8Array> {
  const { subject, random, nowSeconds } = input;
  return await issueCertificate({
    authority,
    subject,
    random,
    notBeforeSeconds: nowSeconds - backdateSeconds,
    notAfterSeconds: nowSeconds + certificateLifeSeconds,
  });
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
  const isServer = found.includes(basename(serverFolder(target).authority));
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

async function removeLeftovers(parent: string, of: { readonly beside: string; readonly pin: PinInput | null }): Promise<void> {
  const names = await accessing(parent, () => readdir(parent));
  for (const name of names.filter((each) => each.startsWith(of.beside))) await discard(serverFolder(join(parent, name)), of.pin);
}

/** What was prepared and is not used. */
async function discard(folder: ServerFolder, pin: PinInput | null): Promise<void> {
  await unlessMissing(() => discardServer(folder, pin));
}

async function unlessMissing<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return null;
    throw error;
  }
}
