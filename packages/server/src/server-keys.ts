import { readdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Randomness, Suite } from "@sealane/crypto";
import {
  type AskPin,
  FileKeyStore,
  type KeyStore,
  maxTokenUriLength,
  openPkcs11KeyStore,
  type Pkcs11KeyStore,
  withOwnName,
} from "@sealane/keystore";
import { writeFileAtomic } from "@sealane/software";
import { hasCode, SealaneError } from "@sealane/wire";
import { rootKeyId } from "./authority/layout.ts";
import { readServerFile, systemCodeOf } from "./files.ts";
import { issuerKeyId, lastingKind, type ServerFolder } from "./layout.ts";

/** Where a server's private keys are: files of its folder, or a token, for which the folder has the `pkcs11:` URI. */
export interface ServerKeys extends AsyncDisposable {
  /** For links, licences and certificates. */
  readonly lasting: KeyStore;
  /** For enrolment: of a kind that tokens lack, and what is encrypted to it is worth nothing after a day. Always files. */
  readonly enrolment: KeyStore;
  /** `lasting` where it is a token. */
  readonly token: Pkcs11KeyStore | null;
}

/** Who is asked for the PIN of a token whose URI has no `pin-source`; without it that is KEYSTORE_TOKEN_PIN_MISSING. */
export interface PinInput {
  readonly askPin?: AskPin;
}

/** Where the private keys of a folder are: in files, or in the token that it names. */
export interface KeyFolder {
  readonly root: string;
  readonly keys: string;
  readonly token: string;
}

/** Opens the keys that a folder has or names. Errors: SERVER_FILE_WRONG, KEYSTORE_TOKEN_URI_WRONG, KEYSTORE_TOKEN_MODULE_WRONG. */
export async function openKeys(
  folder: KeyFolder,
  input: PinInput,
): Promise<AsyncDisposable & { readonly store: KeyStore; readonly token: Pkcs11KeyStore | null }> {
  const uri = await readTokenUri(folder);
  if (uri === null) return { store: new FileKeyStore(folder.keys), token: null, [Symbol.asyncDispose]: async () => {} };
  const token = openToken(uri, input);
  return { store: token, token, [Symbol.asyncDispose]: () => token[Symbol.asyncDispose]() };
}

/** Opens what a server's folder names. Errors: those of {@link openKeys}. */
export async function openServerKeys(folder: ServerFolder, input: PinInput): Promise<ServerKeys> {
  const { store, token, [Symbol.asyncDispose]: dispose } = await openKeys(folder, input);
  return { lasting: store, enrolment: token === null ? store : new FileKeyStore(folder.keys), token, [Symbol.asyncDispose]: dispose };
}

/** A token that new keys are made in: a server's, or an operator's. */
export interface NewToken extends PinInput {
  /** `pkcs11:` URI; `object=NAME` begins the labels of the keys, `sealane` unless told. */
  readonly token: string;
  /** Those that keys are made for. */
  readonly suites: readonly Suite[];
  /** Whether it is to have keys for links too, beside those that sign certificates. */
  readonly withLinks: boolean;
  readonly random: Randomness;
}

/**
 * Makes sure that a token can keep the keys of some suites, and says by which URI a new server finds its own among others: no two
 * servers have the same, so that what an interrupted `initServer` left can be told from what is in use.
 * Errors: KEYSTORE_TOKEN_*, above all KEYSTORE_TOKEN_KIND_UNSUPPORTED with suite and kind.
 */
export async function chooseToken({ token, suites, withLinks, random, ...input }: NewToken): Promise<string> {
  const uri = withOwnName(token, random);
  await using store = openToken(uri, input);
  if (withLinks) await store.requireSuites(suites);
  await store.requireKind(lastingKind(suites), "sign", { key: withLinks ? issuerKeyId : rootKeyId });
  return uri;
}

/** Writes down where the keys will be, before any is made. Error: FILE_WRITE_FAILED. */
export async function saveTokenUri(folder: KeyFolder, uri: string): Promise<void> {
  await writeFileAtomic(folder.token, new TextEncoder().encode(`${uri}\n`), { mode: 0o600 });
}

/**
 * What is left of a server or an operator's folder that came not to be: the keys in its token are destroyed, then its folder; while the token is away, or is not
 * to be used (`pin` null), the URI stays. Errors: KEYSTORE_TOKEN_PIN_WRONG, KEYSTORE_TOKEN_PIN_LOCKED, which name that folder.
 */
export async function discardKeys(folder: KeyFolder, pin: PinInput | null): Promise<void> {
  const isDone = await destroyInToken(folder, pin);
  for (const name of await readdir(folder.root)) {
    if (isDone || name !== basename(folder.token)) await rm(join(folder.root, name), { recursive: true, force: true });
  }
  if (isDone) await rm(folder.root, { recursive: true, force: true });
}

async function destroyInToken(folder: KeyFolder, pin: PinInput | null): Promise<boolean> {
  try {
    if (pin === null) return (await readTokenUri(folder)) === null;
    await using keys = await openKeys(folder, pin);
    for (const id of (await keys.token?.list()) ?? []) await keys.token?.remove(id);
    return true;
  } catch (error) {
    if (hasCode(error, "KEYSTORE_TOKEN_PIN_WRONG") || hasCode(error, "KEYSTORE_TOKEN_PIN_LOCKED")) {
      throw new SealaneError(error.code, error.entry, { ...error.details, leftover: folder.root }, error); // another try would lock it
    }
    if (error instanceof SealaneError) return false;
    throw error;
  }
}

async function readTokenUri(folder: KeyFolder): Promise<string | null> {
  try {
    return Buffer.from(await readServerFile(folder.token, maxTokenUriLength + 2))
      .toString("utf8")
      .trim();
  } catch (error) {
    if (error instanceof SealaneError && systemCodeOf(error.cause) === "ENOENT") return null;
    throw error;
  }
}

function openToken(uri: string, { askPin }: PinInput): Pkcs11KeyStore {
  return openPkcs11KeyStore(uri, askPin === undefined ? {} : { askPin });
}
