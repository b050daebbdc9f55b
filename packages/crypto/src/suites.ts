import { type Agreement, ffdheAgreement, p256Agreement, x25519Agreement, xWingAgreement } from "./agreement.ts";
import { type EncryptionAlgorithm, hpkeP256, hpkeX25519, hpkeXWing } from "./encryption.ts";
import { cryptoErrors } from "./errors.ts";
import { pssR } from "./pss-r.ts";
import type { KeyKind, PublicKey } from "./public-key.ts";
import type { RecoveryAlgorithm } from "./recovery.ts";
import { rsaOaep2048, rsaOaep3072, rsaOaep4096 } from "./rsa-oaep.ts";
import { ed25519, esp256, mlDsa65, ps256, type SignatureAlgorithm } from "./signatures.ts";

/** The suites by name. */
export type SuiteName = "hybrid" | "x25519" | "p256" | "rsa2048" | "rsa3072" | "rsa4096" | "pq";

/** The algorithms of one link (docs/protocol.md, suites). */
export interface Suite {
  readonly name: SuiteName;
  /** The number that stands in messages. */
  readonly id: number;
  readonly encryption: EncryptionAlgorithm;
  readonly signature: SignatureAlgorithm;
  /** The one kind of key that signs. */
  readonly signingKind: KeyKind;
  /** For a message that a signature is to give back: null where the message is carried beside it. */
  readonly recovery: RecoveryAlgorithm | null;
  readonly agreement: Agreement;
  /** How strong it is beside others (docs/protocol.md, strength of suites). Equal numbers are not told apart. */
  readonly strength: SuiteStrength;
}

/**
 * 3: secrets and signatures stand against quantum computers; 2: secrets do, as long as one of X25519 and ML-KEM-768 stands; 1: neither does,
 * and no other computer does it in fewer than 2^128 steps; 0: in 2^112 steps (NIST SP 800-57, part 1, table 2).
 */
export type SuiteStrength = 0 | 1 | 2 | 3;

/** The suite that is used unless another is asked for: what is recorded today stays secret from quantum computers. */
export const defaultSuite: Suite = {
  name: "hybrid",
  id: 2,
  encryption: hpkeXWing,
  signature: ed25519,
  signingKind: "ed25519",
  recovery: null,
  agreement: xWingAgreement,
  strength: 2,
};

/** As the default one, with signatures that a quantum computer cannot forge. */
const pqSuite: Suite = { ...defaultSuite, name: "pq", id: 7, signature: mlDsa65, signingKind: "ml-dsa-65", strength: 3 };

/** The smallest messages. */
const x25519Suite: Suite = {
  name: "x25519",
  id: 1,
  encryption: hpkeX25519,
  signature: ed25519,
  signingKind: "ed25519",
  recovery: null,
  agreement: x25519Agreement,
  strength: 1,
};

/** What hardware tokens have. */
const p256Suite: Suite = {
  name: "p256",
  id: 3,
  encryption: hpkeP256,
  signature: esp256,
  signingKind: "p256",
  recovery: null,
  agreement: p256Agreement,
  strength: 1,
};

/** The source's own algorithms, with keys and a group of one size. */
const rsaSuites: readonly Suite[] = [
  rsaSuite("rsa2048", { id: 4, encryption: rsaOaep2048, agreement: ffdheAgreement("ffdhe2048"), strength: 0 }),
  rsaSuite("rsa3072", { id: 5, encryption: rsaOaep3072, agreement: ffdheAgreement("ffdhe3072"), strength: 1 }),
  rsaSuite("rsa4096", { id: 6, encryption: rsaOaep4096, agreement: ffdheAgreement("ffdhe4096"), strength: 1 }),
];

/** The suites, those first that stay secret from quantum computers, and of all the default; a number is never given to another suite. */
export const suites: readonly Suite[] = [defaultSuite, pqSuite, x25519Suite, p256Suite, ...rsaSuites];

/** The suites that a party has keys for unless it is told others. */
export const standardSuites: readonly Suite[] = [defaultSuite, x25519Suite];

/** The kinds of key that a party needs, in the order of its suites: one key of each for each purpose. */
export interface KeyKinds {
  /** The first signs what belongs to no suite. */
  readonly signing: readonly KeyKind[];
  readonly decryption: readonly KeyKind[];
  readonly agreement: readonly KeyKind[];
}

/** The kinds of key that some suites need, each once, in the order of the suites. */
export function keyKindsOf(some: readonly Suite[]): KeyKinds {
  return {
    signing: [...new Set(some.map(({ signingKind }) => signingKind))],
    decryption: [...new Set(some.map(decryptionKindOf))],
    agreement: [...new Set(some.map(({ agreement }) => agreement.keyKind))],
  };
}

/** The suites, in their order, that a party can take part in whose keys are of these kinds. */
export function suitesOfKinds(held: KeyKinds): readonly Suite[] {
  return suites.filter((suite) => {
    const { signing, decryption, agreement } = keyKindsOf([suite]);
    const hasAll = (needed: readonly KeyKind[], own: readonly KeyKind[]): boolean => needed.every((kind) => own.includes(kind));
    return hasAll(signing, held.signing) && hasAll(decryption, held.decryption) && hasAll(agreement, held.agreement);
  });
}

/** The suites, in their order, that a party can take part in that has these keys or certificates. */
export function suitesOfKeys(held: Readonly<Record<keyof KeyKinds, readonly { readonly publicKey: PublicKey }[]>>): readonly Suite[] {
  const kindsOf = (keys: readonly { readonly publicKey: PublicKey }[]): readonly KeyKind[] => keys.map(({ publicKey }) => publicKey.kind);
  const { signing, decryption, agreement } = held;
  return suitesOfKinds({ signing: kindsOf(signing), decryption: kindsOf(decryption), agreement: kindsOf(agreement) });
}

/** The same suites, the strongest first; of equal ones the first stays the first. */
export function strongestFirst(some: readonly Suite[]): readonly Suite[] {
  return some.toSorted((a, b) => b.strength - a.strength);
}

/** The kind of decryption key that a suite needs at its recipient. */
export function decryptionKindOf({ encryption }: Suite): KeyKind {
  return encryption.keyKind;
}

/** {@link keyKindsOf} the standard suites. */
export const standardKinds: KeyKinds = keyKindsOf(standardSuites);

/** The suites of some names, each once and in the order of {@link suites}. Errors: CRYPTO_SUITE_UNKNOWN, also for none. */
export function suitesNamed(names: readonly string[]): readonly Suite[] {
  const wanted = names.map(suiteNamed);
  if (wanted.length === 0) throw cryptoErrors.error("CRYPTO_SUITE_UNKNOWN", { suite: "" });
  return suites.filter((suite) => wanted.includes(suite));
}

/** How the suites with agreement keys of this kind agree. Error: CRYPTO_PUBLIC_KEY_WRONG for a kind that does not. */
export function agreementFor(kind: KeyKind): Agreement {
  const suite = suites.find(({ agreement }) => agreement.keyKind === kind);
  if (suite === undefined) throw cryptoErrors.error("CRYPTO_PUBLIC_KEY_WRONG", { kind });
  return suite.agreement;
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

function rsaSuite(
  name: Extract<SuiteName, `rsa${string}`>,
  { id, encryption, agreement, strength }: Pick<Suite, "id" | "encryption" | "agreement" | "strength">,
): Suite {
  return { name, id, encryption, signature: ps256, signingKind: name, recovery: pssR, agreement, strength };
}
