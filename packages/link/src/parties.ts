import {
  type AgreementKey,
  cryptoErrors,
  type DecryptionKey,
  type KeyKind,
  type MaybePromise,
  type Randomness,
  type SigningKey,
  type Suite,
  suitesOfKinds,
} from "@sealane/crypto";
import type { Credential, VerifiedCertificate } from "@sealane/pki";
import type { Name } from "@sealane/wire";
import { linkErrors } from "./errors.ts";
import type { FreshnessPolicy } from "./freshness.ts";
import type { GroupMemberships, GroupRecord } from "./group.ts";
import type { MechanismName, Role } from "./labels.ts";
import type { ReplayCache } from "./replay-cache.ts";
import type { ThirdMode } from "./third-mode.ts";

/** A private key with the certificate of its public half. */
export interface CertifiedKey<Key> {
  readonly key: Key;
  readonly certificate: VerifiedCertificate;
}

/** The party that runs this code. */
export interface Self {
  readonly name: Name;
  readonly role: Role;
  /** The signing keys of all suites, one of a kind; the first is the one that signs what belongs to no suite. */
  readonly signing: readonly CertifiedKey<SigningKey>[];
  /** The decryption keys of all suites; of one suite the current one first, then the one before it. */
  readonly decryption: readonly CertifiedKey<DecryptionKey>[];
  /** The agreement keys of all suites, in the same order. */
  readonly agreement: readonly CertifiedKey<AgreementKey>[];
}

/** A party that originates without a name. */
export interface Unnamed {
  readonly name: null;
  readonly role: Role;
}

/** The suites that a party can take part in, in their order. */
export function suitesOf({ signing, decryption, agreement }: Self): readonly Suite[] {
  return suitesOfKinds({
    signing: signing.map(({ key }) => key.publicKey.kind),
    decryption: decryption.map(({ key }) => key.publicKey.kind),
    agreement: agreement.map(({ key }) => key.publicKey.kind),
  });
}

/** Where certificates of peers come from (KDIR). */
export interface PeerDirectory {
  /** A certificate that is known already, whatever its purpose or dates; null when it is not known. */
  find(credential: Credential): MaybePromise<VerifiedCertificate | null>;
  /** Checks a chain that came in a message, for a party of `role` that signs. Errors: those of `verifyCertificate`. */
  verify(chain: readonly Uint8Array[], role: Role): MaybePromise<VerifiedCertificate>;
  /**
   * The decryption certificate of a named peer for a suite, valid now; proven from `chain` where one came in the message. Null when
   * the peer is not known or has none. `credential` is the one that the message names: a directory by thumbprints finds it so.
   * Errors: those of `verifyCertificate`.
   */
  decryption(wanted: {
    readonly name: Name;
    readonly credential: Credential;
    readonly suite: Suite;
    readonly chain: readonly Uint8Array[] | null;
  }): MaybePromise<VerifiedCertificate | null>;
}

/**
 * The one of a party's certificates of a purpose that serves a suite.
 * Error: CRYPTO_SUITE_UNKNOWN when the party has none.
 */
export function certificateFor(
  wanted: { readonly suite: Suite; readonly role: Role; readonly purpose: "decrypt" | "agree" },
  certificates: readonly VerifiedCertificate[],
): VerifiedCertificate {
  const { suite, role, purpose } = wanted;
  const kind: KeyKind = purpose === "decrypt" ? suite.encryption.keyKind : suite.agreement.keyKind;
  const found = certificates.find((certificate) => certificate.purpose === `${role}-${purpose}` && certificate.publicKey.kind === kind);
  if (found === undefined)
    throw cryptoErrors.error("CRYPTO_SUITE_UNKNOWN", { suite: suite.name, peer: certificates[0]?.name ?? "", purpose });
  return found;
}

/** The own key that serves a suite, the current one. Error: CRYPTO_SUITE_UNKNOWN. */
export function ownDecryption(self: Self, suite: Suite): CertifiedKey<DecryptionKey> {
  const found = self.decryption.find(({ key }) => key.publicKey.kind === suite.encryption.keyKind);
  if (found === undefined) throw cryptoErrors.error("CRYPTO_SUITE_UNKNOWN", { suite: suite.name, peer: self.name });
  return found;
}

/** The own key that signs what belongs to no suite. Error: CRYPTO_SUITE_UNKNOWN for a party without one. */
export function mainSigning({ signing, name }: Self): CertifiedKey<SigningKey> {
  const [main] = signing;
  if (main === undefined) throw cryptoErrors.error("CRYPTO_SUITE_UNKNOWN", { suite: "", peer: name, purpose: "sign" });
  return main;
}

/** The own key that signs on a suite. Error: CRYPTO_SUITE_UNKNOWN. */
export function ownSigning(self: Self, suite: Suite): CertifiedKey<SigningKey> {
  const found = self.signing.find(({ key }) => key.publicKey.kind === suite.signingKind);
  if (found === undefined) throw cryptoErrors.error("CRYPTO_SUITE_UNKNOWN", { suite: suite.name, peer: self.name, purpose: "sign" });
  return found;
}

/** What an originator brings to M1. */
export interface OriginatorContext {
  readonly self: Self | Unnamed;
  /** The recipient's certificates, of which the mechanism takes those of its purpose and suite; none for a broadcast. */
  readonly recipient: readonly VerifiedCertificate[];
  readonly nowSeconds: number;
  readonly random: Randomness;
}

/** The same for an originator with a name and keys. */
export interface NamedOriginatorContext extends OriginatorContext {
  readonly self: Self;
}

/** Refuses an originator without a name where the mechanism signs. Error: LINK_FIELD_WRONG. */
export function requireNamed(context: OriginatorContext): NamedOriginatorContext {
  const { self } = context;
  if (self.name === null) throw linkErrors.error("LINK_FIELD_WRONG", { field: "originator" });
  return { ...context, self };
}

/** Refuses an originator from whose side the mechanism makes no sense. Error: LINK_MECHANISM_UNKNOWN. */
export function requireRole({ self }: OriginatorContext, mechanism: MechanismName, only: Role): void {
  if (self.role !== only) throw linkErrors.error("LINK_MECHANISM_UNKNOWN", { mechanism, originator: self.role });
}

/** How M1 is to be made; a mechanism reads what concerns it. */
export interface OriginateOptions {
  readonly suite: Suite;
  /** For a recipient that stores messages: until when it may accept this one. */
  readonly expiresAtSeconds?: number;
  /** The recipient's challenge, in place of a time stamp. */
  readonly challenge?: Uint8Array;
  readonly keyLifeSeconds?: number;
  /** LC: an encoded licence. Broadcasts must have one. */
  readonly licence?: Uint8Array;
  /** Send the own certificates' chains: the recipient may not know them yet. */
  readonly sendCertificate?: boolean;
  /** `mutual-certified`: whether M2 is awaited; unless told it is. */
  readonly twoWay?: boolean;
  /** `anonymous-` and `signed-agreement`: encrypt M1 to the recipient's decryption key as well; unless told it is plain. */
  readonly encrypted?: boolean;
  /** `anonymous-`: what is optional there and is left out, so that a clock that is wrong in its own way tells no party from another. */
  readonly omit?: readonly ("time" | "recipient")[];
  /** `mutual-agreement`: the form of M3; unless told `signed`. */
  readonly third?: ThirdMode;
  /** `group-broadcast`: the group and its epoch. */
  readonly group?: GroupRecord;
}

/** What a recipient brings to the acceptance of M1. */
export interface RecipientContext extends ContinueContext {
  readonly replay: ReplayCache;
  /** The groups whose secret this party holds. */
  readonly groups?: GroupMemberships;
}

/** What a party brings to the receipt of a later message. */
export interface ContinueContext {
  readonly self: Self | Unnamed;
  readonly peers: PeerDirectory;
  readonly freshness: FreshnessPolicy;
  readonly random: Randomness;
  /** `mutual-agreement`: the forms of M3 that are accepted; all but `unsigned` unless told. */
  readonly thirdModes?: readonly ThirdMode[];
}

/** Refuses what only a party with keys can do. Error: LINK_MESSAGE_UNEXPECTED. */
export function requireSelf({ self }: Pick<ContinueContext, "self">): Self {
  if (self.name === null) throw linkErrors.error("LINK_MESSAGE_UNEXPECTED", { field: "recipient" });
  return self;
}
