import { type FileHandle, open } from "node:fs/promises";
import { maxPathBytes } from "@sealane/software/archive";
import { byteString, type Codec, concatBytes, decodeAs, encodeAs, permissionDenied, text, uint, variants } from "@sealane/wire";
import { changing, readInto, writeAll } from "./disk.ts";
import { terminalErrors } from "./errors.ts";
import { maxLayoutFrameBytes, maxLayoutPieceBytes } from "./limits.ts";

/**
 * The layout of an installed archive: the archive without its files' contents, so that from it and the installed files the archive
 * can be put together again, byte for byte, and compared with the licence at every start (PERMIT).
 *
 * A file of pieces, each a length in four bytes and that much CBOR. Nobody has to trust it: a changed layout gives other bytes.
 */
export type LayoutPiece =
  | {
      /** These bytes of the archive: headers and padding. */
      readonly kind: "bytes";
      readonly bytes: Uint8Array;
    }
  | {
      /** The content of an installed file. */
      readonly kind: "file";
      readonly path: string;
      readonly bytes: number;
    };

const pieceCodec: Codec<LayoutPiece> = variants<LayoutPiece>({
  bytes: { bytes: byteString({ min: 1, max: maxLayoutPieceBytes }) },
  file: { path: text(maxPathBytes), bytes: uint() },
});

const lengthBytes = 4;

/** Writes a layout while the archive is unpacked. */
export class LayoutWriter implements AsyncDisposable {
  readonly #path: string;
  readonly #layout: FileHandle;
  readonly #archive: FileHandle;
  /** The first byte of the archive that no piece covers yet. */
  #covered = 0;
  #end = 0;

  private constructor(path: string, files: { readonly layout: FileHandle; readonly archive: FileHandle }) {
    this.#path = path;
    this.#layout = files.layout;
    this.#archive = files.archive;
  }

  /** Makes a new layout file. `archive` stays the caller's. Errors: TERMINAL_DISK_FULL, FILE_WRITE_FAILED. */
  static async create(path: string, archive: FileHandle): Promise<LayoutWriter> {
    return await changing(path, async () => new LayoutWriter(path, { layout: await open(path, "wx", 0o600), archive }));
  }

  /** The next file's content: `bytes` at `offset` of the archive. Files without content need no piece. */
  async addFile(file: { readonly path: string; readonly offset: number; readonly bytes: number }): Promise<void> {
    if (file.bytes === 0) return;
    await this.#copyUntil(file.offset);
    await this.#write({ kind: "file", path: file.path, bytes: file.bytes });
    this.#covered += file.bytes;
  }

  /** Adds what stands behind the last file. */
  async finish(archiveBytes: number): Promise<void> {
    await this.#copyUntil(archiveBytes);
    await changing(this.#path, async () => await this.#layout.sync());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#layout.close();
  }

  async #copyUntil(end: number): Promise<void> {
    while (this.#covered < end) {
      const bytes = new Uint8Array(Math.min(maxLayoutPieceBytes, end - this.#covered));
      const got = await readInto(this.#archive, bytes, this.#covered);
      if (got < bytes.length) throw terminalErrors.error("TERMINAL_STAGED_CHANGED");
      await this.#write({ kind: "bytes", bytes });
      this.#covered += bytes.length;
    }
  }

  async #write(piece: LayoutPiece): Promise<void> {
    const encoded = encodeAs(pieceCodec, piece);
    const length = new Uint8Array(lengthBytes);
    new DataView(length.buffer).setUint32(0, encoded.length);
    await changing(this.#path, async () => await writeAll(this.#layout, concatBytes(length, encoded), this.#end));
    this.#end += lengthBytes + encoded.length;
  }
}

/** Gives the pieces of a layout. Error: TERMINAL_SOFTWARE_CHANGED for anything that `LayoutWriter` does not write. */
export async function* readLayout(path: string): AsyncGenerator<LayoutPiece, void, undefined> {
  await using file = await openLayout(path);
  const buffer = new Uint8Array(maxLayoutFrameBytes);
  for (let at = 0; ; ) {
    const head = buffer.subarray(0, lengthBytes);
    const got = await readInto(file, head, at);
    if (got === 0) return;
    const length = new DataView(buffer.buffer).getUint32(0);
    if (got < lengthBytes || length > buffer.length) throw changed(path);
    const encoded = buffer.subarray(0, length);
    if ((await readInto(file, encoded, at + lengthBytes)) < length) throw changed(path);
    yield decodePiece(encoded, path);
    at += lengthBytes + length;
  }
}

async function openLayout(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (cause) {
    throw changed(path, cause);
  }
}

function decodePiece(encoded: Uint8Array, path: string): LayoutPiece {
  try {
    return decodeAs(pieceCodec, encoded, { maxBytes: maxLayoutFrameBytes, what: "piece" });
  } catch (cause) {
    throw changed(path, cause);
  }
}

function changed(file: string, cause?: unknown): Error {
  return permissionDenied(cause, file) ?? terminalErrors.error("TERMINAL_SOFTWARE_CHANGED", { file }, cause);
}
