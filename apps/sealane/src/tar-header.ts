import { open } from "node:fs/promises";

/** Bytes of a tar header, and where its checksum stands (POSIX.1-2017, pax, "ustar Interchange Format"). */
const headerBytes = 512;
const checksum = { start: 148, end: 156 };

/**
 * Tells whether a file begins as a tar archive without compression: a header whose checksum is right, or the end mark of an empty
 * archive. What stands behind it is the terminal's to judge.
 */
export async function beginsAsTar(path: string): Promise<boolean> {
  await using file = await open(path, "r");
  const header = new Uint8Array(headerBytes);
  const { bytesRead } = await file.read(header, 0, headerBytes, 0);
  if (bytesRead < headerBytes) return false;
  if (header.every((byte) => byte === 0)) return true;
  const written = Buffer.from(header.subarray(checksum.start, checksum.end)).toString("latin1");
  const sum = header.reduce((total, byte, i) => total + (i >= checksum.start && i < checksum.end ? 0x20 : byte), 0);
  return Number.parseInt(written, 8) === sum;
}
