import { aeadNonceBytes, aeadOpen, aeadSeal, type Randomness } from "@sealane/crypto";
import { type CborValue, Tagged } from "@sealane/wire";
import { coseErrors } from "./errors.ts";
import { coseAlgorithm, coseTag, headerLabel } from "./labels.ts";
import {
  type CoseStructure,
  coveredBytes,
  encodeProtected,
  parseStructure,
  requireBytes,
  requireForm,
  requireHeaders,
} from "./structure.ts";

/** COSE_Encrypt0 (RFC 9052, section 5.2) under a shared key by AES-256-GCM; to a public key: `to-public-key.ts`. */

const symmetricProtected = encodeProtected(new Map([[headerLabel.alg, coseAlgorithm.a256gcm]]));

/** Encrypts under a shared 32-byte key with a random IV (at most 2^32 messages a key: NIST SP 800-38D, section 8.3); tagged. */
export function sealUnderKey(
  key: Uint8Array,
  random: Randomness,
  input: { readonly plaintext: Uint8Array; readonly externalAad: Uint8Array },
): CborValue {
  const nonce = random.bytes(aeadNonceBytes);
  const aad = coveredBytes("Encrypt0", symmetricProtected, input.externalAad);
  const ciphertext = aeadSeal({ key, nonce, aad }, input.plaintext);
  return new Tagged(coseTag.encrypt0, [symmetricProtected, new Map([[headerLabel.iv, nonce]]), ciphertext]);
}

/** Opens what {@link sealUnderKey} made. Errors: COSE_STRUCTURE_WRONG, COSE_HEADER_WRONG, CRYPTO_OPEN_FAILED. */
export function openUnderKey(key: Uint8Array, input: { readonly value: CborValue; readonly externalAad: Uint8Array }): Uint8Array {
  requireForm(input.value, { tag: coseTag.encrypt0, tagged: true });
  const structure = parseEncrypt0(input.value);
  requireHeaders(structure, { algorithm: coseAlgorithm.a256gcm, unprotectedOnly: [headerLabel.iv] });
  const nonce = requireBytes(structure.unprotectedHeader.get(headerLabel.iv));
  if (nonce.length !== aeadNonceBytes) throw coseErrors.error("COSE_HEADER_WRONG", { parameter: "iv" });
  const aad = coveredBytes("Encrypt0", structure.protectedBytes, input.externalAad);
  return aeadOpen({ key, nonce, aad }, requireBytes(structure.rest[0]));
}

/** Reads the structure without judging headers; `rest` is [ciphertext]. */
export function parseEncrypt0(value: CborValue): CoseStructure {
  return parseStructure(value, { tag: coseTag.encrypt0, length: 3 });
}
