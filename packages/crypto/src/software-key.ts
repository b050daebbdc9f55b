import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { concatBytes, equalBytes } from "@sealane/wire";
import { x25519Decapsulate } from "./dhkem.ts";
import { cryptoErrors } from "./errors.ts";
import { asBuffer } from "./import-key.ts";
import type { DecryptionKey, SigningKey } from "./key-handles.ts";
import { type KeyKind, PublicKey } from "./public-key.ts";
import { systemRandom } from "./random.ts";
import { Secret } from "./secret.ts";
import { signWith } from "./signatures.ts";
import { expandXWingSeed, type XWingHalves, xWingDecapsulate, xWingPkcs8Prefix, xWingSeedBytes } from "./x-wing.ts";

/** What is held of a private key: a key of `node:crypto`, or a hybrid's seed with its two halves. */
type Held = { readonly native: KeyObject } | { readonly seed: Secret<"x-wing seed">; readonly halves: XWingHalves };

/** A private key in this process's memory, as a file key store holds it. */
export class SoftwareKey {
  readonly #held: Held;
  readonly publicKey: PublicKey;

  private constructor(held: Held, publicKey: PublicKey) {
    this.#held = held;
    this.publicKey = publicKey;
  }

  /** Makes a new key of a kind. */
  static generate(kind: KeyKind): SoftwareKey {
    // The overloads of generateKeyPairSync take one literal each.
    if (kind === "ed25519") return SoftwareKey.#ofNative(generateKeyPairSync("ed25519").privateKey);
    if (kind === "x25519") return SoftwareKey.#ofNative(generateKeyPairSync("x25519").privateKey);
    return SoftwareKey.#ofSeed(systemRandom.bytes(xWingSeedBytes));
  }

  /** Reads DER PKCS #8 (RFC 5958), of which no copy is kept; the caller wipes its own. Error: CRYPTO_PRIVATE_KEY_WRONG. */
  static fromPkcs8(der: Uint8Array): SoftwareKey {
    try {
      const { length } = xWingPkcs8Prefix;
      const isXWing = der.length === length + xWingSeedBytes && equalBytes(der.subarray(0, length), xWingPkcs8Prefix);
      if (isXWing) return SoftwareKey.#ofSeed(Uint8Array.from(der.subarray(length)));
      return SoftwareKey.#ofNative(createPrivateKey({ key: asBuffer(der), format: "der", type: "pkcs8" }));
    } catch {
      throw cryptoErrors.error("CRYPTO_PRIVATE_KEY_WRONG"); // no cause: a parser's message may quote its input
    }
  }

  /** DER PKCS #8, for a key store to write and then to wipe. */
  toPkcs8(): Uint8Array {
    const held = this.#held;
    if ("native" in held) return held.native.export({ type: "pkcs8", format: "der" });
    return held.seed.use((seed) => concatBytes(xWingPkcs8Prefix, seed));
  }

  /** A handle that signs. Error: CRYPTO_PRIVATE_KEY_WRONG for a key of another kind. */
  signingKey(): SigningKey {
    const { publicKey } = this;
    const held = this.#held;
    if (publicKey.kind !== "ed25519" || !("native" in held)) throw cryptoErrors.error("CRYPTO_PRIVATE_KEY_WRONG", { kind: publicKey.kind });
    return { purpose: "sign", publicKey, sign: (message) => signWith(held.native, message) };
  }

  /** A handle that opens. Error: CRYPTO_PRIVATE_KEY_WRONG for a key of another kind. */
  decryptionKey(): DecryptionKey {
    const { publicKey } = this;
    const held = this.#held;
    if (publicKey.kind === "ed25519") throw cryptoErrors.error("CRYPTO_PRIVATE_KEY_WRONG", { kind: publicKey.kind });
    if ("native" in held) {
      return { purpose: "decrypt", publicKey, decapsulate: (encapsulated) => x25519Decapsulate(held.native, publicKey, encapsulated) };
    }
    const own = { halves: held.halves, raw: publicKey.raw };
    return { purpose: "decrypt", publicKey, decapsulate: (encapsulated) => xWingDecapsulate(own, encapsulated) };
  }

  toString(): string {
    return `[private key ${this.publicKey.kind}]`;
  }

  toJSON(): never {
    throw cryptoErrors.error("CRYPTO_SECRET_EXPOSED", { kind: "private key" });
  }

  static #ofNative(native: KeyObject): SoftwareKey {
    return new SoftwareKey({ native }, PublicKey.fromObject(native));
  }

  static #ofSeed(seed: Uint8Array): SoftwareKey {
    const { publicRaw, ...halves } = expandXWingSeed(seed);
    return new SoftwareKey({ seed: Secret.take("x-wing seed", seed), halves }, PublicKey.fromRaw("x-wing", publicRaw));
  }
}
