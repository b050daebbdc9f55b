import { timingSafeEqual } from "node:crypto";
import { aeadKeyBytes, aeadNonceBytes, hkdfExpand, Secret } from "@sealane/crypto";
import { concatBytes, encode } from "@sealane/wire";
import type { ArtefactHeader } from "./artefact-header.ts";
import { softwareErrors } from "./errors.ts";
import { artefactFormat, artefactKeyLabel, artefactKeyPurpose } from "./labels.ts";
import { commitmentBytes, contentKeyBytes, noncePrefixBytes } from "./limits.ts";

/**
 * What is derived from a content key, and what the AEAD covers. A content key seals one plaintext once; everything here is
 * HKDF-Expand(content key, CBOR [label, purpose, salt], length) with SHA-256 (RFC 5869).
 */

/** The key of one artefact: 32 bytes. */
export type ContentKey = Secret<"content key">;

/** Takes over 32 bytes as a content key. Error: ARTEFACT_KEY_WRONG for another length. */
export function takeContentKey(bytes: Uint8Array): ContentKey {
  if (bytes.length !== contentKeyBytes) throw softwareErrors.error("ARTEFACT_KEY_WRONG", { bytes: bytes.length });
  return Secret.take("content key", bytes);
}

/** The keys of an artefact; wiped by `using`. */
export class ArtefactKeys implements Disposable {
  readonly segment: Secret<"segment key">;
  readonly list: Secret<"list key">;
  readonly noncePrefix: Uint8Array;
  /** Stands in the header: proves which content key is the right one and tells nothing about it. */
  readonly commitment: Uint8Array;

  private constructor(contentKey: Uint8Array, salt: Uint8Array) {
    const expand = (purpose: string, length: number): Uint8Array =>
      hkdfExpand(contentKey, encode([artefactKeyLabel, purpose, salt]), length);
    this.segment = Secret.take("segment key", expand(artefactKeyPurpose.segment, aeadKeyBytes));
    this.list = Secret.take("list key", expand(artefactKeyPurpose.list, aeadKeyBytes));
    this.noncePrefix = expand(artefactKeyPurpose.noncePrefix, noncePrefixBytes);
    this.commitment = expand(artefactKeyPurpose.commitment, commitmentBytes);
  }

  /** Derives the keys for a new artefact. Error: ARTEFACT_KEY_WRONG for a key of another length. */
  static derive(contentKey: ContentKey, salt: Uint8Array): ArtefactKeys {
    if (contentKey.length !== contentKeyBytes) throw softwareErrors.error("ARTEFACT_KEY_WRONG", { bytes: contentKey.length });
    return contentKey.use((bytes) => new ArtefactKeys(bytes, salt));
  }

  /**
   * Derives the keys of an existing artefact and compares the commitment, in constant time, before any of them is used: without
   * it one ciphertext could open under two keys to two plaintexts. Error: ARTEFACT_KEY_WRONG.
   */
  static verify(contentKey: ContentKey, header: Pick<ArtefactHeader, "salt" | "commitment">): ArtefactKeys {
    const keys = ArtefactKeys.derive(contentKey, header.salt);
    if (!timingSafeEqual(keys.commitment, header.commitment)) {
      keys[Symbol.dispose]();
      throw softwareErrors.error("ARTEFACT_KEY_WRONG");
    }
    return keys;
  }

  [Symbol.dispose](): void {
    this.segment[Symbol.dispose]();
    this.list[Symbol.dispose]();
  }
}

/** The nonce of a segment in the STREAM construction: 7 bytes of prefix, 32 bits of index, 1 byte that marks the last. */
export function segmentNonce(prefix: Uint8Array, place: { readonly index: number; readonly segments: number }): Uint8Array {
  const { index, segments } = place;
  const isFinal = index === segments - 1 ? 1 : 0;
  return concatBytes(prefix, Uint8Array.of(index >>> 24, index >>> 16, index >>> 8, index, isFinal));
}

/** What the AEAD of a segment covers beside it: CBOR [format, salt, plaintext bytes, segment bytes, index]. */
export function segmentAad(header: Pick<ArtefactHeader, "salt" | "plaintextBytes" | "segmentBytes">, index: number): Uint8Array {
  return encode([artefactFormat, header.salt, header.plaintextBytes, header.segmentBytes, index]);
}

/** The list key encrypts once, so its nonce is fixed. */
export const listNonce: Uint8Array = new Uint8Array(aeadNonceBytes);

/** What the AEAD of the list covers beside it: CBOR of the header's other fields, in its order. */
export function listAad(header: ArtefactHeader): Uint8Array {
  const { salt, plaintextBytes, segmentBytes, commitment, bodySha256 } = header;
  return encode([artefactFormat, salt, plaintextBytes, segmentBytes, commitment, bodySha256]);
}
