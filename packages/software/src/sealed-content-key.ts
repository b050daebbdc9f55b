import { openWithPrivateKey, sealToPublicKey } from "@sealane/cose";
import { type DecryptionKey, encryptionFor, type Randomness, systemRandom } from "@sealane/crypto";
import type { VerifiedCertificate } from "@sealane/pki";
import {
  byteString,
  bytesAs,
  type Codec,
  decode,
  decodeAs,
  encode,
  encodeAs,
  SealaneError,
  type Thumbprint,
  thumbprint,
  tuple,
} from "@sealane/wire";
import { type ContentKey, takeContentKey } from "./artefact-keys.ts";
import { softwareErrors } from "./errors.ts";
import { contextPrefix, statementContext } from "./labels.ts";
import { maxEncryptedKeyBytes, maxSealedKeyBytes } from "./limits.ts";
import type { Release } from "./release.ts";

/**
 * The content key of a release, sealed to the key role of a server. It travels beside the release and never to a terminal; the key role
 * can seal it anew to another of its keys, without the publisher.
 */

/** A sealed content key, read and not opened. */
export interface SealedContentKey {
  /** The `server-decrypt` certificate to whose key it is sealed. */
  readonly keyRole: Thumbprint;
  /** COSE_Encrypt0, encoded. */
  readonly encrypted: Uint8Array;
}

/** What a sealed content key is bound to, beside the key role: as what and by whom the artefact is released. */
export type SealedKeyBinding = Pick<Release, "artefactId" | "module" | "sequence" | "publisher" | "grade">;

export interface SealContentKeyInput {
  readonly contentKey: ContentKey;
  /** What the release says. */
  readonly release: SealedKeyBinding;
  /** The key role's `server-decrypt` certificate. */
  readonly keyRole: VerifiedCertificate;
  readonly random?: Randomness;
}

/** Seals a content key to a key role: its encoded form. Error: RELEASE_KEY_ROLE_WRONG for a certificate of another purpose. */
export function sealContentKey({ contentKey, release, keyRole, random = systemRandom }: SealContentKeyInput): Uint8Array {
  if (keyRole.purpose !== "server-decrypt") throw softwareErrors.error("RELEASE_KEY_ROLE_WRONG", { purpose: keyRole.purpose });
  const externalAad = sealedKeyAad(release, keyRole.thumbprint);
  const encrypted = contentKey.use((plaintext) => {
    const recipient = { publicKey: keyRole.publicKey, random };
    return encode(sealToPublicKey(encryptionFor(keyRole.publicKey), recipient, { plaintext, externalAad }));
  });
  return encodeAs(sealedContentKeyCodec, { keyRole: keyRole.thumbprint, encrypted });
}

/** Reads a sealed content key: to which key it is sealed. Error: RELEASE_KEY_WRONG. */
export function parseSealedContentKey(bytes: Uint8Array): SealedContentKey {
  return orKeyWrong(() => decodeAs(sealedContentKeyCodec, bytes, { maxBytes: maxSealedKeyBytes, what: "sealed content key" }));
}

/**
 * Opens a content key with the key role's private key.
 * Errors: RELEASE_KEY_WRONG (another key, or sealed for another release, publisher or grade); KEYSTORE_* where the key cannot be used now.
 */
export async function openContentKey(sealed: Uint8Array, release: SealedKeyBinding, key: DecryptionKey): Promise<ContentKey> {
  const { keyRole, encrypted } = parseSealedContentKey(sealed);
  try {
    const value = decode(encrypted, maxEncryptedKeyBytes);
    const externalAad = sealedKeyAad(release, keyRole);
    return takeContentKey(await openWithPrivateKey(encryptionFor(key.publicKey), key, { value, externalAad }));
  } catch (cause) {
    throw keyWrong(cause);
  }
}

const sealedContentKeyCodec: Codec<SealedContentKey> = tuple<SealedContentKey>({
  keyRole: bytesAs(thumbprint),
  encrypted: byteString({ min: 1, max: maxEncryptedKeyBytes }),
});

function orKeyWrong<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw keyWrong(cause);
  }
}

/** What another made wrong is a wrong key; a fault of this end's own key store stays what it is. */
function keyWrong(cause: unknown): unknown {
  if (!(cause instanceof SealaneError) || cause.entry.blame !== "peer") return cause;
  return softwareErrors.error("RELEASE_KEY_WRONG", { reason: cause.code }, cause);
}

function sealedKeyAad({ artefactId, module, sequence, publisher, grade }: SealedKeyBinding, keyRole: Thumbprint): Uint8Array {
  return encode([...contextPrefix, statementContext.contentKey, artefactId, module, sequence, publisher, grade, keyRole]);
}
