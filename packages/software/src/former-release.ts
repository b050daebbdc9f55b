import { openWithPrivateKey } from "@sealane/cose";
import { type DecryptionKey, encryptionFor } from "@sealane/crypto";
import {
  byteString,
  bytesAs,
  type Codec,
  decode,
  decodeAs,
  encode,
  type Name,
  nameCodec,
  oneOf,
  SealaneError,
  type Thumbprint,
  thumbprint,
  tuple,
  uint,
} from "@sealane/wire";
import { type ContentKey, takeContentKey } from "./artefact-keys.ts";
import { softwareErrors } from "./errors.ts";
import { contextPrefix, statementContext } from "./labels.ts";
import { maxEncryptedKeyBytes, maxFormerReleaseBytes } from "./limits.ts";
import { type Grade, grades, releaseKind } from "./release.ts";
import { orMalformed, type StatementTrust, verifyStatement } from "./signed-statement.ts";
import { type SoftwareDescription, softwareDescriptionCodec } from "./software-description.ts";

/**
 * Releases of version 0.1, whose statement had the sealed content key in it. No terminal takes them. They are read so that their publisher
 * can sign them anew, and so that the content key goes on; once no server has one any more, this file can go.
 */

declare const verified: unique symbol;

/** What a former release says, and the content key that it had; made by {@link verifyFormerRelease} only. */
export interface FormerRelease extends SoftwareDescription {
  readonly [verified]: true;
  readonly publisher: Name;
  readonly publishedAtSeconds: number;
  readonly grade: Grade;
  /** The `server-decrypt` certificate to whose key the content key is sealed. */
  readonly keyRole: Thumbprint;
  /** COSE_Encrypt0, encoded. */
  readonly encrypted: Uint8Array;
}

interface FormerFields extends Omit<FormerRelease, keyof SoftwareDescription | typeof verified> {
  readonly software: SoftwareDescription;
}

const fields: Codec<FormerFields> = tuple<FormerFields>({
  software: softwareDescriptionCodec,
  publisher: nameCodec,
  publishedAtSeconds: uint(),
  grade: oneOf(grades),
  keyRole: bytesAs(thumbprint),
  encrypted: byteString({ min: 1, max: maxEncryptedKeyBytes }),
});

const formerKind = { ...releaseKind, maxBytes: maxFormerReleaseBytes };

/**
 * Proves a former release as of `nowSeconds`. Errors: RELEASE_MALFORMED, also for a release of today; RELEASE_UNTRUSTED,
 * RELEASE_NOT_YET_VALID, RELEASE_PUBLISHER_EXPIRED, RELEASE_SIGNATURE_WRONG, RELEASE_PUBLISHER_WRONG.
 */
export function verifyFormerRelease(bytes: Uint8Array, trust: StatementTrust): FormerRelease {
  const { payload, certificate } = verifyStatement(formerKind, bytes, trust);
  const { software, ...own } = orMalformed(formerKind, () =>
    decodeAs(fields, payload, { maxBytes: maxFormerReleaseBytes, what: "former release" }),
  );
  const { publisher } = own;
  if (publisher !== certificate.name) throw softwareErrors.error("RELEASE_PUBLISHER_WRONG", { publisher, certificate: certificate.name });
  return Object.freeze({ ...software, ...own }) as FormerRelease;
}

/** Opens the content key of a former release with the key role's private key. Errors: RELEASE_KEY_WRONG, KEYSTORE_*. */
export async function openFormerContentKey(release: FormerRelease, key: DecryptionKey): Promise<ContentKey> {
  const { artefactId, module, sequence, keyRole, encrypted } = release;
  const externalAad = encode([...contextPrefix, statementContext.contentKey, artefactId, module, sequence, keyRole]);
  try {
    const value = decode(encrypted, maxEncryptedKeyBytes);
    return takeContentKey(await openWithPrivateKey(encryptionFor(key.publicKey), key, { value, externalAad }));
  } catch (cause) {
    if (!(cause instanceof SealaneError) || cause.entry.blame !== "peer") throw cause;
    throw softwareErrors.error("RELEASE_KEY_WRONG", { reason: cause.code }, cause);
  }
}
