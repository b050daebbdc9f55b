import { type FileHandle, link, open, readdir, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { apiErrors } from "@sealane/api";
import { ArtefactVerifier, PendingFile, syncFolder } from "@sealane/software";
import { type ArtefactId, hasCode } from "@sealane/wire";
import { serverErrors } from "./errors.ts";
import { accessing, isFull, systemCodeOf } from "./files.ts";
import { reservedDiskBytes } from "./limits.ts";

/** An artefact that is in the store now. */
export interface StoredArtefact {
  readonly artefactId: ArtefactId;
  readonly fileBytes: number;
  /** False when it was there before. */
  readonly stored: boolean;
}

export interface ArtefactStoreOptions {
  /** The folder of the artefacts. */
  readonly folder: string;
  readonly maxArtefactBytes: number;
  /** Uploads at the same time. */
  readonly maxUploads: number;
}

export interface Upload {
  /** The artefact's bytes, in pieces of any size; it throws or ends early when the sender goes. */
  readonly pieces: AsyncIterable<Uint8Array>;
  /** How many bytes the sender promises; null when it does not say. */
  readonly promisedBytes: number | null;
}

const extension = ".sealed";

/** What {@link PendingFile} leaves when the process is ended. */
const leftover = /^\.sealane-[0-9a-f]+\.tmp$/;

/**
 * Sealed artefacts as files `<id in hex>.sealed`. A file appears when all of its bytes were checked against its own id and synced,
 * and never changes after that; reading needs neither a key nor the database.
 */
export class ArtefactStore {
  readonly #options: ArtefactStoreOptions;
  #uploads = 0;

  constructor(options: ArtefactStoreOptions) {
    this.#options = options;
  }

  /**
   * Removes what interrupted uploads left and nobody has written to for so long: 0 where this is the one process that takes uploads.
   * Error: SERVER_FILE_WRONG.
   */
  async removeLeftovers(untouchedSeconds: number): Promise<void> {
    const { folder } = this.#options;
    const names = await accessing(folder, () => readdir(folder));
    for (const name of names.filter((each) => leftover.test(each))) {
      const path = join(folder, name);
      const found = await stat(path).catch(() => null); // its upload may end just now
      const isOld = untouchedSeconds === 0 || (found !== null && Date.now() - found.mtimeMs >= untouchedSeconds * 1000);
      if (isOld) await accessing(folder, () => rm(path, { force: true }));
    }
  }

  /**
   * Takes an upload, in constant memory. Nothing of it stays unless all of it was right.
   *
   * Errors: STORE_UPLOADS_EXCEEDED, API_BODY_TOO_LARGE, STORE_FULL, STORE_FAILED, STORE_UPLOAD_INTERRUPTED, ARTEFACT_FORMAT_WRONG,
   * ARTEFACT_TRUNCATED, ARTEFACT_TRAILING_BYTES, ARTEFACT_BODY_WRONG.
   */
  async add(upload: Upload): Promise<StoredArtefact> {
    const { maxUploads } = this.#options;
    if (this.#uploads >= maxUploads) throw serverErrors.error("STORE_UPLOADS_EXCEEDED", { limit: maxUploads });
    this.#uploads++;
    try {
      return await this.#receive(upload);
    } catch (error) {
      throw diskError(error);
    } finally {
      this.#uploads--;
    }
  }

  async has(id: ArtefactId): Promise<boolean> {
    const found = await this.open(id);
    await found?.close();
    return found !== null;
  }

  /** Opens an artefact's file; null when it is not in the store. The caller closes it. Error: STORE_FAILED. */
  async open(id: ArtefactId): Promise<FileHandle | null> {
    try {
      return await open(this.#path(id), "r");
    } catch (error) {
      if (systemCodeOf(error) === "ENOENT") return null;
      throw diskError(error);
    }
  }

  async #receive({ pieces, promisedBytes }: Upload): Promise<StoredArtefact> {
    const { folder } = this.#options;
    await this.#requireRoom(promisedBytes ?? 0);
    await using pending = await PendingFile.create(join(folder, "upload"));
    const verifier = new ArtefactVerifier();
    let bytes = 0;
    for await (const piece of interruptible(pieces)) {
      this.#requireSize(bytes + piece.length);
      verifier.update(piece);
      await pending.write(piece, bytes);
      bytes += piece.length;
    }
    const { artefactId, fileBytes } = verifier.finish();
    await pending.handle.sync();
    const stored = await putNew(pending.path, this.#path(artefactId));
    await syncFolder(folder);
    return { artefactId, fileBytes, stored };
  }

  async #requireRoom(bytes: number): Promise<void> {
    this.#requireSize(bytes);
    const { bavail, bsize } = await statfs(this.#options.folder);
    if (bavail * bsize < bytes + reservedDiskBytes) throw serverErrors.error("STORE_FULL", { bytes, free: bavail * bsize });
  }

  #requireSize(bytes: number): void {
    const { maxArtefactBytes } = this.#options;
    if (bytes > maxArtefactBytes) throw apiErrors.error("API_BODY_TOO_LARGE", { bytes, limit: maxArtefactBytes });
  }

  #path(id: ArtefactId): string {
    return join(this.#options.folder, Buffer.from(id).toString("hex") + extension);
  }
}

/** Gives the file its name unless that is taken, in one step; the pending name goes with its owner. */
async function putNew(pending: string, path: string): Promise<boolean> {
  try {
    await link(pending, path);
    return true;
  } catch (error) {
    if (systemCodeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** Tells a sender that went from a disk that fails: what the source throws is the sender's. */
async function* interruptible(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const source = pieces[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await source.next().catch((cause: unknown) => {
        throw serverErrors.error("STORE_UPLOAD_INTERRUPTED", {}, cause);
      });
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await source.return?.();
  }
}

function diskError(error: unknown): unknown {
  const reason = hasCode(error, "FILE_WRITE_FAILED") ? error.details["reason"] : systemCodeOf(error);
  if (typeof reason !== "string") return error;
  return serverErrors.error(isFull(reason) ? "STORE_FULL" : "STORE_FAILED", { reason }, error);
}
