import { constants, publicDecrypt, timingSafeEqual } from "node:crypto";
import { concatBytes, encode } from "@sealane/wire";
import { cryptoErrors } from "./errors.ts";
import { decodePssRBlock, encodePssRBlock, pssRCapacity, pssRDigest, pssRSaltBytes } from "./pss-r-block.ts";
import type { PublicKey } from "./public-key.ts";
import { type Randomness, systemRandom } from "./random.ts";
import type { RecoveryAlgorithm, RecoveryInput } from "./recovery.ts";
import { rsaModulusOf } from "./rsa-modulus.ts";

const label = "Sealane PSS-R";

/** PSS-R-SHA-256 under COSE's private-use identifier -65539. */
export const pssR: RecoveryAlgorithm = pssRWith(systemRandom);

/**
 * PSS-R: an RSA signature that gives back the first bytes of its message, as many as it has room for (ISO/IEC 9796-2:2010, scheme
 * 2; `pss-r-block.ts`). Its M2 = [label, protected header, external_aad, length of the message, rest] binds everything else.
 */
export function pssRWith(random: Randomness): RecoveryAlgorithm {
  return {
    coseId: -65539,
    async sign(key, message, input) {
      if (key.signBlock === undefined) throw cryptoErrors.error("CRYPTO_PRIVATE_KEY_WRONG", { kind: key.publicKey.kind });
      const { length } = rsaModulusOf(key.publicKey);
      const recoverable = message.subarray(0, pssRCapacity(length));
      const rest = Uint8Array.from(message.subarray(recoverable.length));
      const parts = { recoverable, salt: random.bytes(pssRSaltBytes) };
      const block = encodePssRBlock(length, parts, hashedOnly(input, message.length, rest));
      try {
        return { signature: await key.signBlock(block), rest };
      } finally {
        block.fill(0);
      }
    },
    recover(publicKey, { signature, rest }, input) {
      const block = openSignature(publicKey, signature);
      const { digest, ...parts } = decodePssRBlock(block);
      const { recoverable } = parts;
      try {
        const isFull = recoverable.length === pssRCapacity(block.length);
        if (!isFull && rest.length > 0) throw cryptoErrors.error("CRYPTO_SIGNATURE_WRONG"); // one message is divided in one way
        const other = hashedOnly(input, recoverable.length + rest.length, rest);
        if (!timingSafeEqual(pssRDigest(parts, other), digest)) throw cryptoErrors.error("CRYPTO_SIGNATURE_WRONG");
        return concatBytes(recoverable, rest);
      } finally {
        recoverable.fill(0);
        block.fill(0);
      }
    },
  };
}

/** The public operation on a signature of the modulus' length and below it: s + n and s without its leading zeros are second forms. */
function openSignature(publicKey: PublicKey, signature: Uint8Array): Uint8Array {
  const modulus = rsaModulusOf(publicKey);
  if (signature.length !== modulus.length || Buffer.compare(signature, modulus) >= 0) throw cryptoErrors.error("CRYPTO_SIGNATURE_WRONG");
  return publicDecrypt({ key: publicKey.native, padding: constants.RSA_NO_PADDING }, signature);
}

/** M2. */
function hashedOnly({ protectedBytes, externalAad }: RecoveryInput, messageBytes: number, rest: Uint8Array): Uint8Array {
  return encode([label, protectedBytes, externalAad, messageBytes, rest]);
}
