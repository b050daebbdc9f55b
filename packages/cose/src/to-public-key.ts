import {
  type DecryptionKey,
  type EncryptionAlgorithm,
  type HpkeEncryption,
  hpkeOpen,
  hpkeSeal,
  type PossessionKey,
  type PublicKey,
  type Randomness,
} from "@sealane/crypto";
import type { CborValue } from "@sealane/wire";
import { decryptUntagged, encryptUntagged } from "./encrypt.ts";
import { parseEncrypt0 } from "./encrypt0.ts";
import { coseTag, headerLabel } from "./labels.ts";
import { coveredBytes, encodeProtected, requireBytes, requireForm, requireHeaders } from "./structure.ts";

/**
 * P_X: encryption to one public key. By HPKE it is a COSE_Encrypt0 (integrated encryption of draft-ietf-cose-hpke), by key transport
 * a COSE_Encrypt with one recipient; neither has a tag.
 */

/** P_X(plaintext). Error: CRYPTO_PUBLIC_KEY_WRONG. */
export function sealToPublicKey(
  algorithm: EncryptionAlgorithm,
  recipient: { readonly publicKey: PublicKey; readonly random: Randomness },
  input: { readonly plaintext: Uint8Array; readonly externalAad: Uint8Array },
): CborValue {
  if (algorithm.form === "key transport") return encryptUntagged(algorithm, [recipient], recipient.random, input);
  const protectedBytes = encodeProtected(new Map([[headerLabel.alg, algorithm.coseId]]));
  const aad = coveredBytes("Encrypt0", protectedBytes, input.externalAad);
  const { encapsulated, ciphertext } = hpkeSeal(algorithm.hpke, recipient, { aad, plaintext: input.plaintext });
  return [protectedBytes, new Map([[headerLabel.ek, encapsulated]]), ciphertext];
}

/** Opens P_X. Errors: COSE_STRUCTURE_WRONG, COSE_HEADER_WRONG, COSE_RECIPIENTS_WRONG for more than one, CRYPTO_OPEN_FAILED. */
export async function openWithPrivateKey(
  algorithm: EncryptionAlgorithm,
  key: DecryptionKey | PossessionKey,
  input: { readonly value: CborValue; readonly externalAad: Uint8Array },
): Promise<Uint8Array> {
  return algorithm.form === "hpke" ? await openIntegrated(algorithm, key, input) : await decryptUntagged(algorithm, key, input);
}

async function openIntegrated(
  algorithm: HpkeEncryption,
  key: DecryptionKey | PossessionKey,
  input: { readonly value: CborValue; readonly externalAad: Uint8Array },
): Promise<Uint8Array> {
  requireForm(input.value, { tag: coseTag.encrypt0, tagged: false });
  const structure = parseEncrypt0(input.value);
  requireHeaders(structure, { algorithm: algorithm.coseId, unprotectedOnly: [headerLabel.ek] });
  return await hpkeOpen(algorithm.hpke, key, {
    aad: coveredBytes("Encrypt0", structure.protectedBytes, input.externalAad),
    encapsulated: requireBytes(structure.unprotectedHeader.get(headerLabel.ek)),
    ciphertext: requireBytes(structure.rest[0]),
  });
}
