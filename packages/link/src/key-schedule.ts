import { hkdfExpand, hkdfExtract, type Secret, type Suite, sha256 } from "@sealane/crypto";
import { type Credential, credentialCodec } from "@sealane/pki";
import { type CborValue, type Digest, encode, type Name, type TranscriptHash, transcriptHash } from "@sealane/wire";
import { type MechanismName, mechanismNumbers, protocolLabel, protocolVersion, type Role, roleNumbers } from "./labels.ts";

/** The credentials of one party that a mechanism uses. */
interface CredentialSet {
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
  /** SHA-256 of each message as sent; answers and M3 do not count where they depend on this. */
  readonly messages: readonly Digest[];
}

/** th: the digest of the transcript (docs/protocol.md, key schedule). */
export function hashTranscript(transcript: Transcript): TranscriptHash {
  const { mechanism, mode, suite, originatorRole, originator, recipient } = transcript;
  const group = null;
  return transcriptHash(
    sha256(
      encode([
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
      ]),
    ),
  );
}

/** PRK = Extract(salt, secret). The caller owns, and wipes, what it gets. */
export function extractKey(salt: Uint8Array, secret: Secret): Uint8Array {
  return secret.use((bytes) => hkdfExtract(salt, bytes));
}

/** Expand(PRK, [label, version, purpose, suite, th]): every output names its purpose and is bound to this link. */
export function expandKey(
  key: Uint8Array,
  binding: { readonly purpose: string; readonly suite: Suite; readonly th: TranscriptHash; readonly length: number },
): Uint8Array {
  return hkdfExpand(key, encode([protocolLabel, protocolVersion, binding.purpose, binding.suite.id, binding.th]), binding.length);
}

function credentialValues({ sign, decrypt, agree }: CredentialSet): CborValue {
  return [sign, decrypt, agree].map((credential) => (credential === undefined ? null : credentialCodec.toCbor(credential)));
}
