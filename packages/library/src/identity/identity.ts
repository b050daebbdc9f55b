import type { AgreementKey, DecryptionKey, SigningKey } from "@sealane/crypto";
import type { VerifiedCertificate } from "@sealane/pki";
import type { Name } from "@sealane/wire";
import type { Role } from "../mechanism.ts";

/** A private key, as a handle that uses it, with the certificate of its public half. */
export interface CertifiedKey<Key> {
  readonly key: Key;
  readonly certificate: VerifiedCertificate;
}

/** A party: its name, its role, and its keys with their certificates. */
export interface Identity {
  readonly name: Name;
  /** The two ends of a link are of different roles; either may originate it. */
  readonly role: Role;
  /** One of each kind that its suites use; the first signs what belongs to none. */
  readonly signing: readonly CertifiedKey<SigningKey>[];
  /** One for each suite; of one suite the current one first, then the one before it. */
  readonly decryption: readonly CertifiedKey<DecryptionKey>[];
  /** In the same order. */
  readonly agreement: readonly CertifiedKey<AgreementKey>[];
}

/** The certificates that others need to originate links to a party: `to` of `originate`. */
export function certificatesOf({ decryption, agreement }: Identity): readonly VerifiedCertificate[] {
  return [...decryption, ...agreement].map(({ certificate }) => certificate);
}
