import type { SigningKey } from "@sealane/crypto";
import type { KeyStore } from "@sealane/keystore";
import { maxCertificateBytes, parseCertificate, type TrustAnchor, trustAnchor } from "@sealane/pki";
import type { Authority } from "@sealane/pki/issue";
import { equalBytes } from "@sealane/wire";
import { serverErrors } from "../errors.ts";
import { readServerFile } from "../files.ts";

/** Where an authority's key is. */
interface KeyPlace {
  readonly store: KeyStore;
  readonly id: string;
}

/** The root as parties trust it. Errors: SERVER_FILE_WRONG, PKI_*. */
export async function loadAnchor(path: string): Promise<TrustAnchor> {
  return trustAnchor(await readServerFile(path, maxCertificateBytes));
}

/** A root with its key. Errors: SERVER_KEY_MISMATCH, KEYSTORE_*. */
export async function loadRoot(anchor: TrustAnchor, place: KeyPlace): Promise<Authority> {
  return { certificate: anchor.der, key: await keyOf(anchor.certificate.publicKey.spki, place) };
}

/** An intermediate authority with its key. Errors: SERVER_FILE_WRONG, SERVER_KEY_MISMATCH, PKI_*, KEYSTORE_*. */
export async function loadIntermediate(path: string, place: KeyPlace): Promise<Authority> {
  const certificate = await readServerFile(path, maxCertificateBytes);
  return { certificate, key: await keyOf(parseCertificate(certificate).publicKey.spki, place) };
}

async function keyOf(spki: Uint8Array, { store, id }: KeyPlace): Promise<SigningKey> {
  const key = await store.signingKey(id);
  if (!equalBytes(key.publicKey.spki, spki)) throw serverErrors.error("SERVER_KEY_MISMATCH", { id });
  return key;
}
