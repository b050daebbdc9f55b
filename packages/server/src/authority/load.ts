import type { SigningKey } from "@sealane/crypto";
import type { KeyStore } from "@sealane/keystore";
import { maxCertificateBytes, type TrustAnchor, trustAnchor, verifyIntermediate } from "@sealane/pki";
import type { Authority } from "@sealane/pki/issue";
import { equalBytes, SealaneError } from "@sealane/wire";
import { serverErrors } from "../errors.ts";
import { readServerFile } from "../files.ts";

/** Where an authority's key is. */
interface KeyPlace {
  readonly store: KeyStore;
  readonly id: string;
}

/** The root as parties trust it. Error: SERVER_FILE_WRONG. */
export async function loadAnchor(path: string): Promise<TrustAnchor> {
  const der = await readServerFile(path, maxCertificateBytes);
  return ofFile(path, () => trustAnchor(der));
}

/** A root with its key. Errors: SERVER_KEY_MISMATCH, KEYSTORE_*. */
export async function loadRoot(anchor: TrustAnchor, place: KeyPlace): Promise<Authority> {
  return { certificate: anchor.der, key: await keyOf(anchor.certificate.publicKey.spki, place) };
}

/** Which root an intermediate authority has to be below, and when. */
interface Below {
  readonly anchor: TrustAnchor;
  readonly nowSeconds: number;
}

/**
 * An intermediate authority below the root, with its key: what it certifies later is worth nothing where its own certificate is another
 * root's, or has ended. Errors: SERVER_FILE_WRONG, SERVER_KEY_MISMATCH, PKI_CERTIFICATE_EXPIRED, PKI_CERTIFICATE_NOT_YET_VALID, KEYSTORE_*.
 */
export async function loadIntermediate(path: string, { store, id, ...below }: KeyPlace & Below): Promise<Authority> {
  const bytes = await readServerFile(path, maxCertificateBytes);
  const { der, publicKey } = ofFile(path, () => verifyIntermediate(bytes, below));
  return { certificate: der, key: await keyOf(publicKey.spki, { store, id }) };
}

/** A certificate that ended is no damage; the file of every other one that is refused is named. */
export function ofFile<T>(file: string, verify: () => T): T {
  try {
    return verify();
  } catch (cause) {
    if (!(cause instanceof SealaneError) || validityCodes.has(cause.code)) throw cause;
    throw serverErrors.error("SERVER_FILE_WRONG", { file, reason: cause.code }, cause);
  }
}

const validityCodes: ReadonlySet<string> = new Set(["PKI_CERTIFICATE_EXPIRED", "PKI_CERTIFICATE_NOT_YET_VALID"]);

async function keyOf(spki: Uint8Array, { store, id }: KeyPlace): Promise<SigningKey> {
  const key = await store.signingKey(id);
  if (!equalBytes(key.publicKey.spki, spki)) throw serverErrors.error("SERVER_KEY_MISMATCH", { id });
  return key;
}
