import { protocolLabel, protocolVersion } from "@sealane/link";
import { type ArtefactId, type Digest, encode, type Name } from "@sealane/wire";

/** Names of keys, files and contexts of the terminal's state. */

/** The terminal's private keys in its key store: for decryption and agreement the kind follows, then the token's id in hex. */
export const signingKeyPrefix = "terminal-sign-";
export const decryptionKeyPrefix = "terminal-decrypt-";
export const agreementKeyPrefix = "terminal-agree-";

/** The key of a terminal that listens without being enrolled; its kind follows. */
export const listenerKeyPrefix = "listener-decrypt-";

/** Version of every file of the state; its first element. */
export const stateVersion = 1;

/** `external_aad` of a content key that the terminal keeps, encrypted to itself, while a download lasts. */
export function keptKeyAad(binding: { readonly artefactId: ArtefactId; readonly licenceDigest: Digest }): Uint8Array {
  return encode([protocolLabel, protocolVersion, "terminal content key", binding.artefactId, binding.licenceDigest]);
}

/** `external_aad` of a wait for M3 that the terminal keeps, encrypted to itself. */
export function keptWaitAad(): Uint8Array {
  return encode([protocolLabel, protocolVersion, "terminal wait for M3"]);
}

/** `external_aad` of a group's secret that the terminal keeps, encrypted to itself, while the epoch lasts. */
export function keptGroupAad(of: { readonly group: Name; readonly epoch: number }): Uint8Array {
  return encode([protocolLabel, protocolVersion, "terminal group secret", of.group, of.epoch]);
}

/** `external_aad` of a link that the terminal keeps, encrypted to itself, until its answer has arrived. */
export function keptLinkAad(): Uint8Array {
  return encode([protocolLabel, protocolVersion, "terminal pending link"]);
}
