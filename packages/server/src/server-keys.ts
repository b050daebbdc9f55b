import { readdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Randomness, type Suite, standardSuites } from "@sealane/crypto";
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
import { readServerFile, systemCodeOf } from "./files.ts";
import { lastingKind, type ServerFolder } from "./layout.ts";

/** Where a server's private keys are: files of its folder, or a token, for which the folder has the `pkcs11:` URI. */
export interface ServerKeys extends AsyncDisposable {
  /** For links, licences and the authority. */
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

/** Opens what a server's folder names. Errors: SERVER_FILE_WRONG, KEYSTORE_TOKEN_URI_WRONG, KEYSTORE_TOKEN_MODULE_WRONG. */
export async function openServerKeys(folder: ServerFolder, input: PinInput): Promise<ServerKeys> {
  const files = new FileKeyStore(folder.keys);
  const uri = await readTokenUri(folder);
  if (uri === null) return { lasting: files, enrolment: files, token: null, [Symbol.asyncDispose]: async () => {} };
  const token = openToken(uri, input);
  return { lasting: token, enrolment: files, token, [Symbol.asyncDispose]: () => token[Symbol.asyncDispose]() };
}

/** A token that a new server's keys are made in. */
export interface NewToken extends PinInput {
  /** `pkcs11:` URI; `object=NAME` begins the labels of the keys, `sealane` unless told. */
  readonly token: string;
  readonly suites?: readonly Suite[];
  readonly random: Randomness;
}

/**
 * Makes sure that a token can keep the keys of some suites, and says by which URI a new server finds its own among others: no two
 * servers have the same, so that what an interrupted `initServer` left can be told from what is in use.
 * Errors: KEYSTORE_TOKEN_*, above all KEYSTORE_TOKEN_KIND_UNSUPPORTED with suite and kind.
 */
export async function chooseToken({ token, suites = standardSuites, random, ...input }: NewToken): Promise<string> {
  const uri = withOwnName(token, random);
  await using store = openToken(uri, input);
  await store.requireSuites(suites);
  await store.requireKind(lastingKind(suites), "sign", { key: "authority" });
  return uri;
}

/** Writes down where the keys will be, before any is made. Error: FILE_WRITE_FAILED. */
export async function saveTokenUri(folder: ServerFolder, uri: string): Promise<void> {
  await writeFileAtomic(folder.token, new TextEncoder().encode(`${uri}\n`), { mode: 0o600 });
}

/**
 * What is left of a server that came not to be: the keys in its token are destroyed, then its folder; while the token is away, or is not
 * to be used (`pin` null), the URI stays. Errors: KEYSTORE_TOKEN_PIN_WRONG, KEYSTORE_TOKEN_PIN_LOCKED, which name that folder.
 */
export async function discardServer(folder: ServerFolder, pin: PinInput | null): Promise<void> {
  const isDone = await destroyInToken(folder, pin);
  for (const name of await readdir(folder.root)) {
    if (isDone || name !== basename(folder.token)) await rm(join(folder.root, name), { recursive: true, force: true });
  }
  if (isDone) await rm(folder.root, { recursive: true, force: true });
}

async function destroyInToken(folder: ServerFolder, pin: PinInput | null): Promise<boolean> {
  try {
    if (pin === null) return (await readTokenUri(folder)) === null;
    await using keys = await openServerKeys(folder, pin);
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

async function readTokenUri(folder: ServerFolder): Promise<string | null> {
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
