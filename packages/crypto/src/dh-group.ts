import { diffieHellman, type KeyObject } from "node:crypto";
import { cryptoErrors } from "./errors.ts";
import type { NativeKeyKind } from "./native-keys/native-key-type.ts";

/** A key pair that is used once, or that follows from a seed. */
export interface DhKeyPair {
  readonly privateKey: KeyObject;
  readonly publicRaw: Uint8Array;
}

/** A group for Diffie-Hellman, as a KEM and an agreement use it. A value of it has one length and one encoding. */
export interface DhGroup {
  readonly keyKind: NativeKeyKind;
  /** HPKE's identifier of DHKEM over this group with HKDF-SHA-256. */
  readonly kemId: number;
  /** Bytes of g^x and g^y. */
  readonly valueBytes: number;
  /** The key pair of 32 bytes, which are wiped: the same for the same bytes. */
  keyPairOf(seed: Uint8Array): DhKeyPair;
  /** Imports a value, a safe one only. Error: CRYPTO_PUBLIC_KEY_WRONG. */
  importValue(raw: Uint8Array): KeyObject;
}

/** What the recipient's caller calls a value that is refused. */
export type ValueRefusal = "CRYPTO_OPEN_FAILED" | "CRYPTO_SHARE_WRONG";

/** The sender's agreement. Error: CRYPTO_PUBLIC_KEY_WRONG, also for a key of another group. */
export function agreeAsSender(privateKey: KeyObject, publicKey: KeyObject): Uint8Array {
  return agree(privateKey, publicKey, "CRYPTO_PUBLIC_KEY_WRONG");
}

/** The recipient's agreement with a raw value. Error: `refusal`, also for an unsafe value. */
export function agreeAsRecipient(group: DhGroup, privateKey: KeyObject, raw: Uint8Array, refusal: ValueRefusal): Uint8Array {
  return agree(privateKey, importReceived(group, raw, refusal), refusal);
}

/**
 * OpenSSL refuses the results that a value of small order gives: all-zero on X25519 (RFC 7748, section 6.1), infinity on P-256, 0, 1
 * and p - 1 in a finite field. It gives all others in their full length, leading zeros too.
 */
function agree(privateKey: KeyObject, publicKey: KeyObject, code: "CRYPTO_PUBLIC_KEY_WRONG" | ValueRefusal): Uint8Array {
  try {
    return diffieHellman({ privateKey, publicKey });
  } catch {
    throw cryptoErrors.error(code);
  }
}

function importReceived(group: DhGroup, raw: Uint8Array, refusal: ValueRefusal): KeyObject {
  try {
    return group.importValue(raw);
  } catch {
    throw cryptoErrors.error(refusal);
  }
}
