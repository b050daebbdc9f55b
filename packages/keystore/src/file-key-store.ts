import { type FileHandle, link, mkdir, open, readdir, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  type AgreementKey,
  type DecryptionKey,
  type KeyKind,
  type PublicKey,
  type Secret,
  type SigningKey,
  SoftwareKey,
} from "@sealane/crypto";
import { PendingFile, syncFolder } from "@sealane/software";
import { keystoreErrors } from "./errors.ts";
import { decodeKeyFile, encodeKeyFile } from "./key-file.ts";
import { isKeyId, type KeyStore, requireKeyId } from "./key-store.ts";
import { keyFileMode, keyFolderMode, maxKeyFileBytes } from "./limits.ts";

/** How the files are kept. */
export interface FileKeyStoreOptions {
  /** Encrypts the files; must be neither empty nor wiped while the store is used. */
  readonly password?: Secret;
}

/**
 * Keeps each key in a file `ID.pem` of mode 0600 in one folder; opened keys stay in memory.
 *
 * Every method also throws KEYSTORE_ACCESS_FAILED, those that open a key KEYSTORE_FILE_EXPOSED, KEYSTORE_KEY_DAMAGED,
 * KEYSTORE_PASSWORD_MISSING, KEYSTORE_PASSWORD_WRONG and KEYSTORE_KEY_UNENCRYPTED, and `generate` FILE_WRITE_FAILED and, for a key
 * that cannot be encrypted, KEYSTORE_ENCRYPTION_UNSUPPORTED. Modes are not looked at on Windows, which has none.
 */
export class FileKeyStore implements KeyStore {
  readonly #folder: string;
  readonly #password: Secret | null;
  readonly #opened = new Map<string, SoftwareKey>();

  /** The folder is made when the first key is. Error: KEYSTORE_PASSWORD_MISSING for an empty password. */
  constructor(folder: string, options: FileKeyStoreOptions = {}) {
    this.#folder = folder;
    this.#password = options.password ?? null;
    if (this.#password?.length === 0) throw keystoreErrors.error("KEYSTORE_PASSWORD_MISSING");
  }

  async generate(id: string, kind: KeyKind): Promise<PublicKey> {
    const path = this.#path(id);
    const made = await accessing(id, () => mkdir(this.#folder, { recursive: true, mode: keyFolderMode }));
    if (made !== undefined) await syncFolder(dirname(this.#folder));
    await this.#requireOwnFolder(id);
    const key = SoftwareKey.generate(kind);
    const content = encodeKeyFile(key, this.#password);
    try {
      await putNew(path, { id, content });
    } finally {
      content.fill(0);
    }
    this.#opened.set(id, key);
    return key.publicKey;
  }

  async publicKey(id: string): Promise<PublicKey> {
    return (await this.#open(id)).publicKey;
  }

  async signingKey(id: string): Promise<SigningKey> {
    return (await this.#open(id)).signingKey();
  }

  async decryptionKey(id: string): Promise<DecryptionKey> {
    return (await this.#open(id)).decryptionKey();
  }

  async agreementKey(id: string): Promise<AgreementKey> {
    return (await this.#open(id)).agreementKey();
  }

  async has(id: string): Promise<boolean> {
    const path = this.#path(id);
    return (await accessing(id, () => unlessMissing(() => stat(path)))) !== null;
  }

  async list(): Promise<readonly string[]> {
    const names = (await accessing(null, () => unlessMissing(() => readdir(this.#folder)))) ?? [];
    return names
      .filter((name) => name.endsWith(extension))
      .map((name) => name.slice(0, -extension.length))
      .filter(isKeyId)
      .sort();
  }

  /** Overwrites the file before it is unlinked; on flash and journalled file systems a copy may survive. */
  async remove(id: string): Promise<void> {
    const path = this.#path(id);
    const found = await accessing(id, () =>
      unlessMissing(async () => {
        await using file = await open(path, "r+");
        const { size } = await file.stat();
        await file.write(new Uint8Array(size), 0, size, 0);
        await file.sync();
        await unlink(path);
        return true;
      }),
    );
    this.#opened.delete(id);
    if (found === null) throw keystoreErrors.error("KEYSTORE_KEY_MISSING", { id });
    await syncFolder(this.#folder);
  }

  async #open(id: string): Promise<SoftwareKey> {
    const path = this.#path(id);
    const opened = this.#opened.get(id);
    if (opened !== undefined) return opened;
    const content = await accessing(id, () =>
      unlessMissing(async () => {
        await using file = await open(path, "r");
        return await readOwn(file, id);
      }),
    );
    if (content === null) throw keystoreErrors.error("KEYSTORE_KEY_MISSING", { id });
    await this.#requireOwnFolder(id);
    try {
      const key = decodeKeyFile(content, { id, password: this.#password });
      this.#opened.set(id, key);
      return key;
    } finally {
      content.fill(0);
    }
  }

  /** Whoever may change the folder may exchange its keys. */
  async #requireOwnFolder(id: string): Promise<void> {
    const { mode } = await accessing(id, () => stat(this.#folder));
    if (hasModes && (mode & writableByOthers) !== 0) throw keystoreErrors.error("KEYSTORE_FILE_EXPOSED", { id, mode: octal(mode) });
  }

  #path(id: string): string {
    requireKeyId(id);
    return join(this.#folder, id + extension);
  }
}

const extension = ".pem";
const hasModes = process.platform !== "win32";
const openToOthers = 0o077;
const writableByOthers = 0o022;

/** Writes a file beside its place and links it there, which fails where something is: whole or not at all, and never over a key. */
async function putNew(path: string, file: { readonly id: string; readonly content: Uint8Array }): Promise<void> {
  const { id, content } = file;
  await using pending = await PendingFile.create(path, { mode: keyFileMode });
  await pending.write(content, 0);
  await accessing(id, async () => {
    await pending.handle.sync();
    try {
      await link(pending.path, path);
    } catch (error) {
      throw reasonOf(error) === "EEXIST" ? keystoreErrors.error("KEYSTORE_KEY_EXISTS", { id }) : error;
    }
  });
  await syncFolder(dirname(path));
}

async function readOwn(file: FileHandle, id: string): Promise<Uint8Array> {
  const status = await file.stat();
  if (!status.isFile() || status.size > maxKeyFileBytes) throw keystoreErrors.error("KEYSTORE_KEY_DAMAGED", { id });
  if (hasModes && (status.mode & openToOthers) !== 0) {
    throw keystoreErrors.error("KEYSTORE_FILE_EXPOSED", { id, mode: octal(status.mode) });
  }
  return await file.readFile();
}

/** Runs file work and turns the system's refusals into errors of ours. */
async function accessing<T>(id: string | null, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === null) throw error; // not the system's: already has its own code
    throw keystoreErrors.error("KEYSTORE_ACCESS_FAILED", { ...(id === null ? {} : { id }), reason }, error);
  }
}

async function unlessMissing<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (reasonOf(error) === "ENOENT") return null;
    throw error;
  }
}

function reasonOf(error: unknown): string | null {
  return error instanceof Error && "code" in error && "syscall" in error ? String(error.code) : null;
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, "0");
}
