import { openUnderKey, sealUnderKey } from "@sealane/cose";
import { type Randomness, Secret } from "@sealane/crypto";
import { type ArtefactId, type Digest, decode, encode, type Name, type TranscriptHash } from "@sealane/wire";
import { anonymousRecipient, protocolLabel, protocolVersion } from "./labels.ts";

/** What a wrapped content key is bound to, beside the link and its recipient. */
export interface WrapBinding {
  readonly artefactId: ArtefactId;
  /** SHA-256 of the licence that allows the use of the artefact. */
  readonly licenceDigest: Digest;
  readonly random: Randomness;
  readonly nowSeconds: number;
}

interface FullBinding extends Pick<WrapBinding, "artefactId" | "licenceDigest"> {
  readonly recipient: Name | null;
  readonly th: TranscriptHash;
}

/** Bytes of an encoded wrap: 32 key bytes, tag, IV and headers. */
const maxWrapBytes = 256;

/** COSE_Encrypt0 of the content key; external_aad binds artefact, licence, recipient and link. */
export function wrapContentKey(
  key: Uint8Array,
  contentKey: Secret<"content key">,
  binding: FullBinding & { readonly random: Randomness },
): Uint8Array {
  return contentKey.use((plaintext) => encode(sealUnderKey(key, binding.random, { plaintext, externalAad: wrapAad(binding) })));
}

/** Opens a wrap. Errors: CRYPTO_OPEN_FAILED, COSE_STRUCTURE_WRONG, COSE_HEADER_WRONG, those of `decode`. */
export function unwrapContentKey(key: Uint8Array, wrapped: Uint8Array, binding: FullBinding): Secret<"content key"> {
  const value = decode(wrapped, maxWrapBytes);
  return Secret.take("content key", openUnderKey(key, { value, externalAad: wrapAad(binding) }));
}

function wrapAad({ artefactId, licenceDigest, recipient, th }: FullBinding): Uint8Array {
  return encode([protocolLabel, protocolVersion, "wrap", artefactId, licenceDigest, recipient ?? anonymousRecipient, th]);
}
