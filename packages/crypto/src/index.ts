export { type AeadInput, type AeadName, aeadKeyBytes, aeadNonceBytes, aeadOpen, aeadSeal, aeadTagBytes } from "./aead.ts";
export { x25519Kem } from "./dhkem.ts";
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
export type { Kem } from "./kem.ts";
export type { DecryptionKey, KeyPurpose, MaybePromise, SigningKey } from "./key-handles.ts";
export { type KeyKind, PublicKey } from "./public-key.ts";
export { type Randomness, systemRandom } from "./random.ts";
export { Secret } from "./secret.ts";
export { ed25519, type SignatureAlgorithm, signatureAlgorithmOf, verifySignature } from "./signatures.ts";
export { SoftwareKey } from "./software-key.ts";
export {
  decryptionKindOf,
  decryptionKinds,
  defaultSuite,
  type EncryptionAlgorithm,
  encryptionFor,
  hpkeX25519,
  hpkeXWing,
  type Suite,
  type SuiteName,
  suiteNamed,
  suiteNumbered,
  suites,
} from "./suites.ts";
export { xWingKem } from "./x-wing-kem.ts";
