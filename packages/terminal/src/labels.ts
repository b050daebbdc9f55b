import { protocolLabel, protocolVersion } from "@sealane/link";
import { type ArtefactId, type Digest, encode } from "@sealane/wire";

/** Names of keys, files and contexts of the terminal's state. */

/** The terminal's private keys in its key store: for decryption the kind follows, then the token's id in hex. */
export const signingKeyPrefix = "terminal-sign-";
export const decryptionKeyPrefix = "terminal-decrypt-";

/** Version of every file of the state; its first element. */
export const stateVersion = 1;

/** `external_aad` of a content key that the terminal keeps, encrypted to itself, while a download lasts. */
export function keptKeyAad(binding: { readonly artefactId: ArtefactId; readonly licenceDigest: Digest }): Uint8Array {
  return encode([protocolLabel, protocolVersion, "terminal content key", binding.artefactId, binding.licenceDigest]);
}

/** `external_aad` of a link that the terminal keeps, encrypted to itself, until its answer has arrived. */
export function keptLinkAad(): Uint8Array {
  return encode([protocolLabel, protocolVersion, "terminal pending link"]);
}
