import { type PublicKey, type SigningKey, signatureAlgorithmOf, verifySignature } from "@sealane/crypto";
import { type CborMap, type CborValue, Tagged } from "@sealane/wire";
import { coseErrors } from "./errors.ts";
import { coseTag, headerLabel } from "./labels.ts";
import {
  type CoseStructure,
  coveredBytes,
  encodeProtected,
  parseStructure,
  requireBytes,
  requireForm,
  requireHeaders,
} from "./structure.ts";

/** COSE_Sign1 (RFC 9052, section 4.2). */

export interface Sign1Input {
  readonly payload: Uint8Array;
  /** The payload is not carried; the verifier rebuilds it. */
  readonly detached?: boolean;
  readonly externalAad: Uint8Array;
  /** Protected parameters beside `alg`. */
  readonly protectedAlso?: CborMap;
  /** Put the CBOR tag before it, as free-standing objects have it. */
  readonly tagged?: boolean;
}

/** Signs; the algorithm follows from the key. */
export async function sign1(key: SigningKey, input: Sign1Input): Promise<CborValue> {
  const protectedBytes = encodeProtected(
    new Map<number | string, CborValue>([[headerLabel.alg, signatureAlgorithmOf(key.publicKey).coseId], ...(input.protectedAlso ?? [])]),
  );
  const signature = await key.sign(coveredBytes("Signature1", protectedBytes, input.externalAad, input.payload));
  const structure = [protectedBytes, new Map(), input.detached === true ? null : input.payload, signature];
  return input.tagged === true ? new Tagged(coseTag.sign1, structure) : structure;
}

export interface Sign1Expectation {
  readonly publicKey: PublicKey;
  readonly externalAad: Uint8Array;
  /** The payload of a detached signature; without it the payload must be attached. */
  readonly detachedPayload?: Uint8Array;
  /** Protected parameters that may stand beside `alg`; the caller reads and judges them. */
  readonly protectedAlso?: readonly number[];
  /** The CBOR tag must stand before it; unless told, it must not. */
  readonly tagged?: boolean;
}

/**
 * Checks a signature and gives the payload that it covers. The algorithm is the key's; the unprotected header must be empty.
 * Errors: COSE_STRUCTURE_WRONG, COSE_HEADER_WRONG, CRYPTO_SIGNATURE_WRONG, CRYPTO_PUBLIC_KEY_WRONG for a key that does not sign.
 */
export function verifySign1(value: CborValue, expected: Sign1Expectation): Uint8Array {
  requireForm(value, { tag: coseTag.sign1, tagged: expected.tagged === true });
  const structure = parseSign1(value);
  requireHeaders(structure, {
    algorithm: signatureAlgorithmOf(expected.publicKey).coseId,
    ...(expected.protectedAlso === undefined ? {} : { protectedAlso: expected.protectedAlso }),
  });
  const [attached, signature] = structure.rest;
  if ((attached === null) !== (expected.detachedPayload !== undefined))
    throw coseErrors.error("COSE_STRUCTURE_WRONG", { field: "payload" });
  const payload = expected.detachedPayload ?? requireBytes(attached);
  const covered = coveredBytes("Signature1", structure.protectedBytes, expected.externalAad, payload);
  verifySignature(expected.publicKey, covered, requireBytes(signature));
  return payload;
}

/** Reads the structure without judging headers or signature; `rest` is [payload or null, signature]. */
export function parseSign1(value: CborValue): CoseStructure {
  return parseStructure(value, { tag: coseTag.sign1, length: 4 });
}
