import { x25519Kem } from "./dhkem.ts";
import { cryptoErrors } from "./errors.ts";
import { type HpkeConfiguration, hpkeAes256Gcm } from "./hpke.ts";
import type { KeyKind, PublicKey } from "./public-key.ts";
import { ed25519, type SignatureAlgorithm } from "./signatures.ts";
import { xWingKem } from "./x-wing-kem.ts";

/** How one suite encrypts to a public key: HPKE under COSE algorithms of its own, one for each mode of draft-ietf-cose-hpke. */
export interface EncryptionAlgorithm {
  /** Integrated encryption, in COSE_Encrypt0. */
  readonly coseId: number;
  /** Key encryption, in the recipients of COSE_Encrypt. */
  readonly keyEncryptionCoseId: number;
  readonly hpke: HpkeConfiguration;
}

/** HPKE X25519, HKDF-SHA-256, AES-256-GCM under COSE's private-use identifiers -65537 and, for key encryption, -65540. */
export const hpkeX25519: EncryptionAlgorithm = {
  coseId: -65537,
  keyEncryptionCoseId: -65540,
  hpke: { kem: x25519Kem, aead: hpkeAes256Gcm },
};

/** HPKE X-Wing, HKDF-SHA-256, AES-256-GCM under COSE's private-use identifiers -65538 and, for key encryption, -65541. */
export const hpkeXWing: EncryptionAlgorithm = {
  coseId: -65538,
  keyEncryptionCoseId: -65541,
  hpke: { kem: xWingKem, aead: hpkeAes256Gcm },
};

export type SuiteName = "hybrid" | "x25519";

/** The algorithms of one link (docs/protocol.md, suites). */
export interface Suite {
  readonly name: SuiteName;
  /** The number that stands in messages. */
  readonly id: number;
  readonly encryption: EncryptionAlgorithm;
  readonly signature: SignatureAlgorithm;
}

/** The suite that is used unless another is asked for: what is recorded today stays secret from quantum computers. */
export const defaultSuite: Suite = { name: "hybrid", id: 2, encryption: hpkeXWing, signature: ed25519 };

/** The suites, the default first; a number is never given to another suite. */
export const suites: readonly Suite[] = [defaultSuite, { name: "x25519", id: 1, encryption: hpkeX25519, signature: ed25519 }];

/** The kinds of decryption key that the suites need, each once, the default suite's first; a party has one key of each. */
export const decryptionKinds: readonly KeyKind[] = [...new Set(suites.map(decryptionKindOf))];

/** The kind of decryption key that a suite needs at its recipient. */
export function decryptionKindOf({ encryption }: Suite): KeyKind {
  return encryption.hpke.kem.keyKind;
}

/** The encryption that goes with a key of this kind, whatever suite it is used for. Error: CRYPTO_PUBLIC_KEY_WRONG for a key that signs. */
export function encryptionFor({ kind }: PublicKey): EncryptionAlgorithm {
  const suite = suites.find((candidate) => decryptionKindOf(candidate) === kind);
  if (suite === undefined) throw cryptoErrors.error("CRYPTO_PUBLIC_KEY_WRONG", { kind });
  return suite.encryption;
}

/** The suite of a name. Error: CRYPTO_SUITE_UNKNOWN. */
export function suiteNamed(name: string): Suite {
  return found(
    suites.find((suite) => suite.name === name),
    name,
  );
}

/** The suite of a number in a message. Error: CRYPTO_SUITE_UNKNOWN. */
export function suiteNumbered(id: number): Suite {
  return found(
    suites.find((suite) => suite.id === id),
    id,
  );
}

function found(suite: Suite | undefined, wanted: string | number): Suite {
  if (suite === undefined) throw cryptoErrors.error("CRYPTO_SUITE_UNKNOWN", { suite: wanted });
  return suite;
}
