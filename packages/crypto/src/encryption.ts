import { ffdheKem, p256Kem, x25519Kem } from "./dhkem.ts";
import { cryptoErrors } from "./errors.ts";
import { type HpkeConfiguration, hpkeAes256Gcm } from "./hpke.ts";
import type { Kem } from "./kem.ts";
import type { KeyKind, PublicKey } from "./public-key.ts";
import { rsaOaep2048, rsaOaep3072, rsaOaep4096 } from "./rsa-oaep.ts";
import { xWingKem } from "./x-wing-kem.ts";

/** How one suite encrypts to a public key. */
export type EncryptionAlgorithm = HpkeEncryption | KeyTransport;

/** HPKE under COSE algorithms of its own, one for each mode of draft-ietf-cose-hpke. */
export interface HpkeEncryption {
  readonly form: "hpke";
  /** The kind of the recipient's key. */
  readonly keyKind: KeyKind;
  /** Integrated encryption, in COSE_Encrypt0. */
  readonly coseId: number;
  /** Key encryption, in the recipients of COSE_Encrypt. */
  readonly keyEncryptionCoseId: number;
  readonly hpke: HpkeConfiguration;
}

/** Key transport (RFC 9052, section 8.5.3): a content key for A256GCM, encrypted to the recipient, who `decapsulates` it. */
export interface KeyTransport {
  readonly form: "key transport";
  /** The kind of the recipient's key. */
  readonly keyKind: KeyKind;
  /** In the recipients of COSE_Encrypt. */
  readonly coseId: number;
  /** Encrypts 32 bytes to the owner of a public key. Error: CRYPTO_PUBLIC_KEY_WRONG for a key of another kind. */
  wrapKey(publicKey: PublicKey, contentKey: Uint8Array): Uint8Array;
}

/** HPKE X25519, HKDF-SHA-256, AES-256-GCM under COSE's private-use identifiers -65537 and, for key encryption, -65540. */
export const hpkeX25519: HpkeEncryption = hpkeEncryption(x25519Kem, { coseId: -65537, keyEncryptionCoseId: -65540 });

/** HPKE X-Wing, HKDF-SHA-256, AES-256-GCM under COSE's private-use identifiers -65538 and, for key encryption, -65541. */
export const hpkeXWing: HpkeEncryption = hpkeEncryption(xWingKem, { coseId: -65538, keyEncryptionCoseId: -65541 });

/** HPKE-7 and HPKE-7-KE of draft-ietf-cose-hpke: P-256, HKDF-SHA-256, AES-256-GCM. */
export const hpkeP256: HpkeEncryption = hpkeEncryption(p256Kem, { coseId: 45, keyEncryptionCoseId: 53 });

/**
 * HPKE over the finite-field groups under COSE's private-use identifiers. No suite encrypts so: these carry the certificate of an
 * agreement key to its owner at enrolment, for proof that he holds it (`possessionOf`), as X25519 and X-Wing do it for theirs.
 */
const hpkeFfdhe2048: HpkeEncryption = hpkeEncryption(ffdheKem("ffdhe2048"), { coseId: -65544, keyEncryptionCoseId: -65545 });
const hpkeFfdhe3072: HpkeEncryption = hpkeEncryption(ffdheKem("ffdhe3072"), { coseId: -65546, keyEncryptionCoseId: -65547 });
const hpkeFfdhe4096: HpkeEncryption = hpkeEncryption(ffdheKem("ffdhe4096"), { coseId: -65548, keyEncryptionCoseId: -65549 });

const hpkeEncryptions: readonly HpkeEncryption[] = [hpkeXWing, hpkeX25519, hpkeP256, hpkeFfdhe2048, hpkeFfdhe3072, hpkeFfdhe4096];

/** One for each size of RSA key. */
const keyTransports: readonly KeyTransport[] = [rsaOaep2048, rsaOaep3072, rsaOaep4096];

/** Every encryption; a kind of key has one, and an identifier is never given to another. */
export const encryptions: readonly EncryptionAlgorithm[] = [...hpkeEncryptions, ...keyTransports];

/** The encryption that goes with a key of this kind, whatever suite it is used for. Error: CRYPTO_PUBLIC_KEY_WRONG for a kind without one. */
export function encryptionFor(publicKey: PublicKey): EncryptionAlgorithm {
  return forKind(encryptions, publicKey);
}

/** {@link encryptionFor} a key that agrees. Error: CRYPTO_PUBLIC_KEY_WRONG for a key of another kind. */
export function hpkeFor(publicKey: PublicKey): HpkeEncryption {
  return forKind(hpkeEncryptions, publicKey);
}

function forKind<T extends EncryptionAlgorithm>(algorithms: readonly T[], { kind }: PublicKey): T {
  const found = algorithms.find(({ keyKind }) => keyKind === kind);
  if (found === undefined) throw cryptoErrors.error("CRYPTO_PUBLIC_KEY_WRONG", { kind });
  return found;
}

function hpkeEncryption(kem: Kem, ids: Pick<HpkeEncryption, "coseId" | "keyEncryptionCoseId">): HpkeEncryption {
  return { form: "hpke", keyKind: kem.keyKind, ...ids, hpke: { kem, aead: hpkeAes256Gcm } };
}
