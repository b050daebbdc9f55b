import { cryptoErrors } from "./errors.ts";

/** ECDSA on P-256 in the form r, s of 32 bytes each (FIPS 186-5; RFC 9053, section 2.1). */

/** The order of the group (SEC 2, section 2.4.2). */
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const halfBytes = 32;

/** Bytes of a signature. */
export const ecdsaBytes = 64;

/**
 * The one of the two signatures r, s and r, -s whose s is in the lower half: both verify, so that without this rule everybody could
 * make a second signature of a message out of the first. Error: CRYPTO_SIGNATURE_WRONG for one of another length, and for an s that is
 * not below the group's order.
 */
export function lowS(signature: Uint8Array): Uint8Array {
  if (isLowS(signature)) return signature;
  const s = signature.length === ecdsaBytes ? numberIn(signature.subarray(halfBytes)) : order;
  if (s >= order) throw cryptoErrors.error("CRYPTO_SIGNATURE_WRONG", { kind: "p256" });
  const negated = (order - s).toString(16).padStart(2 * halfBytes, "0");
  const copy = Uint8Array.from(signature);
  copy.set(Uint8Array.fromHex(negated), halfBytes);
  return copy;
}

/** Whether a signature is the one that {@link lowS} gives. */
export function isLowS(signature: Uint8Array): boolean {
  return signature.length === ecdsaBytes && numberIn(signature.subarray(halfBytes)) <= order / 2n;
}

function numberIn(bytes: Uint8Array): bigint {
  return BigInt(`0x${bytes.toHex()}`);
}
