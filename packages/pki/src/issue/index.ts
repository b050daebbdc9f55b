export { type AuthorityInput, createAuthority } from "./authority.ts";
export { type Authority, type CertificateInput, issueCertificate } from "./end-entity.ts";
