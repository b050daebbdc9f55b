export { type AeadInput, type AeadName, aeadKeyBytes, aeadNonceBytes, aeadOpen, aeadSeal, aeadTagBytes } from "./aead.ts";
export { type Agreement, agreementSeedBytes, ffdheAgreement, p256Agreement, x25519Agreement, xWingAgreement } from "./agreement.ts";
export { p256Kem, x25519Kem } from "./dhkem.ts";
export { ecdsaBytes, isLowS, lowS } from "./ecdsa.ts";
export {
  type EncryptionAlgorithm,
  encryptionFor,
  encryptions,
  type HpkeEncryption,
  hpkeP256,
  hpkeX25519,
  hpkeXWing,
  type KeyTransport,
} from "./encryption.ts";
export { type CryptoCode, cryptoErrors } from "./errors.ts";
export { type FfdheKind, ffdheGroup } from "./ffdhe.ts";
export { digestBytes, hkdfExpand, hkdfExtract, hmac, type RunningDigest, requireMac, sha256, startSha256, verifyHmac } from "./hash.ts";
export {
  type HpkeConfiguration,
  type HpkeInput,
  hpkeAes128Gcm,
  hpkeAes256Gcm,
  hpkeOpen,
  hpkeSeal,
} from "./hpke.ts";
export type { Kem } from "./kem.ts";
export type { AgreementKey, DecryptionKey, KeyPurpose, MaybePromise, PossessionKey, SigningKey } from "./key-handles.ts";
export type { NativeKeyKind } from "./native-keys/index.ts";
export { oaepUnpad } from "./oaep-unpad.ts";
export { possessionOf } from "./possession.ts";
export { pssR, pssRWith } from "./pss-r.ts";
export { type KeyKind, PublicKey } from "./public-key.ts";
export { type Randomness, systemRandom } from "./random.ts";
export type { RecoveryAlgorithm, RecoveryInput } from "./recovery.ts";
export { isRsaKind, rsaModulusBytes, rsaModulusOf } from "./rsa-modulus.ts";
export { rsaOaep2048, rsaOaep3072, rsaOaep4096 } from "./rsa-oaep.ts";
export { Secret } from "./secret.ts";
export {
  ed25519,
  mlDsa65,
  ps256,
  type SignatureAlgorithm,
  signatureAlgorithmOf,
  signingKinds,
  verifySignature,
} from "./signatures.ts";
export { SoftwareKey } from "./software-key.ts";
export {
  agreementFor,
  decryptionKindOf,
  defaultSuite,
  type KeyKinds,
  keyKindsOf,
  type Suite,
  type SuiteName,
  type SuiteStrength,
  standardKinds,
  standardSuites,
  strongestFirst,
  suiteNamed,
  suiteNumbered,
  suites,
  suitesNamed,
  suitesOfKeys,
  suitesOfKinds,
} from "./suites.ts";
export { xWingKem } from "./x-wing-kem.ts";
