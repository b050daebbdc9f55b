export {
  type AuthorityCertificate,
  type Certificate,
  type CertificateFields,
  type EndEntityCertificate,
  parseCertificate,
} from "./certificate.ts";
export { type Credential, credentialCodec, credentialOf, equalCredentials } from "./credential.ts";
export { type PkiCode, pkiErrors } from "./errors.ts";
export { type Purpose, purposeOid } from "./labels.ts";
export { maxCertificateBytes, maxChainCertificates } from "./limits.ts";
export { type TrustAnchor, trustAnchor } from "./trust-anchor.ts";
export {
  type VerifiedCertificate,
  type VerifiedIntermediate,
  type VerifyCertificateInput,
  verifyCertificate,
  verifyIntermediate,
} from "./verify.ts";
