/**
 * Releases and licences: who released a software, and who may use it, until when, with which rights.
 *
 * @packageDocumentation
 */
export type { DecryptionKey, KeyKind, MaybePromise, NativeKeyKind, PublicKey, Randomness, Secret, SigningKey } from "@sealane/crypto";
export type { Purpose, TrustAnchor, VerifiedCertificate } from "@sealane/pki";
export type {
  Authorisation,
  Grade,
  KeyRetention,
  Licence,
  LicenceId,
  LicenceRecipient,
  Release,
  SoftwareClass,
  SoftwareDescription,
  SoftwareFormat,
  VerifiedAuthorisation,
  VerifiedLicence,
  VerifiedRelease,
} from "@sealane/software";
export type { ArtefactId, Bytes, Digest, Name, Thumbprint } from "@sealane/wire";
export { type IssuedLicence, type IssueLicenceInput, issueLicence } from "./authorise/issue-licence.ts";
export { type IssuedRelease, type IssueReleaseInput, issueRelease } from "./authorise/issue-release.ts";
export type { SoftwareInput } from "./authorise/software.ts";
export { type VerifyAuthorisationInput, verifyAuthorisation } from "./authorise/verify-authorisation.ts";
export { type VerifyLicenceInput, verifyLicence } from "./authorise/verify-licence.ts";
export { type VerifyReleaseInput, verifyRelease } from "./authorise/verify-release.ts";
export type { ArtefactFacts } from "./content/facts.ts";
export type { Clock, Environment } from "./environment.ts";
export type { CertifiedKey } from "./identity/identity.ts";
