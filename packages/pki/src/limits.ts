/** Bytes of one certificate: ours take 500; an RSA 4096 or ML-DSA-65 one with an X-Wing key stays below 7,000. */
export const maxCertificateBytes = 8192;

/** Certificates of a chain without its root: a leaf and three intermediates are more than any hierarchy of ours has. */
export const maxChainCertificates = 4;

/** Bytes of a serial number (RFC 5280, section 4.1.2.2). */
export const maxSerialBytes = 20;

/** Bytes of the serial numbers that we issue: 126 random bits cannot be guessed and do not repeat. */
export const issuedSerialBytes = 16;

/** Intermediates that may stand below a root that we make: one, for what it lists (docs/protocol.md, authorities). */
export const rootPathLength = 1;

/** Bytes of a common name (`ub-common-name`, RFC 5280, appendix A.1). */
export const maxCommonNameBytes = 64;

/** Bytes of a key identifier: the first 160 bits of a SHA-256 (RFC 7093, section 2, method 1). */
export const keyIdentifierBytes = 20;

/** Bytes of r and of s in an ECDSA signature on P-256. */
export const ecdsaHalfBytes = 32;

/** Bytes of an object identifier: ours take 21. */
export const maxOidBytes = 32;

/** The last second that a certificate can name, 9999-12-31 23:59:59 UTC (RFC 5280, section 4.1.2.5). */
export const maxCertificateSeconds = 253_402_300_799;
