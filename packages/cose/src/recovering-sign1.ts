import type { PublicKey, RecoveryAlgorithm, SigningKey } from "@sealane/crypto";
import type { CborMap, CborValue } from "@sealane/wire";
import { coseTag, headerLabel } from "./labels.ts";
import { parseSign1 } from "./sign1.ts";
import { encodeProtected, requireBytes, requireForm, requireHeaders } from "./structure.ts";

/**
 * A COSE_Sign1 (RFC 9052, section 4.2) whose signature gives its payload back (docs/protocol.md, suites): what the signature has no
 * room for stands in place of the payload.
 */

/** Signs with a key that can recover; untagged. Errors: CRYPTO_PRIVATE_KEY_WRONG, what the key handle throws. */
export async function signRecoverably(
  algorithm: RecoveryAlgorithm,
  key: SigningKey,
  input: { readonly payload: Uint8Array; readonly externalAad: Uint8Array; readonly protectedAlso?: CborMap },
): Promise<CborValue> {
  const { payload, externalAad, protectedAlso = new Map<number, CborValue>() } = input;
  const protectedBytes = encodeProtected(new Map<number | string, CborValue>([[headerLabel.alg, algorithm.coseId], ...protectedAlso]));
  const { signature, rest } = await algorithm.sign(key, payload, { protectedBytes, externalAad });
  return [protectedBytes, new Map(), rest, signature];
}

/**
 * Checks a signature and gives the payload back. The unprotected header must be empty; `protectedAlso` are the parameters that may
 * stand beside `alg`, which the caller reads and judges.
 * Errors: COSE_STRUCTURE_WRONG, COSE_HEADER_WRONG, CRYPTO_SIGNATURE_WRONG, CRYPTO_PUBLIC_KEY_WRONG.
 */
export function recoverSign1(
  algorithm: RecoveryAlgorithm,
  value: CborValue,
  expected: { readonly publicKey: PublicKey; readonly externalAad: Uint8Array; readonly protectedAlso?: readonly number[] },
): Uint8Array {
  const { publicKey, externalAad, protectedAlso = [] } = expected;
  requireForm(value, { tag: coseTag.sign1, tagged: false });
  const structure = parseSign1(value);
  requireHeaders(structure, { algorithm: algorithm.coseId, protectedAlso });
  const [rest, signature] = structure.rest;
  const signed = { rest: requireBytes(rest), signature: requireBytes(signature) };
  return algorithm.recover(publicKey, signed, { protectedBytes: structure.protectedBytes, externalAad });
}
