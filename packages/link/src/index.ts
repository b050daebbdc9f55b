export { type AwaitedReply, type AwaitedThird, type EstablishedLink, nothingVouched, type ThirdContent } from "./awaited.ts";
export { type BroadcastLink, GroupLink, PublicLink } from "./broadcast-link.ts";
export { decodeMessage, type Message, type MessageHeader, otherRole, readReference, referenceOf } from "./envelope.ts";
export { type LinkCode, linkErrors } from "./errors.ts";
export type { Freshness, FreshnessPolicy } from "./freshness.ts";
export type { GroupMembership, GroupMemberships, GroupRecord, GroupReference } from "./group.ts";
export { anonymousRecipient, everyRecipient, type MechanismName, protocolLabel, protocolVersion, type Role } from "./labels.ts";
export {
  challengeBytes,
  challengeSeconds,
  defaultBroadcastSeconds,
  defaultKeyLifeSeconds,
  defaultToleranceSeconds,
  defaultWindowSeconds,
  keyHintBytes,
  maxCertificateBytes,
  maxChainLength,
  maxLicenceBytes,
  maxMessageBytes,
  maxRecordBytes,
  maxReleaseBytes,
  maxStoredSeconds,
  maxWindowSeconds,
  referenceBytes,
} from "./limits.ts";
export { ConfidentialLink, type ExportInput, UnconfirmedLink } from "./link.ts";
export type { AcceptedLink, KeyNeed, Mechanism, OriginatedLink } from "./mechanism.ts";
export {
  acceptMessage,
  allowedTriples,
  loadAwaitedReply,
  loadAwaitedThird,
  mechanismNamed,
  mechanisms,
  type Triple,
} from "./mechanisms/index.ts";
export {
  type CertifiedKey,
  type ContinueContext,
  certificateFor,
  mainSigning,
  type OriginateOptions,
  type OriginatorContext,
  type PeerDirectory,
  type RecipientContext,
  type Self,
  suitesOf,
  type Unnamed,
} from "./parties.ts";
export type { ReplayCache, ReplayEntry } from "./replay-cache.ts";
export { KeySeries } from "./series.ts";
export { signedThirdModes, type ThirdMode, thirdModes } from "./third-mode.ts";
export type { WrapBinding } from "./wrap.ts";
