import { certificateChainCodec } from "@sealane/api";
import type { DecryptionKey, PublicKey, SigningKey } from "@sealane/crypto";
import { FileKeyStore } from "@sealane/keystore";
import { type CertifiedKey, maxCertificateBytes, maxChainLength, type Self } from "@sealane/link";
import { type TrustAnchor, trustAnchor, type VerifiedCertificate, verifyCertificate } from "@sealane/pki";
import type { Authority } from "@sealane/pki/issue";
import { decodeAs, equalBytes } from "@sealane/wire";
import { serverErrors } from "./errors.ts";
import { readServerFile } from "./files.ts";
import { authorityKeyId, type CertifiedKeyId, certificatePath, certifiedKeys, type ServerFolder, serverDecryptionKeys } from "./layout.ts";

/** What a role reads from the server's folder when it starts; each reads the private keys of its own work and no others. */

/** What is public of a server. */
export interface PublicIdentity {
  readonly anchor: TrustAnchor;
  readonly signing: VerifiedCertificate;
  /** One for each kind of key; the default suite's first. */
  readonly decryption: readonly VerifiedCertificate[];
}

/** The key role's keys. */
export interface KeyRoleKeys {
  readonly anchor: TrustAnchor;
  readonly self: Self;
  readonly licenceSigner: CertifiedKey<SigningKey>;
}

/** The CA role's keys. */
export interface CaRoleKeys {
  readonly authority: Authority;
  readonly enrolment: CertifiedKey<DecryptionKey>;
}

const maxChainBytes = maxChainLength * (maxCertificateBytes + 16);

/** Errors: SERVER_FILE_WRONG, PKI_*. */
export async function loadPublicIdentity(folder: ServerFolder, nowSeconds: number): Promise<PublicIdentity> {
  const anchor = await loadAnchor(folder);
  const certificate = async (id: CertifiedKeyId): Promise<VerifiedCertificate> => await loadCertificate(folder, { id, anchor, nowSeconds });
  const decryption: VerifiedCertificate[] = [];
  for (const id of serverDecryptionKeys) decryption.push(await certificate(id));
  return { anchor, signing: await certificate("server-sign"), decryption };
}

/** Errors: SERVER_FILE_WRONG, SERVER_KEY_MISMATCH, PKI_*, KEYSTORE_*. */
export async function loadKeyRoleKeys(folder: ServerFolder, nowSeconds: number): Promise<KeyRoleKeys> {
  const { anchor, signing } = await loadPublicIdentity(folder, nowSeconds);
  const licence = await loadCertificate(folder, { id: "licence-sign", anchor, nowSeconds });
  const keys = new FileKeyStore(folder.keys);
  const decryption: CertifiedKey<DecryptionKey>[] = [];
  for (const id of serverDecryptionKeys) {
    decryption.push(certified(await keys.decryptionKey(id), await loadCertificate(folder, { id, anchor, nowSeconds })));
  }
  return {
    anchor,
    self: {
      name: signing.name,
      role: "server",
      signing: certified(await keys.signingKey("server-sign"), signing),
      decryption,
    },
    licenceSigner: certified(await keys.signingKey("licence-sign"), licence),
  };
}

/** Errors: SERVER_FILE_WRONG, SERVER_KEY_MISMATCH, PKI_*, KEYSTORE_*. */
export async function loadCaRoleKeys(folder: ServerFolder, nowSeconds: number): Promise<CaRoleKeys> {
  const anchor = await loadAnchor(folder);
  const enrolment = await loadCertificate(folder, { id: "enrol-decrypt", anchor, nowSeconds });
  const keys = new FileKeyStore(folder.keys);
  return {
    authority: await loadAuthority(folder),
    enrolment: certified(await keys.decryptionKey("enrol-decrypt"), enrolment),
  };
}

/** The authority with its private key, to issue certificates. Errors: SERVER_FILE_WRONG, SERVER_KEY_MISMATCH, PKI_*, KEYSTORE_*. */
export async function loadAuthority(folder: ServerFolder): Promise<Authority> {
  const anchor = await loadAnchor(folder);
  const key = await new FileKeyStore(folder.keys).signingKey(authorityKeyId);
  requireSame(key.publicKey, anchor.certificate.publicKey, authorityKeyId);
  return { certificate: anchor.der, key };
}

/** The authority as this server's own terminals trust it. Errors: SERVER_FILE_WRONG, PKI_*. */
async function loadAnchor(folder: ServerFolder): Promise<TrustAnchor> {
  return trustAnchor(await readServerFile(folder.authority, maxCertificateBytes));
}

async function loadCertificate(
  folder: ServerFolder,
  wanted: { readonly id: CertifiedKeyId; readonly anchor: TrustAnchor; readonly nowSeconds: number },
): Promise<VerifiedCertificate> {
  const { id, anchor, nowSeconds } = wanted;
  const bytes = await readServerFile(certificatePath(folder, id), maxChainBytes);
  const chain = decodeAs(certificateChainCodec, bytes, { maxBytes: maxChainBytes, what: id });
  return verifyCertificate({ chain, anchors: [anchor], purpose: certifiedKeys[id].purpose, nowSeconds });
}

function certified<Key extends { readonly publicKey: PublicKey }>(key: Key, certificate: VerifiedCertificate): CertifiedKey<Key> {
  requireSame(key.publicKey, certificate.publicKey, certificate.purpose);
  return { key, certificate };
}

function requireSame(key: PublicKey, certificate: PublicKey, id: string): void {
  if (!equalBytes(key.spki, certificate.spki)) throw serverErrors.error("SERVER_KEY_MISMATCH", { id });
}
