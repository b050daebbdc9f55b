/**
 * Keys, certificates and enrolment: who a party is and whom it trusts.
 *
 * @packageDocumentation
 */
export {
  type AgreementKey,
  type DecryptionKey,
  type KeyKind,
  type KeyPurpose,
  type MaybePromise,
  type NativeKeyKind,
  PublicKey,
  type Randomness,
  Secret,
  type SigningKey,
  type SuiteName,
} from "@sealane/crypto";
export { FileKeyStore, type FileKeyStoreOptions, type KeyStore } from "@sealane/keystore";
export type { Purpose, TrustAnchor, VerifiedCertificate } from "@sealane/pki";
export type { Bytes, Name, Thumbprint } from "@sealane/wire";
export type { Clock, Environment } from "./environment.ts";
export { Authority, type AuthorityOptions, type IssueInput, type LoadAuthorityInput } from "./identity/authority.ts";
export { type EnrolInput, type EnrolledServer, type Enrolment, enrol } from "./identity/enrol.ts";
export type { CertifiedKey, Identity } from "./identity/identity.ts";
export { makeKeys, makeSigningKey, openKeys, type PartyKeys } from "./identity/keys.ts";
export { trustAnchor, type VerifyInput, verifyCertificate } from "./identity/trust.ts";
export type { Role } from "./mechanism.ts";
