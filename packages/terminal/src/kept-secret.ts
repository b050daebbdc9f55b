import { openWithPrivateKey, sealToPublicKey } from "@sealane/cose";
import { type DecryptionKey, encryptionFor, type PublicKey, type Randomness, Secret } from "@sealane/crypto";
import { decode, encode } from "@sealane/wire";
import { maxKeptBytes } from "./limits.ts";

/** Secrets that must survive a restart lie on the disk encrypted to the terminal's own decryption key, so that a token guards them. */

/** Encrypts a secret to this terminal; `externalAad` says what it is for. */
export function keepSecret(
  secret: Secret,
  owner: { readonly publicKey: PublicKey; readonly random: Randomness },
  externalAad: Uint8Array,
): Uint8Array {
  return secret.use((plaintext) => encode(sealToPublicKey(encryptionFor(owner.publicKey), owner, { plaintext, externalAad })));
}

/** Opens what {@link keepSecret} made. Errors: CRYPTO_OPEN_FAILED (another key or purpose), COSE_*, WIRE_*. */
export async function openKeptSecret<Kind extends string>(
  kept: Uint8Array,
  owner: { readonly key: DecryptionKey; readonly kind: Kind },
  externalAad: Uint8Array,
): Promise<Secret<Kind>> {
  const value = decode(kept, maxKeptBytes);
  return Secret.take(owner.kind, await openWithPrivateKey(encryptionFor(owner.key.publicKey), owner.key, { value, externalAad }));
}
