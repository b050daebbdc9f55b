import { decryptionKindOf, type Suite, sha256 } from "@sealane/crypto";
import { type Credential, credentialCodec, credentialOf, equalCredentials, type VerifiedCertificate } from "@sealane/pki";
import {
  byteString,
  bytesAs,
  type Codec,
  type Fields,
  flag,
  lendEncoding,
  listOf,
  type Name,
  type Nonce,
  nameCodec,
  nonce,
  nullable,
  tuple,
  uint,
} from "@sealane/wire";
import { linkErrors } from "./errors.ts";
import { type Freshness, type FreshnessPolicy, isPast, type SentTime, verifyFreshness } from "./freshness.ts";
import { type MechanismName, type Role, secretDigestLabel } from "./labels.ts";
import { challengeBytes, defaultKeyLifeSeconds, maxCertificateBytes, maxChainLength, maxLicenceBytes, maxReleaseBytes } from "./limits.ts";
import { type NamedOriginatorContext, type OriginateOptions, ownSigning, type RecipientContext } from "./parties.ts";

/** What an originator signs about itself, its recipient and the time: the same in every mechanism that signs M1. */
export interface Claims extends Freshness {
  readonly originator: Name;
  readonly originatorCredential: Credential;
  readonly recipient: Name;
  readonly nonce: Nonce;
  readonly keyExpiresAtSeconds: number;
  readonly receiveOnly: boolean;
  readonly licence: Uint8Array | null;
}

/** Time stamp or challenge, and the end of a stored message. */
export const freshnessFields: Fields<Freshness> = {
  issuedAtSeconds: nullable(uint()),
  challenge: nullable(byteString({ min: challengeBytes, max: challengeBytes })),
  expiresAtSeconds: nullable(uint()),
};

/** What is kept of it for the check of a reply. */
export const sentTimeFields: Fields<SentTime> = {
  issuedAtSeconds: freshnessFields.issuedAtSeconds,
  expiresAtSeconds: freshnessFields.expiresAtSeconds,
};

/** LC: an encoded licence. */
export const licenceCodec: Codec<Uint8Array | null> = nullable(byteString({ min: 1, max: maxLicenceBytes }));

/** A publisher's release, encoded; what is in it is no matter of a link. */
export const releaseCodec: Codec<Uint8Array | null> = nullable(byteString({ min: 1, max: maxReleaseBytes }));

export const claimsFields: Fields<Claims> = {
  originator: nameCodec,
  originatorCredential: credentialCodec,
  recipient: nameCodec,
  ...freshnessFields,
  nonce: bytesAs(nonce),
  keyExpiresAtSeconds: uint(),
  receiveOnly: flag,
  licence: licenceCodec,
};

export const claimsCodec: Codec<Claims> = tuple<Claims>(claimsFields);

/** The sender's certificates, leaf first; null when the receiver knows them. */
export const chainCodec: Codec<readonly Uint8Array[] | null> = nullable(
  listOf(byteString({ max: maxCertificateBytes }), { min: 1, max: maxChainLength }),
);

/** What an originator says about the time of its message. Error: LINK_FIELD_WRONG for a challenge that has not 32 bytes. */
export function freshnessOf({ challenge, expiresAtSeconds }: OriginateOptions, nowSeconds: number): Freshness {
  if (challenge !== undefined && challenge.length !== challengeBytes) throw linkErrors.error("LINK_FIELD_WRONG", { field: "challenge" });
  return {
    issuedAtSeconds: challenge === undefined ? nowSeconds : null,
    challenge: challenge ?? null,
    expiresAtSeconds: expiresAtSeconds ?? null,
  };
}

/** {@link freshnessOf} where a party without a name may leave the time out. */
export function optionalFreshnessOf(options: OriginateOptions, nowSeconds: number): Freshness {
  const isTimeless = options.omit?.includes("time") === true;
  return isTimeless ? { issuedAtSeconds: null, challenge: null, expiresAtSeconds: null } : freshnessOf(options, nowSeconds);
}

/** LC as M1 takes it. Error: that of {@link requireLicenceSize}. */
export function licenceOf({ licence }: Pick<OriginateOptions, "licence">): Uint8Array | null {
  if (licence === undefined) return null;
  requireLicenceSize(licence);
  return licence;
}

/** Error: LINK_FIELD_WRONG for a licence that is empty or larger than a message may carry. */
export function requireLicenceSize(licence: Uint8Array): void {
  if (licence.length === 0 || licence.length > maxLicenceBytes) throw linkErrors.error("LINK_FIELD_WRONG", { field: "licence" });
}

/** Error: LINK_FIELD_WRONG for a release that is empty or larger than a message may carry. */
export function requireReleaseSize(release: Uint8Array): void {
  if (release.length === 0 || release.length > maxReleaseBytes) throw linkErrors.error("LINK_FIELD_WRONG", { field: "release" });
}

/** Until when both may use the key: as asked for, and never beyond a certificate. */
export function keyExpiryOf(options: OriginateOptions, nowSeconds: number, certificates: readonly VerifiedCertificate[]): number {
  const wished = nowSeconds + (options.keyLifeSeconds ?? defaultKeyLifeSeconds);
  return Math.min(wished, ...certificates.map(({ notAfterSeconds }) => notAfterSeconds));
}

/**
 * Makes the claims of M1 for the owner of `recipient`; the key's life ends with its certificate, with the own signing one, and with
 * those in `also`. Error: LINK_FIELD_WRONG when it has the originator's name, and for options that no message can carry.
 */
export function makeClaims(
  context: NamedOriginatorContext,
  options: OriginateOptions,
  { recipient, also = [] }: { readonly recipient: VerifiedCertificate; readonly also?: readonly VerifiedCertificate[] },
): Claims {
  const { self, nowSeconds, random } = context;
  const { certificate: signing } = ownSigning(self, options.suite);
  requireOther(recipient.name, self.name);
  return {
    originator: self.name,
    originatorCredential: credentialOf(signing),
    recipient: recipient.name,
    ...freshnessOf(options, nowSeconds),
    nonce: nonce(random.bytes(16)),
    keyExpiresAtSeconds: keyExpiryOf(options, nowSeconds, [signing, recipient, ...also]),
    receiveOnly: false,
    licence: licenceOf(options),
  };
}

/** H(["Sealane k", k]): what is signed in place of k (claim 5). */
export function digestOfSecret(secret: Uint8Array): Uint8Array {
  return lendEncoding([secretDigestLabel, secret], sha256);
}

/** Whose certificate a message names, and the one that it names: known already or proven by the chain that came along. */
export interface NamedSigner {
  readonly credential: Credential;
  readonly chain: readonly Uint8Array[] | null;
  readonly role: Role;
  readonly suite: Suite;
}

/** The certificate of a message's signer. Errors: LINK_PEER_UNKNOWN, LINK_PEER_WRONG, those of the directory. */
export async function findSigner({ peers }: Pick<RecipientContext, "peers">, named: NamedSigner): Promise<VerifiedCertificate> {
  const { credential, chain, role, suite } = named;
  const found = chain === null ? await peers.find(credential) : await peers.verify(chain, role);
  if (found === null) throw linkErrors.error("LINK_PEER_UNKNOWN");
  if (!equalCredentials(credentialOf(found), credential)) throw linkErrors.error("LINK_PEER_WRONG", { field: "credential" });
  if (found.purpose !== `${role}-sign` || found.publicKey.kind !== suite.signingKind) {
    throw linkErrors.error("LINK_PEER_WRONG", { purpose: found.purpose, kind: found.publicKey.kind });
  }
  return found;
}

/** The certificate that a peer says it opens with. */
export interface NamedDecryption extends NamedSigner {
  readonly name: Name;
}

/** The current certificate that a peer opens with. Errors: LINK_PEER_UNKNOWN, LINK_PEER_WRONG, those of the directory. */
export async function findDecryption(
  { peers }: Pick<RecipientContext, "peers">,
  { name, credential, chain, role, suite }: NamedDecryption,
): Promise<VerifiedCertificate> {
  const found = await peers.decryption({ name, credential, suite, chain });
  if (found === null) throw linkErrors.error("LINK_PEER_UNKNOWN");
  if (found.name !== name) throw linkErrors.error("LINK_PEER_WRONG", { field: "name" });
  if (!equalCredentials(credentialOf(found), credential)) throw linkErrors.error("LINK_PEER_WRONG", { field: "credential" });
  if (found.purpose !== `${role}-decrypt` || found.publicKey.kind !== decryptionKindOf(suite)) {
    throw linkErrors.error("LINK_PEER_WRONG", { purpose: found.purpose, kind: found.publicKey.kind });
  }
  return found;
}

/** Refuses claims that are for somebody else or not of their signer. Errors: LINK_RECIPIENT_WRONG, LINK_PEER_WRONG, LINK_FIELD_WRONG. */
export function requireIdentities(claims: Claims, parties: { readonly self: Name; readonly signer: VerifiedCertificate }): void {
  if (claims.recipient !== parties.self) throw linkErrors.error("LINK_RECIPIENT_WRONG");
  if (claims.originator !== parties.signer.name) throw linkErrors.error("LINK_PEER_WRONG", { field: "originator" });
  requireOther(claims.originator, claims.recipient);
  if (claims.receiveOnly) throw linkErrors.error("LINK_FIELD_WRONG", { field: "receiveOnly" });
}

/** A differs from B. Error: LINK_FIELD_WRONG. */
export function requireOther(one: Name, other: Name): void {
  if (one === other) throw linkErrors.error("LINK_FIELD_WRONG", { field: "recipient", name: other });
}

/** What a message says of its time and of the life of the key. */
type KeyClaims = Freshness & Pick<Claims, "keyExpiresAtSeconds">;

/**
 * Gives the second until which a recipient uses the key: what the originator claims, but no longer than the policy allows from now on;
 * where a challenge stands in place of the time the sender has no clock, so a day at most is the default (KLIFE). Refuses a key whose life
 * is over or goes beyond a certificate, and a peer's certificate that is not valid now.
 * Errors: LINK_PEER_WRONG, LINK_FIELD_WRONG, LINK_MESSAGE_EXPIRED.
 */
export function acceptKeyLife(
  { keyExpiresAtSeconds, challenge }: Pick<KeyClaims, "keyExpiresAtSeconds" | "challenge">,
  given: { readonly peer: readonly VerifiedCertificate[]; readonly own: readonly VerifiedCertificate[]; readonly policy: FreshnessPolicy },
): number {
  const { peer, own, policy } = given;
  const { nowSeconds, keyLifeSeconds = challenge === null ? Number.POSITIVE_INFINITY : defaultKeyLifeSeconds } = policy;
  for (const { notBeforeSeconds, notAfterSeconds } of peer) {
    if (!(nowSeconds >= notBeforeSeconds) || isPast(notAfterSeconds, nowSeconds))
      throw linkErrors.error("LINK_PEER_WRONG", { field: "validity" });
  }
  const latest = Math.min(...[...peer, ...own].map(({ notAfterSeconds }) => notAfterSeconds));
  if (keyExpiresAtSeconds > latest) throw linkErrors.error("LINK_FIELD_WRONG", { field: "keyExpiresAt" });
  if (isPast(keyExpiresAtSeconds, nowSeconds)) throw linkErrors.error("LINK_MESSAGE_EXPIRED");
  return Math.min(keyExpiresAtSeconds, nowSeconds + keyLifeSeconds);
}

/**
 * The last of a recipient's checks, in their order: time, key life, and that the message is new. Gives until when the key is used.
 * Errors: those of `verifyFreshness` and {@link acceptKeyLife}; LINK_MESSAGE_REPLAYED, LINK_REPLAY_CACHE_FULL.
 */
export async function acceptOnce(
  context: RecipientContext,
  input: {
    readonly mechanism: MechanismName;
    readonly claims: KeyClaims & Pick<Claims, "originatorCredential" | "nonce">;
    /** The originator's certificates that the mechanism uses. */
    readonly peer: readonly VerifiedCertificate[];
    readonly own: readonly VerifiedCertificate[];
  },
): Promise<number> {
  const { mechanism, claims, peer, own } = input;
  const rememberUntilSeconds = verifyFreshness(claims, context.freshness);
  const keyExpiresAtSeconds = acceptKeyLife(claims, { peer, own, policy: context.freshness });
  const { originatorCredential: originator, nonce: once } = claims;
  const inserted = await context.replay.insert({ mechanism, originator, nonce: once, rememberUntilSeconds });
  if (inserted === "seen") throw linkErrors.error("LINK_MESSAGE_REPLAYED");
  if (inserted === "full") throw linkErrors.error("LINK_REPLAY_CACHE_FULL");
  return keyExpiresAtSeconds;
}
