import {
  type AgreementKey,
  cryptoErrors,
  type DecryptionKey,
  isRsaKind,
  type KeyPurpose,
  oaepUnpad,
  PublicKey,
  possessionOf,
  rsaModulusOf,
  Secret,
  type SigningKey,
} from "@sealane/crypto";
import { equalBytes } from "@sealane/wire";
import { keystoreErrors } from "../errors.ts";
import type { Connection, TokenAccess } from "./token-access.ts";
import { type FoundKey, findKey } from "./token-objects.ts";
import { decryptRaw, deriveSecret, isBelowModulus, signatureBy, signBlockBy } from "./token-operations.ts";
import type { KeySelector } from "./uri.ts";

/** A private key in a token: what this process has of it is its name. */
export class TokenKey {
  readonly #access: TokenAccess;
  readonly #selector: KeySelector;
  #found: { readonly connection: Connection; readonly key: FoundKey };

  private constructor(access: TokenAccess, selector: KeySelector, found: { readonly connection: Connection; readonly key: FoundKey }) {
    this.#access = access;
    const { id } = found.key;
    this.#selector = { label: selector.label, id: id.length === 0 ? selector.id : id };
    this.#found = found;
  }

  /** Finds a key. Errors: those of {@link findKey} and of {@link TokenAccess.run}. */
  static async find(access: TokenAccess, selector: KeySelector): Promise<TokenKey> {
    return await access.run(async (connection) => new TokenKey(access, selector, { connection, key: findKey(connection, selector) }));
  }

  get publicKey(): PublicKey {
    return this.#found.key.publicKey;
  }

  /** A handle that signs. Error: CRYPTO_PRIVATE_KEY_WRONG for a key that may not. */
  signingKey(): SigningKey {
    this.#require("sign");
    const { publicKey } = this;
    const signBlock = async (block: Uint8Array): Promise<Uint8Array> => await this.#run(signBlockBy(publicKey, block));
    return {
      purpose: "sign",
      publicKey,
      sign: async (message) => await this.#run(signatureBy(publicKey, message)),
      ...(isRsaKind(publicKey.kind) ? { signBlock } : {}),
    };
  }

  /** A handle that opens. Error: CRYPTO_PRIVATE_KEY_WRONG for a key that may not. */
  decryptionKey(): DecryptionKey {
    this.#require("decrypt");
    const { publicKey } = this;
    if (isRsaKind(publicKey.kind)) {
      return { purpose: "decrypt", publicKey, decapsulate: async (encapsulated) => await this.#unwrap(encapsulated) };
    }
    const { decapsulate } = possessionOf(this.#agreement());
    return { purpose: "decrypt", publicKey, decapsulate };
  }

  /** A handle that agrees on secrets. Error: CRYPTO_PRIVATE_KEY_WRONG for a key that may not. */
  agreementKey(): AgreementKey {
    this.#require("agree");
    return this.#agreement();
  }

  #agreement(): AgreementKey {
    const { publicKey } = this;
    return {
      purpose: "agree",
      publicKey,
      agree: async (value) => Secret.take("agreed secret", await this.#run(deriveSecret(publicKey, requireShare(publicKey, value)))),
    };
  }

  /** Like every wrong ciphertext, one of another length or not below the modulus gives a random key, from `oaepUnpad`. */
  async #unwrap(encapsulated: Uint8Array): Promise<Secret<"kem secret">> {
    const fitting = isBelowModulus(this.publicKey, encapsulated);
    const block = fitting ? await this.#run(decryptRaw(encapsulated)) : new Uint8Array(rsaModulusOf(this.publicKey).length);
    try {
      return oaepUnpad(block);
    } finally {
      block.fill(0);
    }
  }

  #require(purpose: KeyPurpose): void {
    const { publicKey, purposes } = this.#found.key;
    if (!purposes.has(purpose)) throw cryptoErrors.error("CRYPTO_PRIVATE_KEY_WRONG", { kind: publicKey.kind });
  }

  /** Does something with the key, which is looked for again in a new session: the token there may be another. */
  async #run<T>(operation: (connection: Connection, key: FoundKey) => Promise<T>): Promise<T> {
    return await this.#access.run(async (connection) => {
      if (this.#found.connection !== connection) {
        const key = findKey(connection, this.#selector);
        if (!equalBytes(key.publicKey.spki, this.publicKey.spki)) throw keystoreErrors.error("KEYSTORE_KEY_MISSING");
        this.#found = { connection, key };
      }
      return await operation(connection, this.#found.key);
    });
  }
}

/** A token may not look closely at a value. Error: CRYPTO_SHARE_WRONG. */
function requireShare({ kind }: PublicKey, value: Uint8Array): Uint8Array {
  try {
    return PublicKey.fromRaw(kind, value).raw;
  } catch {
    throw cryptoErrors.error("CRYPTO_SHARE_WRONG");
  }
}
