import { createCipheriv } from "node:crypto";
import { aeadTagBytes, type Randomness, type RunningDigest, sha256, startSha256, systemRandom } from "@sealane/crypto";
import type { ArtefactId, Digest } from "@sealane/wire";
import { type ArtefactLayout, layoutOf, listEntryBytes, segmentRange } from "./artefact-format.ts";
import { artefactIdOf, encodeHeaderFront } from "./artefact-header.ts";
import { ArtefactKeys, type ContentKey, segmentAad, segmentNonce, takeContentKey } from "./artefact-keys.ts";
import { sealListInPlace } from "./digest-list.ts";
import { softwareErrors } from "./errors.ts";
import { contentKeyBytes, defaultSegmentBytes, saltBytes } from "./limits.ts";

/** What sealing gives: what a licence and a release name, and the key that opens it. */
export interface SealedArtefact {
  readonly artefactId: ArtefactId;
  /** SHA-256 of the list of segment digests: the software's hash. */
  readonly listDigest: Digest;
  /** SHA-256 of the plaintext, as people compare it. */
  readonly sha256: Digest;
  readonly plaintextBytes: number;
  readonly segmentBytes: number;
  readonly fileBytes: number;
  readonly contentKey: ContentKey;
}

/** One segment as it stands in the file: the ciphertext, then the tag. */
export interface SealedSegment {
  readonly ciphertext: Uint8Array;
  readonly tag: Uint8Array;
}

export interface SealOptions {
  readonly plaintextBytes: number;
  /** 1 MiB unless told. */
  readonly segmentBytes?: number;
  readonly random?: Randomness;
}

/**
 * Seals a plaintext of known size, segment by segment in order, with a fresh content key (docs/protocol.md, sealed artefact).
 * Passes over the bulk: AES-256-GCM once, SHA-256 of the segment, of the whole and of the body.
 *
 * ```ts
 * const sealer = new ArtefactSealer({ plaintextBytes });
 * for (const plaintext of segments) store(sealer.sealSegment(plaintext)); // behind sealer.layout.headerBytes
 * const { header, sealed } = sealer.finish();
 * ```
 * Errors: ARTEFACT_SEGMENT_SIZE_WRONG, ARTEFACT_SIZE_EXCEEDED; ARTEFACT_SOURCE_CHANGED when the plaintext is not as announced.
 */
export class ArtefactSealer implements Disposable {
  readonly layout: ArtefactLayout;
  readonly #contentKey: ContentKey;
  readonly #salt: Uint8Array;
  readonly #keys: ArtefactKeys;
  /** Room for the whole header; the list is its end: digests of the plaintext segments, and 16 bytes for the tag. */
  readonly #header: Uint8Array;
  readonly #list: Uint8Array;
  readonly #whole: RunningDigest = startSha256();
  readonly #body: RunningDigest = startSha256();
  #next = 0;
  #finished = false;

  constructor(options: SealOptions) {
    const { plaintextBytes, segmentBytes = defaultSegmentBytes, random = systemRandom } = options;
    this.layout = layoutOf({ plaintextBytes, segmentBytes });
    this.#contentKey = takeContentKey(random.bytes(contentKeyBytes));
    this.#salt = random.bytes(saltBytes);
    this.#keys = ArtefactKeys.derive(this.#contentKey, this.#salt);
    this.#header = new Uint8Array(this.layout.headerBytes);
    this.#list = this.#header.subarray(-(this.layout.segments * listEntryBytes + aeadTagBytes));
  }

  /** Seals the next segment: all bytes of its range. */
  sealSegment(plaintext: Uint8Array): SealedSegment {
    const index = this.#next;
    const { segments } = this.layout;
    if (index >= segments || plaintext.length !== segmentRange(this.layout, index).plaintextBytes)
      throw softwareErrors.error("ARTEFACT_SOURCE_CHANGED", { segment: index });
    this.#next++;
    this.#list.set(sha256(plaintext), index * listEntryBytes);
    this.#whole.update(plaintext);
    const nonce = segmentNonce(this.#keys.noncePrefix, { index, segments });
    const cipher = this.#keys.segment.use((key) => createCipheriv("aes-256-gcm", key, nonce, { authTagLength: aeadTagBytes }));
    cipher.setAAD(segmentAad({ ...this.layout, salt: this.#salt }, index), { plaintextLength: plaintext.length });
    const ciphertext = cipher.update(plaintext);
    cipher.final();
    const tag = cipher.getAuthTag();
    this.#body.update(ciphertext);
    this.#body.update(tag);
    return { ciphertext, tag };
  }

  /** Makes the header after the last segment. The content key belongs to the caller from here on. */
  finish(): { readonly header: Uint8Array; readonly sealed: SealedArtefact } {
    const { layout } = this;
    if (this.#next !== layout.segments || this.#finished) throw softwareErrors.error("ARTEFACT_SOURCE_CHANGED", { segment: this.#next });
    this.#finished = true;
    const { plaintextBytes, segmentBytes, fileBytes } = layout;
    const { commitment } = this.#keys;
    const fields = { salt: this.#salt, plaintextBytes, segmentBytes, commitment, bodySha256: this.#body.digest() };
    const listDigest = sha256(this.#list.subarray(0, -aeadTagBytes));
    sealListInPlace(this.#keys, fields, this.#list);
    this.#keys[Symbol.dispose]();
    const header = this.#header;
    header.set(encodeHeaderFront(fields), 0);
    const sizes = { plaintextBytes, segmentBytes, fileBytes };
    const digests = { artefactId: artefactIdOf(header), listDigest, sha256: this.#whole.digest() };
    return { header, sealed: { ...digests, ...sizes, contentKey: this.#contentKey } };
  }

  /** Wipes the keys; the content key too, if the sealing was given up. */
  [Symbol.dispose](): void {
    this.#keys[Symbol.dispose]();
    if (!this.#finished) this.#contentKey[Symbol.dispose]();
  }
}

/** Seals bytes that are in memory into a whole artefact. Errors: those of {@link ArtefactSealer}. */
export function sealBytes(
  plaintext: Uint8Array,
  options: Omit<SealOptions, "plaintextBytes"> = {},
): { readonly artefact: Uint8Array; readonly sealed: SealedArtefact } {
  using sealer = new ArtefactSealer({ ...options, plaintextBytes: plaintext.length });
  const { layout } = sealer;
  const artefact = new Uint8Array(layout.fileBytes);
  for (let index = 0; index < layout.segments; index++) {
    const { plaintextStart, plaintextBytes, fileStart } = segmentRange(layout, index);
    const { ciphertext, tag } = sealer.sealSegment(plaintext.subarray(plaintextStart, plaintextStart + plaintextBytes));
    artefact.set(ciphertext, fileStart);
    artefact.set(tag, fileStart + plaintextBytes);
  }
  const { header, sealed } = sealer.finish();
  artefact.set(header, 0);
  return { artefact, sealed };
}
