export { type AeadInput, type AeadName, aeadKeyBytes, aeadNonceBytes, aeadOpen, aeadSeal, aeadTagBytes } from "./aead.ts";
export { type Kem, x25519Kem } from "./dhkem.ts";
export { type CryptoCode, cryptoErrors } from "./errors.ts";
export { digestBytes, hkdfExpand, hkdfExtract, hmac, type RunningDigest, sha256, startSha256, verifyHmac } from "./hash.ts";
export {
  type HpkeConfiguration,
  type HpkeInput,
  hpkeAes128Gcm,
  hpkeAes256Gcm,
  hpkeOpen,
  hpkeSeal,
} from "./hpke.ts";
export { type DecryptionKey, type KeyPurpose, type MaybePromise, type SigningKey, SoftwareKey } from "./key-handles.ts";
export { type KeyKind, PublicKey } from "./public-key.ts";
export { type Randomness, systemRandom } from "./random.ts";
export { Secret } from "./secret.ts";
export { ed25519, type SignatureAlgorithm, signatureAlgorithmOf, verifySignature } from "./signatures.ts";
export { type EncryptionAlgorithm, hpkeX25519, type Suite, type SuiteName, suiteNamed, suiteNumbered, suites } from "./suites.ts";
