import { type ErrorTable, errorTable, exitCodes, type SealaneError } from "@sealane/wire";

const peer = { blame: "peer", retry: "never", http: 403, exit: exitCodes.notTrusted } as const;
const user = { blame: "user", retry: "never", http: 400, exit: exitCodes.configuration } as const;

export type PkiCode =
  | "PKI_CERTIFICATE_TOO_LARGE"
  | "PKI_CERTIFICATE_MALFORMED"
  | "PKI_EXTENSION_UNKNOWN"
  | "PKI_ALGORITHM_UNKNOWN"
  | "PKI_KEY_WRONG"
  | "PKI_PURPOSE_WRONG"
  | "PKI_NAME_WRONG"
  | "PKI_CHAIN_LENGTH_WRONG"
  | "PKI_CHAIN_UNTRUSTED"
  | "PKI_ISSUER_NOT_CA"
  | "PKI_ISSUER_PURPOSE_WRONG"
  | "PKI_PATH_TOO_LONG"
  | "PKI_SIGNATURE_WRONG"
  | "PKI_CERTIFICATE_NOT_YET_VALID"
  | "PKI_CERTIFICATE_EXPIRED"
  | "PKI_FINGERPRINT_WRONG"
  | "PKI_ANCHOR_NOT_SELF_SIGNED"
  | "PKI_AUTHORITY_KEY_WRONG"
  | "PKI_VALIDITY_WRONG";

/** Errors of certificates. */
export const pkiErrors: ErrorTable<PkiCode> = errorTable({
  PKI_CERTIFICATE_TOO_LARGE: {
    ...peer,
    http: 413,
    sentence: "The certificate is larger than any that is allowed here",
    advice: "Ask its owner for a certificate of this system",
  },
  PKI_CERTIFICATE_MALFORMED: {
    ...peer,
    http: 400,
    sentence: "The certificate is not a strictly encoded X.509 version 3 certificate",
    advice: "Fetch it again; if that fails, ask its issuer for a new one",
  },
  PKI_EXTENSION_UNKNOWN: {
    ...peer,
    sentence: "The certificate has a critical extension that is not known here, or one of those that limit what is below an authority",
    advice: "Ask its issuer for a certificate without it",
  },
  PKI_ALGORITHM_UNKNOWN: {
    ...peer,
    exit: exitCodes.incompatible,
    sentence: "The certificate is signed with an algorithm that is not known here",
    advice: "Ask its issuer for one signed with an algorithm of a suite (`sealane mechanisms`)",
  },
  PKI_KEY_WRONG: {
    ...peer,
    sentence: "The certificate's key is damaged or not of the kind that its purpose needs",
    advice: "Ask its issuer for a new one",
  },
  PKI_PURPOSE_WRONG: {
    ...peer,
    sentence: "The certificate's key usages are not exactly those of the purpose that is needed here",
    advice: "Use the certificate that was issued for this purpose",
  },
  PKI_NAME_WRONG: {
    ...peer,
    sentence: "The certificate does not name exactly one party, or names another one",
    advice: "Check which party is meant and ask it for its certificate",
  },
  PKI_CHAIN_LENGTH_WRONG: {
    ...peer,
    http: 400,
    sentence: "The certificate chain is empty or too long",
    advice: "Send the certificate and its intermediates, without the root",
  },
  PKI_CHAIN_UNTRUSTED: {
    ...peer,
    sentence: "The certificate chain does not lead to an authority that is trusted here",
    advice: "Check that both ends use the same authority; add its certificate only after comparing the fingerprint",
  },
  PKI_ISSUER_NOT_CA: {
    ...peer,
    sentence: "A certificate of the chain is not allowed to issue certificates",
    advice: "Do not use the chain; tell its owner",
  },
  PKI_ISSUER_PURPOSE_WRONG: {
    ...peer,
    sentence: "An intermediate authority of the chain is not allowed to certify keys for this purpose",
    advice: "Do not use the certificate, and tell the operator: whoever has this authority's key issued what only another may",
  },
  PKI_PATH_TOO_LONG: {
    ...peer,
    sentence: "An authority allows fewer intermediates below it than the chain has",
    advice: "Ask the issuer for a certificate from a permitted authority",
  },
  PKI_SIGNATURE_WRONG: {
    ...peer,
    sentence: "A signature in the certificate chain is not by the authority that is named as issuer",
    advice: "Do not use the certificate; check the fingerprint of the authority",
  },
  PKI_CERTIFICATE_NOT_YET_VALID: {
    ...peer,
    retry: "later",
    sentence: "The certificate is not valid yet",
    advice: "Check the clock; if it is right, wait until the certificate's first second",
  },
  PKI_CERTIFICATE_EXPIRED: {
    ...peer,
    exit: exitCodes.expired,
    sentence: "The certificate has expired",
    advice: "Check the clock; if it is right, ask the certificate's owner to renew it",
  },
  PKI_FINGERPRINT_WRONG: {
    ...peer,
    sentence: "The authority's certificate has another fingerprint than expected",
    advice: "Do not trust this server; compare the fingerprint with the operator",
  },
  PKI_ANCHOR_NOT_SELF_SIGNED: {
    ...user,
    exit: exitCodes.notTrusted,
    sentence: "The certificate to be trusted is not self-signed",
    advice: "Give the root certificate of the authority",
  },
  PKI_AUTHORITY_KEY_WRONG: {
    ...user,
    http: 500,
    sentence: "The authority's key does not belong to its certificate, or signs wrongly",
    advice: "Check which key the authority is configured with",
  },
  PKI_VALIDITY_WRONG: {
    ...user,
    exit: exitCodes.usage,
    sentence: "The validity that is asked for is empty, or outside what a certificate can say",
    advice: "Give whole seconds, the start before the end and the end before the authority's",
  },
});

/** Makes PKI_CERTIFICATE_MALFORMED for a field, which is ours and never the sender's text. */
export function malformed(field: string, cause?: unknown): SealaneError {
  return pkiErrors.error("PKI_CERTIFICATE_MALFORMED", { field }, cause);
}
