/**
 * Licences: who may use which content, until when, with which rights.
 *
 * @packageDocumentation
 */
export type { DecryptionKey, KeyKind, MaybePromise, NativeKeyKind, PublicKey, Randomness, Secret, SigningKey } from "@sealane/crypto";
export type { Purpose, TrustAnchor, VerifiedCertificate } from "@sealane/pki";
export type {
  KeyRetention,
  Licence,
  LicenceId,
  LicenceRecipient,
  SoftwareClass,
  SoftwareDescription,
  SoftwareFormat,
  VerifiedLicence,
} from "@sealane/software";
export type { ArtefactId, Bytes, Digest, Name, Thumbprint } from "@sealane/wire";
export { type IssuedLicence, type IssueLicenceInput, issueLicence } from "./authorise/issue-licence.ts";
export { type VerifyLicenceInput, verifyLicence } from "./authorise/verify-licence.ts";
export type { ArtefactFacts } from "./content/facts.ts";
export type { Clock, Environment } from "./environment.ts";
export type { CertifiedKey } from "./identity/identity.ts";
