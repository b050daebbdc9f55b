export { type AuthorityInput, createAuthority } from "./authority.ts";
export { type CertificateInput, issueCertificate } from "./end-entity.ts";
export { type IntermediateInput, issueAuthority } from "./intermediate.ts";
export type { Authority } from "./issuer.ts";
