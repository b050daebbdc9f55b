/**
 * Links between two parties by their public keys: originate, accept, exchange records.
 *
 * @packageDocumentation
 */
export {
  type AgreementKey,
  type DecryptionKey,
  type KeyKind,
  type MaybePromise,
  type NativeKeyKind,
  PublicKey,
  type Randomness,
  Secret,
  type SigningKey,
  type SuiteName,
} from "@sealane/crypto";
export type { ThirdContent } from "@sealane/link";
export type { Purpose, TrustAnchor, VerifiedCertificate } from "@sealane/pki";
export {
  type ArtefactId,
  type Blame,
  type Bytes,
  type Digest,
  type ErrorDetails,
  type ErrorEntry,
  type ExitCode,
  exitCodes,
  hasCode,
  type Name,
  type Retry,
  SealaneError,
  type Thumbprint,
} from "@sealane/wire";
export { type Clock, type Environment, systemEnvironment } from "./environment.ts";
export { type CertifiedKey, certificatesOf, type Identity } from "./identity/identity.ts";
export type { AcceptedBy, AcceptedLink, AcceptOptions, AnsweredLink, HeardBroadcast, WaitingLink } from "./link/accept.ts";
export { AnonymousParty, type AnonymousPartyOptions } from "./link/anonymous-party.ts";
export type { BroadcastOptions, GroupBroadcastOptions, OriginatedBroadcast } from "./link/broadcast.ts";
export { type BroadcastLink, GroupLink, PublicLink } from "./link/broadcast-links.ts";
export { Challenge } from "./link/challenge.ts";
export { Group, type GroupOptions } from "./link/group.ts";
export { GroupMemberships } from "./link/group-memberships.ts";
export type { GroupRecord } from "./link/group-secret.ts";
export { KeySeries } from "./link/key-series.ts";
export type { LicenceBinding } from "./link/licence-binding.ts";
export { ConfidentialLink, type ExportInput, UnconfirmedLink } from "./link/links.ts";
export { MemoryPendingStates, MemoryReplayCache } from "./link/memory.ts";
export type {
  AnonymousOriginateOptions,
  CommonOriginateOptions,
  NamedOriginateOptions,
  OriginatedLink,
  OriginateOptions,
  WithLicence,
} from "./link/originate.ts";
export { Party, type PartyOptions } from "./link/party.ts";
export type { CommonPartyOptions } from "./link/party-context.ts";
export type { LinkProperties } from "./link/properties.ts";
export type {
  CompletedLink,
  EstablishedLink,
  LinkMechanism,
  ReceivedBy,
  ReceivedLink,
  ReceiveOptions,
  RepliedLink,
} from "./link/receive.ts";
export type { PendingState, PendingStates, ReplayCache, ReplayEntry } from "./link/stores.ts";
export {
  type AnonymousMechanism,
  anonymousMechanisms,
  type BroadcastMechanism,
  broadcastMechanisms,
  type MechanismName,
  type NamedMechanism,
  namedMechanisms,
  type Role,
  type ThirdMode,
} from "./mechanism.ts";
