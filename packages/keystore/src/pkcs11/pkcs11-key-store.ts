import {
  type AgreementKey,
  type DecryptionKey,
  type KeyKind,
  type KeyPurpose,
  keyKindsOf,
  type PublicKey,
  type SigningKey,
  type Suite,
} from "@sealane/crypto";
import { keystoreErrors } from "../errors.ts";
import { isKeyId, type KeyStore, requireKeyId } from "../key-store.ts";
import { canKeep } from "./key-types.ts";
import { requirePresent, type TokenAccess } from "./token-access.ts";
import { TokenKey } from "./token-key.ts";
import { destroyKey, findPrivateKeys, generateKey, labelOf } from "./token-objects.ts";

/**
 * Keeps each key in a PKCS #11 token, under its id as label, behind a beginning that the store has or has not; private keys are made there and never leave it (made by
 * `openPkcs11KeyStore`).
 *
 * Every method also throws what {@link TokenAccess.run} does; those that open a key KEYSTORE_TOKEN_KEY_AMBIGUOUS,
 * KEYSTORE_TOKEN_KEY_EXTRACTABLE and KEYSTORE_TOKEN_KEY_WRONG; `generate` KEYSTORE_TOKEN_KIND_UNSUPPORTED. Handles outlive the
 * token's absence: after KEYSTORE_TOKEN_GONE the next call works when the token is back. A key is not overwritten by stores of one
 * process; two processes that make it at once may both succeed, and then it is ambiguous. Where the session is lost while the token
 * makes or destroys a key, the second try may tell KEYSTORE_KEY_EXISTS or KEYSTORE_KEY_MISSING of what the first one did.
 */
export class Pkcs11KeyStore implements KeyStore, AsyncDisposable {
  readonly #access: TokenAccess;
  /** What stands before the id in every label. */
  readonly #prefix: string;

  constructor(access: TokenAccess, prefix = "") {
    this.#access = access;
    this.#prefix = prefix;
  }

  async generate(id: string, kind: KeyKind, purpose?: KeyPurpose): Promise<PublicKey> {
    const label = this.#label(id);
    return await this.#access.run((connection) => generateKey(connection, { label, kind, purpose: purpose ?? null }));
  }

  async publicKey(id: string): Promise<PublicKey> {
    return (await this.#find(id)).publicKey;
  }

  async signingKey(id: string): Promise<SigningKey> {
    return (await this.#find(id)).signingKey();
  }

  async decryptionKey(id: string): Promise<DecryptionKey> {
    return (await this.#find(id)).decryptionKey();
  }

  async agreementKey(id: string): Promise<AgreementKey> {
    return (await this.#find(id)).agreementKey();
  }

  async has(id: string): Promise<boolean> {
    const label = this.#label(id);
    return await this.#access.run(async (connection) => findPrivateKeys(connection, { label, id: null }).length > 0);
  }

  /** Keys whose label cannot be an id are passed over. */
  async list(): Promise<readonly string[]> {
    return await this.#access.run(async (connection) => {
      const labels = findPrivateKeys(connection, { label: null, id: null }).map((handle) => labelOf(connection, handle));
      const own = labels.filter((label) => label?.startsWith(this.#prefix) === true);
      return [...new Set(own.map((label) => label?.slice(this.#prefix.length) ?? "").filter(isKeyId))].sort();
    });
  }

  async remove(id: string): Promise<void> {
    const label = this.#label(id);
    await this.#access.run(async (connection) => destroyKey(connection, label));
  }

  /**
   * Makes sure that the token has the keys of some suites, before any is made.
   * Error: KEYSTORE_TOKEN_KIND_UNSUPPORTED, with the suite and the kind.
   */
  async requireSuites(suites: readonly Suite[]): Promise<void> {
    for (const suite of suites) {
      const { signing, decryption, agreement } = keyKindsOf([suite]);
      for (const kind of signing) await this.requireKind(kind, "sign", { suite: suite.name });
      for (const kind of decryption) await this.requireKind(kind, "decrypt", { suite: suite.name });
      for (const kind of agreement) await this.requireKind(kind, "agree", { suite: suite.name });
    }
  }

  /** Makes sure that the token can make and use such a key. Error: KEYSTORE_TOKEN_KIND_UNSUPPORTED, with the kind and what it is for. */
  async requireKind(kind: KeyKind, purpose: KeyPurpose, what: Readonly<Record<string, string>>): Promise<void> {
    const isThere = await this.#access.run(async ({ mechanisms }) => canKeep(mechanisms, { kind, purpose }));
    if (!isThere) throw keystoreErrors.error("KEYSTORE_TOKEN_KIND_UNSUPPORTED", { ...what, kind });
  }

  /** Makes sure that the token is there. */
  async requirePresent(): Promise<void> {
    await this.#access.run(async (connection) => requirePresent(connection));
  }

  /** Ends the session and wipes the PIN; handles that were given out work no more unless a PIN can be had again. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#access[Symbol.asyncDispose]();
  }

  async #find(id: string): Promise<TokenKey> {
    return await TokenKey.find(this.#access, { label: this.#label(id), id: null });
  }

  #label(id: string): string {
    requireKeyId(id);
    return this.#prefix + id;
  }
}
