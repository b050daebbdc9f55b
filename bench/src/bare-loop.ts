import { createCipheriv, createDecipheriv, createHash, hash, randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, readSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/** The peers of the artefact benchmark: the same passes over the same bytes, synced to the disk at the end, with nothing of the product around them. */

const key = randomBytes(32);

/** Reads, hashes each segment and the whole, encrypts, hashes the ciphertext, writes. */
export function bareSeal(source: string, target: string, segmentBytes: number): void {
  const [input, output] = [openSync(source, "r"), openSync(`${target}.part`, "w")];
  const buffer = Buffer.allocUnsafeSlow(segmentBytes);
  const [whole, body] = [createHash("sha256"), createHash("sha256")];
  for (let index = 0, read = readSync(input, buffer); read > 0; index++, read = readSync(input, buffer)) {
    const plaintext = buffer.subarray(0, read);
    hash("sha256", plaintext, "buffer");
    whole.update(plaintext);
    const cipher = createCipheriv("aes-256-gcm", key, nonceOf(index));
    const sealed = cipher.update(plaintext);
    cipher.final();
    body.update(sealed);
    writeSync(output, sealed);
    writeSync(output, cipher.getAuthTag());
    giveBack(sealed);
  }
  whole.digest();
  body.digest();
  closeSync(input);
  putInPlace(output, target);
}

/** Reads, decrypts each segment and hashes it once, writes. */
export function bareOpen(source: string, target: string, segmentBytes: number): void {
  const [input, output] = [openSync(source, "r"), openSync(`${target}.part`, "w")];
  const buffer = Buffer.allocUnsafeSlow(segmentBytes + 16);
  for (let index = 0, read = readSync(input, buffer); read > 0; index++, read = readSync(input, buffer)) {
    const decipher = createDecipheriv("aes-256-gcm", key, nonceOf(index));
    decipher.setAuthTag(buffer.subarray(read - 16, read));
    const plaintext = decipher.update(buffer.subarray(0, read - 16));
    decipher.final();
    hash("sha256", plaintext, "buffer");
    writeSync(output, plaintext);
    giveBack(plaintext);
  }
  closeSync(input);
  putInPlace(output, target);
}

/** The file, its name and its folder are on the disk when this ends: as with the product's. */
function putInPlace(output: number, target: string): void {
  fsyncSync(output);
  closeSync(output);
  renameSync(`${target}.part`, target);
  const folder = openSync(dirname(target), "r");
  fsyncSync(folder);
  closeSync(folder);
}

function nonceOf(index: number): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(index, 8);
  return nonce;
}

function giveBack({ buffer }: Buffer): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}
