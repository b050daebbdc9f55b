/** COSE header parameters (RFC 9052, section 3.1; RFC 9360; draft-ietf-cose-hpke for `ek`). */
export const headerLabel = { alg: 1, crit: 2, kid: 4, iv: 5, x5chain: 33, x5t: 34, ek: -4 } as const;

/** COSE algorithm identifiers that are not bound to a suite (RFC 9053). */
export const coseAlgorithm = { a256gcm: 3, hmac256: 5, direct: -6 } as const;

/** CBOR tags (RFC 9052, section 2; RFC 8392, section 6). */
export const coseTag = { encrypt0: 16, mac0: 17, sign1: 18, cwt: 61, encrypt: 96 } as const;

/** Context of the Recipient_structure (draft-ietf-cose-hpke, section 3.3.1). */
export const recipientContext = "HPKE Recipient";
