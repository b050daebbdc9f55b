import { aeadOpen, sha256 } from "@sealane/crypto";
import { type ArtefactId, type Digest, digest, equalBytes, hasCode } from "@sealane/wire";
import { type ArtefactLayout, type ArtefactSizes, listEntryBytes, segmentRange } from "./artefact-format.ts";
import { type ArtefactHeader, artefactIdOf, parseHeader } from "./artefact-header.ts";
import { ArtefactKeys, type ContentKey, segmentAad, segmentNonce } from "./artefact-keys.ts";
import { openList } from "./digest-list.ts";
import { softwareErrors } from "./errors.ts";

/** What an artefact must be, as its licence says. */
export interface ExpectedArtefact {
  readonly artefactId: ArtefactId;
  readonly listDigest: Digest;
}

/**
 * Opens the segments of one artefact, in any order and each by itself, so also in parallel, resumed or while they arrive
 * (requirement STREAM). Nothing is given out before it is authentic under the content key **and** has the digest that the list
 * names: another holder of the content key could make the first, not the second.
 *
 * ```ts
 * using opener = new ArtefactOpener(header, { contentKey, expected: licence });
 * const plaintext = opener.openSegment(0, sealed);
 * ```
 * The constructor checks, in this order: the header's form (ARTEFACT_FORMAT_WRONG, ARTEFACT_TRUNCATED, ARTEFACT_TRAILING_BYTES),
 * the artefact id (ARTEFACT_ID_WRONG), the commitment to the content key (ARTEFACT_KEY_WRONG), the list (ARTEFACT_LIST_WRONG) and
 * its digest (ARTEFACT_LIST_DIGEST_WRONG). The content key stays the caller's and is not needed any more afterwards.
 */
export class ArtefactOpener implements Disposable {
  readonly header: ArtefactHeader;
  readonly layout: ArtefactLayout;
  readonly artefactId: ArtefactId;
  readonly listDigest: Digest;
  readonly #keys: ArtefactKeys;
  readonly #digests: Uint8Array;

  constructor(headerBytes: Uint8Array, input: { readonly contentKey: ContentKey; readonly expected: ExpectedArtefact }) {
    const { contentKey, expected } = input;
    const { header, layout, sealedList } = parseHeader(headerBytes);
    this.artefactId = artefactIdOf(headerBytes);
    if (!equalBytes(this.artefactId, expected.artefactId)) throw softwareErrors.error("ARTEFACT_ID_WRONG");
    this.#keys = ArtefactKeys.verify(contentKey, header);
    this.header = header;
    this.layout = layout;
    try {
      this.#digests = openList(this.#keys, header, sealedList);
      this.listDigest = sha256(this.#digests);
      if (!equalBytes(this.listDigest, expected.listDigest)) throw softwareErrors.error("ARTEFACT_LIST_DIGEST_WRONG");
    } catch (error) {
      this.#keys[Symbol.dispose]();
      throw error;
    }
  }

  /** SHA-256 of a plaintext segment. Error: ARTEFACT_INDEX_WRONG. */
  segmentDigest(index: number): Digest {
    segmentRange(this.layout, index);
    return digest(this.#digests.slice(index * listEntryBytes, (index + 1) * listEntryBytes));
  }

  /**
   * Opens a segment: ciphertext and tag as they stand in the file. The plaintext is the caller's alone.
   * Errors: ARTEFACT_SEGMENT_WRONG, ARTEFACT_SEGMENT_DIGEST_WRONG, ARTEFACT_INDEX_WRONG.
   */
  openSegment(index: number, sealed: Uint8Array): Uint8Array {
    const { fileStart, fileEnd } = segmentRange(this.layout, index);
    if (sealed.length !== fileEnd - fileStart) throw softwareErrors.error("ARTEFACT_SEGMENT_WRONG", { segment: index });
    const plaintext = this.#decrypt(index, sealed);
    if (!this.#hasDigest(index, plaintext)) {
      plaintext.fill(0);
      throw softwareErrors.error("ARTEFACT_SEGMENT_DIGEST_WRONG", { segment: index });
    }
    return plaintext;
  }

  /**
   * Checks a plaintext segment that was opened before, as a resumed download finds it in its staging file.
   * Errors: ARTEFACT_SEGMENT_DIGEST_WRONG, ARTEFACT_INDEX_WRONG.
   */
  verifyPlaintextSegment(index: number, plaintext: Uint8Array): void {
    const { plaintextBytes } = segmentRange(this.layout, index);
    if (plaintext.length !== plaintextBytes || !this.#hasDigest(index, plaintext))
      throw softwareErrors.error("ARTEFACT_SEGMENT_DIGEST_WRONG", { segment: index });
  }

  /** Wipes the keys; the digests stay. */
  [Symbol.dispose](): void {
    this.#keys[Symbol.dispose]();
  }

  #decrypt(index: number, sealed: Uint8Array): Uint8Array {
    const nonce = segmentNonce(this.#keys.noncePrefix, { index, segments: this.layout.segments });
    const aad = segmentAad(this.header, index);
    try {
      return this.#keys.segment.use((key) => aeadOpen({ key, nonce, aad }, sealed));
    } catch (error) {
      if (!hasCode(error, "CRYPTO_OPEN_FAILED")) throw error;
      throw softwareErrors.error("ARTEFACT_SEGMENT_WRONG", { segment: index });
    }
  }

  #hasDigest(index: number, plaintext: Uint8Array): boolean {
    const actual = sha256(plaintext);
    return equalBytes(actual, this.#digests.subarray(index * listEntryBytes, (index + 1) * listEntryBytes));
  }
}

/**
 * Refuses a description that is not this artefact's, by id, key, list or sizes: no terminal could ever open what it promises.
 * Errors: those of {@link ArtefactOpener}; STATEMENT_CONTENT_WRONG for other sizes.
 */
export function requireDescribed(
  description: ExpectedArtefact & ArtefactSizes,
  artefact: { readonly header: Uint8Array; readonly contentKey: ContentKey },
): void {
  using opener = new ArtefactOpener(artefact.header, { contentKey: artefact.contentKey, expected: description });
  const { plaintextBytes, segmentBytes } = opener.layout;
  const isOwn = plaintextBytes === description.plaintextBytes && segmentBytes === description.segmentBytes;
  if (!isOwn) throw softwareErrors.error("STATEMENT_CONTENT_WRONG", { plaintextBytes, segmentBytes });
}
