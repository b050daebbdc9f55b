import { agreeAsRecipient, type DhGroup, type DhKeyPair } from "./dh-group.ts";
import { cryptoErrors } from "./errors.ts";
import { type FfdheKind, ffdheGroup } from "./ffdhe.ts";
import type { NativeKeyType } from "./native-keys/native-key-type.ts";
import { p256Group } from "./p256.ts";
import type { KeyKind } from "./public-key.ts";
import type { Randomness } from "./random.ts";
import { Secret } from "./secret.ts";
import {
  expandXWingSeed,
  importXWingPublic,
  type XWingHalves,
  xWingCiphertextBytes,
  xWingDecapsulate,
  xWingEncapsulate,
  xWingPublicBytes,
} from "./x-wing.ts";
import { x25519Group } from "./x25519.ts";

/**
 * How one suite agrees on a secret: Diffie-Hellman, or a KEM in its place (docs/protocol.md, suites).
 *
 * The owner of g^x is the one who holds a seed, or an `AgreementKey`; the other party answers with g^y. A KEM allows this order
 * only: its g^y is a ciphertext to g^x. All values are of fixed length and have one encoding. g^xy has 32 bytes, and in a finite-field
 * group as many as the modulus, with leading zeros (256, 384 or 512).
 */
export interface Agreement {
  /** The kind of a static agreement key, whose raw public key is g^x. */
  readonly keyKind: KeyKind;
  /** Bytes of g^x. */
  readonly publicBytes: number;
  /** Bytes of g^y. */
  readonly valueBytes: number;
  /** A fresh ephemeral g^x from a new 32-byte seed. The seed completes one agreement and is wiped; only a group's is kept. */
  generate(random: Randomness): { readonly publicValue: Uint8Array; readonly seed: Secret<"agreement seed"> };
  /**
   * A fresh g^y, and g^xy, for the owner of g^x. The exponent behind g^y is forgotten here.
   * Error: CRYPTO_SHARE_WRONG for a g^x that is no valid share.
   */
  respond(publicValue: Uint8Array, random: Randomness): { readonly value: Uint8Array; readonly shared: Secret<"agreed secret"> };
  /**
   * g^xy at the owner of the seed. X-Wing cannot tell a changed ciphertext of ML-KEM: it gives another secret.
   * Errors: CRYPTO_SHARE_WRONG for a g^y of wrong length, of small order, outside the curve or subgroup, or in a second encoding;
   * CRYPTO_PRIVATE_KEY_WRONG.
   */
  complete(seed: Secret<"agreement seed">, value: Uint8Array): Secret<"agreed secret">;
  /** g^x of a seed. Error: CRYPTO_PRIVATE_KEY_WRONG for a seed that has not 32 bytes. */
  publicOf(seed: Secret<"agreement seed">): Uint8Array;
}

/** Bytes of every suite's seed: a scalar of X25519, the private key of X-Wing, or what an exponent is derived from. */
export const agreementSeedBytes = 32;

/** X25519 (RFC 7748, section 6.1): g^xy is the shared u-coordinate, never all-zero. */
export const x25519Agreement: Agreement = dhAgreement(x25519Group);

/** P-256 (NIST SP 800-56A, section 5.7.1.2): g^xy is the x-coordinate of the shared point. */
export const p256Agreement: Agreement = dhAgreement(p256Group);

/** A finite-field group of RFC 7919: g^xy is never 0, 1 or p - 1. */
export function ffdheAgreement(kind: FfdheKind): Agreement {
  return dhAgreement(ffdheGroup(kind));
}

/** X-Wing as the group (draft-connolly-cfrg-xwing-kem): g^x is a public key, g^y a ciphertext to it, g^xy its secret. */
export const xWingAgreement: Agreement = {
  keyKind: "x-wing",
  publicBytes: xWingPublicBytes,
  valueBytes: xWingCiphertextBytes,
  generate: (random) => generate(xWingAgreement, random),
  respond(publicValue, random) {
    const { encapsulated: value, secret } = xWingEncapsulate({ halves: importShare(publicValue), raw: publicValue }, random);
    return { value, shared: asAgreed(secret) };
  },
  complete(seed, value) {
    const { publicRaw: raw, ...halves } = xWingOfSeed(seed);
    return xWingAgree({ halves, raw }, value);
  },
  publicOf: (seed) => xWingOfSeed(seed).publicRaw,
};

/** g^xy at the owner of a group's private key; for key handles only. Error: CRYPTO_SHARE_WRONG. */
export function dhAgree(group: DhGroup): NonNullable<NativeKeyType["agree"]> {
  return (privateKey, value) => Secret.take("agreed secret", agreeAsRecipient(group, privateKey, value, "CRYPTO_SHARE_WRONG"));
}

/** g^xy at the owner of an X-Wing private key; for key handles only. Error: CRYPTO_SHARE_WRONG. */
export function xWingAgree(own: { readonly halves: XWingHalves; readonly raw: Uint8Array }, value: Uint8Array): Secret<"agreed secret"> {
  return asAgreed(xWingDecapsulate(own, value, "CRYPTO_SHARE_WRONG"));
}

function dhAgreement(group: DhGroup): Agreement {
  const ofSeed = (seed: Secret<"agreement seed">): DhKeyPair => useSeed(seed, (bytes) => group.keyPairOf(Uint8Array.from(bytes))); // which wipes the copy
  const agree = dhAgree(group);
  const agreement: Agreement = {
    keyKind: group.keyKind,
    publicBytes: group.valueBytes,
    valueBytes: group.valueBytes,
    generate: (random) => generate(agreement, random),
    respond(publicValue, random) {
      const { privateKey, publicRaw: value } = group.keyPairOf(random.bytes(agreementSeedBytes));
      return { value, shared: agree(privateKey, publicValue) };
    },
    complete: (seed, value) => agree(ofSeed(seed).privateKey, value),
    publicOf: (seed) => ofSeed(seed).publicRaw,
  };
  return agreement;
}

function generate(agreement: Agreement, random: Randomness): ReturnType<Agreement["generate"]> {
  const seed = Secret.take("agreement seed", random.bytes(agreementSeedBytes));
  return { publicValue: agreement.publicOf(seed), seed };
}

function xWingOfSeed(seed: Secret<"agreement seed">): ReturnType<typeof expandXWingSeed> {
  return useSeed(seed, expandXWingSeed);
}

function useSeed<T>(seed: Secret<"agreement seed">, reader: (bytes: Uint8Array) => T): T {
  if (seed.length !== agreementSeedBytes) throw cryptoErrors.error("CRYPTO_PRIVATE_KEY_WRONG", { bytes: seed.length });
  return seed.use(reader);
}

function importShare(publicValue: Uint8Array): XWingHalves {
  try {
    return importXWingPublic(publicValue);
  } catch {
    throw cryptoErrors.error("CRYPTO_SHARE_WRONG");
  }
}

/** A KEM's secret under the name that it has here. */
function asAgreed(secret: Secret<"kem secret">): Secret<"agreed secret"> {
  using taken = secret;
  return taken.use((bytes) => Secret.copy("agreed secret", bytes));
}
