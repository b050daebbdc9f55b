import { constants, createPublicKey, generateKeyPairSync, type KeyObject, privateDecrypt, privateEncrypt, sign } from "node:crypto";
import { equalBytes } from "@sealane/wire";
import { aeadKeyBytes } from "../aead.ts";
import { cryptoErrors } from "../errors.ts";
import { asBuffer, importKey } from "../import-key.ts";
import { systemRandom } from "../random.ts";
import { type RsaKind, rsaExponent, rsaModulusBytes } from "../rsa-modulus.ts";
import { oaep256 } from "../rsa-oaep.ts";
import { Secret } from "../secret.ts";
import { pssPadding } from "../signatures.ts";
import type { NativeKeyType } from "./native-key-type.ts";

/** RSA of three sizes with e = 65537; a key's raw form is its DER SPKI. */
export const rsa2048Key: NativeKeyType = rsaKey("rsa2048");
export const rsa3072Key: NativeKeyType = rsaKey("rsa3072");
export const rsa4096Key: NativeKeyType = rsaKey("rsa4096");

function rsaKey(kind: RsaKind): NativeKeyType {
  const modulusLength = 8 * rsaModulusBytes(kind);
  const is = (object: KeyObject): boolean => {
    const { modulusLength: bits, publicExponent } = object.asymmetricKeyDetails ?? {};
    return object.asymmetricKeyType === "rsa" && bits === modulusLength && publicExponent === rsaExponent;
  };
  return {
    kind,
    is,
    rawOf,
    fromRaw(raw) {
      const key = importKey(() => createPublicKey({ key: asBuffer(raw), format: "der", type: "spki" }));
      if (!is(key) || !equalBytes(rawOf(key), raw)) throw cryptoErrors.error("CRYPTO_PUBLIC_KEY_WRONG", { kind });
      return key;
    },
    generate: () => generateKeyPairSync("rsa", { modulusLength, publicExponent: Number(rsaExponent) }).privateKey,
    sign: (privateKey, message) => sign("sha256", message, { key: privateKey, ...pssPadding }),
    signBlock,
    decapsulate: (privateKey, encapsulated) => {
      const fitting = encapsulated.length === rsaModulusBytes(kind);
      return Secret.take("kem secret", fitting ? unwrapKey(privateKey, encapsulated) : systemRandom.bytes(aeadKeyBytes));
    },
  };
}

/** OpenSSL imports an even modulus, whose first use then fails. Error: CRYPTO_PUBLIC_KEY_WRONG. */
function rawOf(publicKey: KeyObject): Uint8Array {
  const spki = publicKey.export({ type: "spki", format: "der" });
  if (((spki.at(-6) ?? 0) & 1) === 0) throw cryptoErrors.error("CRYPTO_PUBLIC_KEY_WRONG");
  return spki;
}

/** Error: CRYPTO_PRIVATE_KEY_WRONG for a block that is not of the modulus' length and below it. */
function signBlock(privateKey: KeyObject, block: Uint8Array): Uint8Array {
  try {
    return privateEncrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, block); // which takes no other length
  } catch {
    throw cryptoErrors.error("CRYPTO_PRIVATE_KEY_WRONG", { bytes: block.length });
  }
}

/**
 * The content key in a ciphertext of RSA-OAEP-256, or 32 random bytes whatever was wrong: the failure is that of the AEAD behind
 * it, the same for a malformed ciphertext and a wrong key. Telling them apart is the oracle of Manger's attack (CRYPTO 2001).
 * OpenSSL unpads in constant time and gives one error for every wrong padding; that an error costs more time than a key tells
 * nothing, since who can make a ciphertext that is padded well knows its content already. OpenSSL takes a ciphertext without its
 * leading zeros too, which would be a second one: the caller checks the length.
 */
function unwrapKey(privateKey: KeyObject, encapsulated: Uint8Array): Uint8Array {
  const otherwise = systemRandom.bytes(aeadKeyBytes);
  try {
    const content = privateDecrypt({ key: privateKey, ...oaep256 }, encapsulated);
    if (content.length === aeadKeyBytes) return content;
    content.fill(0);
    return otherwise;
  } catch {
    return otherwise;
  }
}
