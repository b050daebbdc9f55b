import {
  cryptoErrors,
  type DecryptionKey,
  decryptionKindOf,
  type MaybePromise,
  type Randomness,
  type SigningKey,
  type Suite,
} from "@sealane/crypto";
import type { Credential, VerifiedCertificate } from "@sealane/pki";
import type { Name } from "@sealane/wire";
import type { FreshnessPolicy } from "./freshness.ts";
import type { Role } from "./labels.ts";
import type { ReplayCache } from "./replay-cache.ts";

/** A private key with the certificate of its public half. */
export interface CertifiedKey<Key> {
  readonly key: Key;
  readonly certificate: VerifiedCertificate;
}

/** The party that runs this code. */
export interface Self {
  readonly name: Name;
  readonly role: Role;
  readonly signing: CertifiedKey<SigningKey>;
  /** The decryption keys of all suites; of one suite the current one first, then the one before it. */
  readonly decryption: readonly CertifiedKey<DecryptionKey>[];
}

/** Where certificates of peers come from (KDIR). */
export interface PeerDirectory {
  /** A certificate that is known already, whatever its purpose or dates; null when it is not known. */
  find(credential: Credential): MaybePromise<VerifiedCertificate | null>;
  /** Checks a chain that came in a message, for a party of `role` that signs. Errors: those of `verifyCertificate`. */
  verify(chain: readonly Uint8Array[], role: Role): MaybePromise<VerifiedCertificate>;
}

/** The one of a party's decryption certificates that a suite encrypts to. Error: CRYPTO_SUITE_UNKNOWN when the party has none for it. */
export function certificateFor(suite: Suite, certificates: readonly VerifiedCertificate[]): VerifiedCertificate {
  const found = certificates.find(({ publicKey }) => publicKey.kind === decryptionKindOf(suite));
  if (found === undefined) throw cryptoErrors.error("CRYPTO_SUITE_UNKNOWN", { suite: suite.name, peer: certificates[0]?.name ?? "" });
  return found;
}

/** What an originator brings to M1. */
export interface OriginatorContext {
  readonly self: Self;
  /** The recipient's decryption certificate for the suite ({@link certificateFor}). */
  readonly recipient: VerifiedCertificate;
  readonly nowSeconds: number;
  readonly random: Randomness;
}

/** What a recipient brings to the acceptance of M1. */
export interface RecipientContext {
  readonly self: Self;
  readonly peers: PeerDirectory;
  readonly replay: ReplayCache;
  readonly freshness: FreshnessPolicy;
  readonly random: Randomness;
}
