export { AwaitedAnswer, readReference } from "./answer.ts";
export { decodeMessage, type Message, type MessageHeader, otherRole, referenceOf } from "./envelope.ts";
export { type LinkCode, linkErrors } from "./errors.ts";
export type { Freshness, FreshnessPolicy } from "./freshness.ts";
export { anonymousRecipient, type MechanismName, protocolLabel, protocolVersion, type Role } from "./labels.ts";
export {
  defaultKeyLifeSeconds,
  defaultToleranceSeconds,
  defaultWindowSeconds,
  maxCertificateBytes,
  maxChainLength,
  maxLicenceBytes,
  maxMessageBytes,
  maxRecordBytes,
  maxStoredSeconds,
  maxWindowSeconds,
  referenceBytes,
} from "./limits.ts";
export { ConfidentialLink, UnconfirmedLink } from "./link.ts";
export { acceptMessage, allowedTriples, type Mechanism, mechanismNamed, mechanisms, type Triple } from "./mechanisms/index.ts";
export type { SignedTransportOptions } from "./mechanisms/signed-transport.ts";
export {
  type CertifiedKey,
  certificateFor,
  type OriginatorContext,
  type PeerDirectory,
  type RecipientContext,
  type Self,
} from "./parties.ts";
export type { ReplayCache, ReplayEntry } from "./replay-cache.ts";
export type { WrapBinding } from "./wrap.ts";
