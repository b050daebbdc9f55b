import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { openNameless, readInto, reading, writeAll, writing } from "@sealane/software";

/**
 * Room for one content while it is sealed: the artefact begins with digests of all that follows, so all of it must lie somewhere
 * before its first byte can be sent. As large as the content.
 */
export interface Spool {
  /** Writes all bytes at a position, behind what is there or over it; the bytes may change once it is done. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** Fills `into` from a position. */
  read(into: Uint8Array, position: number): Promise<void>;
}

/** A spool in a file without a name, which the system removes when the spool is disposed of or the process ends. */
export class FileSpool implements Spool, AsyncDisposable {
  readonly #handle: FileHandle;
  readonly #folder: string;

  private constructor(folder: string, handle: FileHandle) {
    this.#folder = folder;
    this.#handle = handle;
  }

  /** Makes one in an existing folder. Content of unknown size stands there in plain until it is sealed. Error: FILE_WRITE_FAILED. */
  static async create(folder: string): Promise<FileSpool> {
    return new FileSpool(folder, await openNameless(join(folder, "spool")));
  }

  /** Error: FILE_WRITE_FAILED. */
  async write(bytes: Uint8Array, position: number): Promise<void> {
    await writing(this.#folder, () => writeAll(this.#handle, bytes, position));
  }

  /** Error: FILE_READ_FAILED. */
  async read(into: Uint8Array, position: number): Promise<void> {
    await reading(this.#folder, () => readInto(this.#handle, into, position));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}

const firstCapacity = 64 * 1024;

/** A spool in memory, for content that is small. */
export class MemorySpool implements Spool {
  #bytes = new Uint8Array(firstCapacity);

  async write(bytes: Uint8Array, position: number): Promise<void> {
    const end = position + bytes.length;
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(end, 2 * this.#bytes.length));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, position);
  }

  async read(into: Uint8Array, position: number): Promise<void> {
    into.set(this.#bytes.subarray(position, position + into.length));
  }
}
