import type { MaybePromise, SigningKey } from "./key-handles.ts";
import type { PublicKey } from "./public-key.ts";

/** What a signature with recovery covers: the message, whose beginning it gives back, and what binds it to its place. */
export interface RecoveryInput {
  /** COSE's protected header and external_aad. */
  readonly protectedBytes: Uint8Array;
  readonly externalAad: Uint8Array;
}

/** A signature that gives back its message, or as much of it as it has room for (ISO/IEC 9796-2). */
export interface RecoveryAlgorithm {
  readonly coseId: number;
  /** Signs a message; `rest` is what the signature has no room for. Error: CRYPTO_PRIVATE_KEY_WRONG for a key without `signBlock`. */
  sign(
    key: SigningKey,
    message: Uint8Array,
    input: RecoveryInput,
  ): MaybePromise<{ readonly signature: Uint8Array; readonly rest: Uint8Array }>;
  /** Gives the whole message. Errors: CRYPTO_SIGNATURE_WRONG, CRYPTO_PUBLIC_KEY_WRONG. */
  recover(publicKey: PublicKey, signed: { readonly signature: Uint8Array; readonly rest: Uint8Array }, input: RecoveryInput): Uint8Array;
}
