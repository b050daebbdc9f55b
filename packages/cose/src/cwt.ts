import { type CborMap, type CborValue, decode, encode } from "@sealane/wire";
import { coseErrors } from "./errors.ts";

/** Claims of a CBOR web token (RFC 8392, section 3.1): registered ones by name, private ones by negative label. */

/** Labels of the registered claims. */
export const claimLabel = { issuer: 1, subject: 2, audience: 3, expiresAt: 4, notBefore: 5, issuedAt: 6, tokenId: 7 } as const;

/** Encodes a claims set. */
export function encodeClaims(claims: CborMap): Uint8Array {
  return encode(claims);
}

/** Reads a claims set and refuses labels that are not `known`. Errors: COSE_CLAIM_WRONG; those of `decode`. */
export function decodeClaims(bytes: Uint8Array, expected: { readonly maxBytes: number; readonly known: readonly number[] }): CborMap {
  const claims: CborValue = decode(bytes, expected.maxBytes);
  if (!(claims instanceof Map)) throw coseErrors.error("COSE_CLAIM_WRONG");
  for (const label of claims.keys()) {
    if (!expected.known.some((known) => known === label)) throw coseErrors.error("COSE_CLAIM_WRONG", { claim: String(label) });
  }
  return claims;
}
