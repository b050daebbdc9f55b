import { SegmentHasher, type VerifiedLicence } from "@sealane/software";
import { equalBytes } from "@sealane/wire";
import type { OnEvent } from "./events.ts";

/** Computes the software's hash from its bytes in order, tells how far it is, and compares the hash with the licence. */
export class LicensedHasher {
  readonly #licence: VerifiedLicence;
  readonly #onEvent: OnEvent;
  readonly #hasher: SegmentHasher;
  #told = 0;
  #bytes = 0;

  constructor(licence: VerifiedLicence, onEvent: OnEvent) {
    this.#licence = licence;
    this.#onEvent = onEvent;
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
}
