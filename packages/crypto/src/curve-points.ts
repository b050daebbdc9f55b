import { cryptoErrors } from "./errors.ts";

/** Coordinates of the points whose order divides 8, little-endian in hex, sign bit cleared. */
const smallOrder: Readonly<Record<"ed25519" | "x25519", readonly string[]>> = {
  // y of the eight torsion points; those of order 4 and 8 come in pairs that differ in the sign of x
  ed25519: [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  ],
  // u of the points of order 1, 2, 4 and 8 on the curve and its twist (RFC 7748, section 6.1)
  x25519: [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  ],
};

/**
 * Refuses 32 bytes that are not the one encoding of a coordinate below 2^255 - 19, and points of small order.
 *
 * OpenSSL imports both. A second encoding would give one key two thumbprints. Under an Ed25519 key of small order one signature
 * fits many messages, so that it is evidence of nothing (Node 26 refuses it, a third party with OpenSSL does not); an X25519 key of
 * small order gives a secret that everyone knows.
 * Error: CRYPTO_PUBLIC_KEY_WRONG.
 */
export function refuseUnsafePoint(kind: "ed25519" | "x25519", raw: Uint8Array): void {
  if (raw.length !== 32) throw cryptoErrors.error("CRYPTO_PUBLIC_KEY_WRONG", { kind });
  const coordinate = Uint8Array.from(raw);
  const sign = (coordinate[31] ?? 0) & 0x80;
  coordinate[31] = (coordinate[31] ?? 0) & 0x7f;
  const signAllowed = kind === "ed25519"; // there the sign of x; in X25519 a bit that is ignored (RFC 7748, section 5)
  if (
    (sign !== 0 && !signAllowed) ||
    !isBelowPrime(coordinate) ||
    smallOrder[kind].includes(Buffer.from(coordinate.buffer).toString("hex"))
  ) {
    throw cryptoErrors.error("CRYPTO_PUBLIC_KEY_WRONG", { kind });
  }
}

/** p = 2^255 - 19 is ed, then 30 times ff, then 7f. */
function isBelowPrime(coordinate: Uint8Array): boolean {
  return (coordinate[0] ?? 0) < 0xed || coordinate[31] !== 0x7f || coordinate.subarray(1, 31).some((byte) => byte !== 0xff);
}
