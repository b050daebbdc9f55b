import { type Header, pack } from "tar-stream";

/** One entry of an archive to be made; `content` decides the size unless the header names another. */
export interface ArchivePart extends Partial<Header> {
  readonly name: string;
  readonly content?: string | Uint8Array;
}

/** Makes a tar archive with an independent writer. */
export async function tarOf(parts: readonly ArchivePart[]): Promise<Uint8Array> {
  const packer = pack();
  for (const { content = "", ...header } of parts) {
    if (header.type === undefined || header.type === "file") packer.entry(header, content);
    else packer.entry(header).end(null);
  }
  packer.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of packer as AsyncIterable<unknown>) if (chunk instanceof Uint8Array) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Changes bytes of the header that begins at `at` and puts its checksum right (POSIX.1-1988, ustar). */
export function rewriteHeader(tar: Uint8Array, at: number, change: (header: Uint8Array) => void): Uint8Array {
  const copy = Uint8Array.from(tar);
  const header = copy.subarray(at, at + 512);
  change(header);
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  return copy;
}
