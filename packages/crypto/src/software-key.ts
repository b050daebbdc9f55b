import { createPrivateKey, type KeyObject } from "node:crypto";
import { concatBytes, equalBytes, type SealaneError } from "@sealane/wire";
import { xWingAgree } from "./agreement.ts";
import { cryptoErrors } from "./errors.ts";
import { asBuffer } from "./import-key.ts";
import type { AgreementKey, DecryptionKey, SigningKey } from "./key-handles.ts";
import { type NativeKeyType, nativeKeyType, nativeKeyTypeOf } from "./native-keys/index.ts";
import { type KeyKind, PublicKey } from "./public-key.ts";
import { systemRandom } from "./random.ts";
import { Secret } from "./secret.ts";
import { expandXWingSeed, type XWingHalves, xWingDecapsulate, xWingPkcs8Prefix, xWingSeedBytes } from "./x-wing.ts";

/** What is held of a private key: a key of `node:crypto`, or a hybrid's seed with its two halves. */
type Held =
  | { readonly native: KeyObject; readonly type: NativeKeyType }
  | { readonly seed: Secret<"x-wing seed">; readonly halves: XWingHalves };

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
    if (kind === "x-wing") return SoftwareKey.#ofSeed(systemRandom.bytes(xWingSeedBytes));
    return SoftwareKey.#ofNative(nativeKeyType(kind).generate());
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
    const { native, type } = this.#native();
    const { sign, signBlock } = type;
    if (sign === undefined) throw this.#unfit();
    const raw = signBlock === undefined ? {} : { signBlock: (block: Uint8Array): Uint8Array => signBlock(native, block) };
    return { purpose: "sign", publicKey, sign: (message) => sign(native, message), ...raw };
  }

  /** A handle that opens. Error: CRYPTO_PRIVATE_KEY_WRONG for a key of another kind. */
  decryptionKey(): DecryptionKey {
    const { publicKey } = this;
    const held = this.#held;
    if ("halves" in held) {
      const own = { halves: held.halves, raw: publicKey.raw };
      return { purpose: "decrypt", publicKey, decapsulate: (encapsulated) => xWingDecapsulate(own, encapsulated, "CRYPTO_OPEN_FAILED") };
    }
    const { decapsulate } = held.type;
    if (decapsulate === undefined) throw this.#unfit();
    return { purpose: "decrypt", publicKey, decapsulate: (encapsulated) => decapsulate(held.native, encapsulated) };
  }

  /** A handle that agrees on secrets. Error: CRYPTO_PRIVATE_KEY_WRONG for a key of another kind. */
  agreementKey(): AgreementKey {
    const { publicKey } = this;
    const held = this.#held;
    if ("halves" in held) {
      const own = { halves: held.halves, raw: publicKey.raw };
      return { purpose: "agree", publicKey, agree: (value) => xWingAgree(own, value) };
    }
    const { agree } = held.type;
    if (agree === undefined) throw this.#unfit();
    return { purpose: "agree", publicKey, agree: (value) => agree(held.native, value) };
  }

  toString(): string {
    return `[private key ${this.publicKey.kind}]`;
  }

  toJSON(): never {
    throw cryptoErrors.error("CRYPTO_SECRET_EXPOSED", { kind: "private key" });
  }

  #native(): Extract<Held, { readonly native: KeyObject }> {
    if ("native" in this.#held) return this.#held;
    throw this.#unfit();
  }

  #unfit(): SealaneError {
    return cryptoErrors.error("CRYPTO_PRIVATE_KEY_WRONG", { kind: this.publicKey.kind });
  }

  static #ofNative(native: KeyObject): SoftwareKey {
    return new SoftwareKey({ native, type: nativeKeyTypeOf(native) }, PublicKey.fromObject(native));
  }

  static #ofSeed(seed: Uint8Array): SoftwareKey {
    const { publicRaw, ...halves } = expandXWingSeed(seed);
    return new SoftwareKey({ seed: Secret.take("x-wing seed", seed), halves }, PublicKey.fromRaw("x-wing", publicRaw));
  }
}
