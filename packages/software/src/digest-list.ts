import { createCipheriv, createDecipheriv } from "node:crypto";
import { aeadTagBytes } from "@sealane/crypto";
import type { ArtefactHeader } from "./artefact-header.ts";
import { type ArtefactKeys, listAad, listNonce } from "./artefact-keys.ts";
import { giveBack } from "./buffers.ts";
import { softwareErrors } from "./errors.ts";

/**
 * The list of the plaintext segments' SHA-256 digests, one behind the other: encrypted as one AES-256-GCM message, up to 32 MiB
 * of it, in steps so that no second copy of it is needed.
 */

const stepBytes = 1024 * 1024;

/** Encrypts in place: `list` holds the digests with 16 bytes behind them, in which the tag is put. */
export function sealListInPlace(keys: ArtefactKeys, header: ArtefactHeader, list: Uint8Array): void {
  const end = list.length - aeadTagBytes;
  const cipher = keys.list.use((key) => createCipheriv("aes-256-gcm", key, listNonce, { authTagLength: aeadTagBytes }));
  cipher.setAAD(listAad(header), { plaintextLength: end });
  for (let at = 0; at < end; at += stepBytes) {
    const step = cipher.update(list.subarray(at, Math.min(at + stepBytes, end)));
    list.set(step, at);
    giveBack(step);
  }
  cipher.final();
  list.set(cipher.getAuthTag(), end);
}

/** Decrypts into a new list, which nobody sees before its tag was checked. Error: ARTEFACT_LIST_WRONG. */
export function openList(keys: ArtefactKeys, header: ArtefactHeader, sealed: Uint8Array): Uint8Array {
  const end = sealed.length - aeadTagBytes;
  const decipher = keys.list.use((key) => createDecipheriv("aes-256-gcm", key, listNonce, { authTagLength: aeadTagBytes }));
  decipher.setAAD(listAad(header), { plaintextLength: end });
  decipher.setAuthTag(sealed.subarray(end));
  const list = new Uint8Array(end);
  for (let at = 0; at < end; at += stepBytes) {
    const step = decipher.update(sealed.subarray(at, Math.min(at + stepBytes, end)));
    list.set(step, at);
    giveBack(step);
  }
  try {
    decipher.final();
  } catch {
    list.fill(0);
    throw softwareErrors.error("ARTEFACT_LIST_WRONG");
  }
  return list;
}
