import { hkdfExpand, hkdfExtract, requireMac, Secret, type Suite, sha256 } from "@sealane/crypto";
import { type Credential, credentialCodec } from "@sealane/pki";
import {
  type CborValue,
  type Digest,
  encode,
  equalBytes,
  lendEncoding,
  type Name,
  type TranscriptHash,
  transcriptHash,
} from "@sealane/wire";
import { linkErrors } from "./errors.ts";
import { type MechanismName, mechanismNumbers, protocolLabel, protocolVersion, purpose, type Role, roleNumbers } from "./labels.ts";

/** The credentials of one party that a mechanism uses. */
export interface CredentialSet {
  readonly sign?: Credential;
  readonly decrypt?: Credential;
  readonly agree?: Credential;
}

/** Everything that both parties must have seen alike. */
export interface Transcript {
  readonly mechanism: MechanismName;
  /** A way of running the mechanism that both must agree on, or null. */
  readonly mode: string | null;
  readonly suite: Suite;
  readonly originatorRole: Role;
  readonly originator: Name | null;
  readonly recipient: Name | null;
  readonly originatorCredentials: CredentialSet;
  readonly recipientCredentials: CredentialSet;
  /** [id, epoch, SHA-256 of the public value] of a broadcast to a group; none elsewhere. */
  readonly group?: CborValue;
  /** SHA-256 of each message as sent; answers and M3 do not count where they depend on this. */
  readonly messages: readonly Digest[];
}

/** th: the digest of the transcript (docs/protocol.md, key schedule). */
export function hashTranscript(transcript: Transcript): TranscriptHash {
  const { mechanism, mode, suite, originatorRole, originator, recipient, group = null } = transcript;
  return transcriptHash(
    lendEncoding(
      [
        `${protocolLabel} th`,
        protocolVersion,
        mechanismNumbers[mechanism],
        mode,
        suite.id,
        roleNumbers[originatorRole],
        originator,
        recipient,
        credentialValues(transcript.originatorCredentials),
        credentialValues(transcript.recipientCredentials),
        group,
        transcript.messages,
      ],
      sha256,
    ),
  );
}

/** PRK = Extract(salt, secret). */
export function extractKey(salt: Uint8Array, secret: Secret): Secret<"link key"> {
  return Secret.take(
    "link key",
    secret.use((bytes) => hkdfExtract(salt, bytes)),
  );
}

/** What f(k1, k2) extracts from: both numbers, each with its length (docs/protocol.md, key schedule). */
export function joinSecrets(first: Secret, second: Secret): Secret<"transported secret"> {
  return first.use((one) => second.use((two) => Secret.take("transported secret", encode([one, two]))));
}

/** What a key is for, and the link that it is bound to. */
export interface KeyBinding {
  readonly purpose: CborValue;
  readonly suite: Suite;
  readonly th: TranscriptHash;
  readonly length: number;
}

/** Expand(PRK, [label, version, purpose, suite, th]): every output names its purpose and is bound to this link. The caller owns it. */
export function expandKey(key: Uint8Array, binding: KeyBinding): Uint8Array {
  const { purpose: what, suite, th, length } = binding;
  return lendEncoding([protocolLabel, protocolVersion, what, suite.id, th], (info) => hkdfExpand(key, info, length));
}

/** Compares two secrets by their digests, so that the time it takes tells nothing of them. */
export function equalSecrets(one: Secret, other: Secret): boolean {
  return equalBytes(one.use(sha256), other.use(sha256));
}

/** Lends a key made by {@link expandKey} to `use`, and wipes it. */
export function lendKey<T>(prk: Secret<"link key">, binding: KeyBinding, use: (made: Uint8Array) => T): T {
  const made = prk.use((key) => expandKey(key, binding));
  try {
    return use(made);
  } finally {
    made.fill(0);
  }
}

/** Bytes of a confirmation. */
export const confirmationBytes = 32;

/** Whose confirmation, of which link. */
export interface Confirming {
  readonly whose: keyof typeof purpose.confirmation;
  readonly prk: Secret<"link key">;
  readonly suite: Suite;
  readonly th: TranscriptHash;
}

/**
 * What shows that one party holds the key of this link: an output of the key schedule that serves nothing else, so that only the two can
 * make it; each side's has a purpose of its own, so that none can be sent back to its sender (as MAC_2 and MAC_3 of EDHOC, RFC 9528,
 * section 4.1.2).
 */
export function makeConfirmation({ whose, prk, suite, th }: Confirming): Uint8Array {
  const binding = { purpose: purpose.confirmation[whose], suite, th, length: confirmationBytes };
  return prk.use((key) => expandKey(key, binding));
}

/** Error: LINK_CONFIRMATION_WRONG. */
export function verifyConfirmation(confirming: Confirming, received: Uint8Array): void {
  try {
    requireMac(makeConfirmation(confirming), received);
  } catch (cause) {
    throw linkErrors.error("LINK_CONFIRMATION_WRONG", {}, cause);
  }
}

function credentialValues({ sign, decrypt, agree }: CredentialSet): CborValue {
  return [sign, decrypt, agree].map((credential) => (credential === undefined ? null : credentialCodec.toCbor(credential)));
}
