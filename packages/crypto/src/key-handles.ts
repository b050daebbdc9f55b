import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { x25519Decapsulate } from "./dhkem.ts";
import { cryptoErrors } from "./errors.ts";
import { asBuffer, PublicKey } from "./public-key.ts";
import type { Secret } from "./secret.ts";
import { signWith } from "./signatures.ts";

/** A value now or later: a handle may stand for a token or a service. */
export type MaybePromise<T> = T | Promise<T>;

/** A private key that signs and does nothing else. */
export interface SigningKey {
  readonly purpose: "sign";
  readonly publicKey: PublicKey;
  sign(message: Uint8Array): MaybePromise<Uint8Array>;
}

/** A private key that opens what was encrypted to it and does nothing else. */
export interface DecryptionKey {
  readonly purpose: "decrypt";
  readonly publicKey: PublicKey;
  /** The KEM shared secret of an encapsulated key (RFC 9180, section 4.1). Error: CRYPTO_OPEN_FAILED. */
  decapsulate(encapsulated: Uint8Array): MaybePromise<Secret<"kem secret">>;
}

/** What a key is for. */
export type KeyPurpose = "sign" | "decrypt";

/** A private key in this process's memory, as a file key store holds it. */
export class SoftwareKey {
  readonly #object: KeyObject;
  readonly publicKey: PublicKey;

  private constructor(object: KeyObject) {
    this.#object = object;
    this.publicKey = PublicKey.fromObject(object);
  }

  /** Makes a new key of a kind. */
  static generate(kind: "ed25519" | "x25519"): SoftwareKey {
    // The overloads of generateKeyPairSync take one literal each.
    return new SoftwareKey(kind === "ed25519" ? generateKeyPairSync("ed25519").privateKey : generateKeyPairSync("x25519").privateKey);
  }

  /** Reads DER PKCS #8 (RFC 5958), of which no copy is kept; the caller wipes its own. Error: CRYPTO_PRIVATE_KEY_WRONG. */
  static fromPkcs8(der: Uint8Array): SoftwareKey {
    try {
      return new SoftwareKey(createPrivateKey({ key: asBuffer(der), format: "der", type: "pkcs8" }));
    } catch {
      throw cryptoErrors.error("CRYPTO_PRIVATE_KEY_WRONG"); // no cause: a parser's message may quote its input
    }
  }

  /** DER PKCS #8, for a key store to write and then to wipe. */
  toPkcs8(): Uint8Array {
    return this.#object.export({ type: "pkcs8", format: "der" });
  }

  /** A handle that signs. Error: CRYPTO_PRIVATE_KEY_WRONG for a key of another kind. */
  signingKey(): SigningKey {
    const object = this.#object;
    if (this.publicKey.kind !== "ed25519") throw cryptoErrors.error("CRYPTO_PRIVATE_KEY_WRONG", { kind: this.publicKey.kind });
    return { purpose: "sign", publicKey: this.publicKey, sign: (message) => signWith(object, message) };
  }

  /** A handle that opens. Error: CRYPTO_PRIVATE_KEY_WRONG for a key of another kind. */
  decryptionKey(): DecryptionKey {
    const { publicKey } = this;
    const object = this.#object;
    if (publicKey.kind !== "x25519") throw cryptoErrors.error("CRYPTO_PRIVATE_KEY_WRONG", { kind: publicKey.kind });
    return { purpose: "decrypt", publicKey, decapsulate: (encapsulated) => x25519Decapsulate(object, publicKey, encapsulated) };
  }

  toString(): string {
    return `[private key ${this.publicKey.kind}]`;
  }

  toJSON(): never {
    throw cryptoErrors.error("CRYPTO_SECRET_EXPOSED", { kind: "private key" });
  }
}
