import { cryptoErrors } from "./errors.ts";
import type { KeyKind, PublicKey } from "./public-key.ts";

/** The kinds of RSA key: rsaEncryption (RFC 8017, appendix A.1) with e = 65537 and a modulus of exactly so many bits. */
export type RsaKind = "rsa2048" | "rsa3072" | "rsa4096";

/** The one exponent: smaller ones have a history of forgeries, larger ones cost and give nothing. */
export const rsaExponent = 65_537n;

const modulusBytes: Readonly<Record<RsaKind, number>> = { rsa2048: 256, rsa3072: 384, rsa4096: 512 };

/** What stands behind the modulus in every SPKI: the DER of e. */
const exponentDerBytes = 5;

/** Bytes of the modulus of a kind, which every block, ciphertext and signature under its keys has too. */
export function rsaModulusBytes(kind: RsaKind): number {
  return modulusBytes[kind];
}

/** The modulus of an RSA key, big-endian. Error: CRYPTO_PUBLIC_KEY_WRONG for a key of another kind. */
export function rsaModulusOf({ kind, raw }: PublicKey): Uint8Array {
  if (!isRsaKind(kind)) throw cryptoErrors.error("CRYPTO_PUBLIC_KEY_WRONG", { kind });
  return raw.subarray(-exponentDerBytes - modulusBytes[kind], -exponentDerBytes);
}

/** Whether a kind is one of RSA. */
export function isRsaKind(kind: KeyKind): kind is RsaKind {
  return kind in modulusBytes;
}
