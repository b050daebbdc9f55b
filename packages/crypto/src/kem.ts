import type { KeyKind, PublicKey } from "./public-key.ts";
import type { Randomness } from "./random.ts";
import type { Secret } from "./secret.ts";

/** A key encapsulation mechanism as HPKE uses it (RFC 9180, section 4); its recipient's half is a `DecryptionKey`. */
export interface Kem {
  /** HPKE's identifier. */
  readonly id: number;
  readonly keyKind: KeyKind;
  /** Makes a secret for the owner of `publicKey`. Error: CRYPTO_PUBLIC_KEY_WRONG. */
  encapsulate(publicKey: PublicKey, random: Randomness): { readonly encapsulated: Uint8Array; readonly secret: Secret<"kem secret"> };
  /** The secret of an encapsulated key, which is a g^y to the recipient's g^x, from their g^xy, which is taken over. */
  secretOf(shared: Uint8Array, values: { readonly encapsulated: Uint8Array; readonly recipientRaw: Uint8Array }): Secret<"kem secret">;
}
