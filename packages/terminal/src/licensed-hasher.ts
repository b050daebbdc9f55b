import { type RunningDigest, startSha256 } from "@sealane/crypto";
import { SegmentHasher, type VerifiedLicence } from "@sealane/software";
import { equalBytes } from "@sealane/wire";
import type { OnEvent } from "./events.ts";

/**
 * Computes the software's hash from its bytes in order, tells how far it is, and compares the hash with the licence. With `whole` it also
 * computes what people compare, the SHA-256 of all bytes: a second pass over them, which an installation takes and a start does not.
 */
export class LicensedHasher {
  readonly #licence: VerifiedLicence;
  readonly #onEvent: OnEvent;
  readonly #hasher: SegmentHasher;
  readonly #whole: RunningDigest | null;
  #told = 0;
  #bytes = 0;

  constructor(licence: VerifiedLicence, onEvent: OnEvent, options: { readonly whole?: boolean } = {}) {
    this.#licence = licence;
    this.#onEvent = onEvent;
    this.#whole = options.whole === true ? startSha256() : null;
    this.#hasher = new SegmentHasher(licence.segmentBytes);
  }

  /** Bytes so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes the next bytes; false when there are more than the licence names, so that nobody reads on without end. */
  take(chunk: Uint8Array): boolean {
    const { plaintextBytes, segmentBytes } = this.#licence;
    this.#bytes += chunk.length;
    if (this.#bytes > plaintextBytes) return false;
    this.#hasher.update(chunk);
    this.#whole?.update(chunk);
    if (this.#bytes - this.#told >= segmentBytes || this.#bytes === plaintextBytes) {
      this.#told = this.#bytes;
      this.#onEvent({ kind: "check", bytes: this.#bytes, totalBytes: plaintextBytes });
    }
    return true;
  }

  /** True when the bytes are those that the licence names; nothing may follow. */
  isLicensed(): boolean {
    if (this.#bytes !== this.#licence.plaintextBytes) return false;
    return equalBytes(this.#hasher.finish().listDigest, this.#licence.listDigest);
  }

  /** True when the SHA-256 of all bytes, where it was computed, is the one that people compare. For licensed bytes; nothing may follow. */
  isWhole(): boolean {
    return this.#whole === null || equalBytes(this.#whole.digest(), this.#licence.sha256);
  }
}
