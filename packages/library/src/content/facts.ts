import type { ArtefactId, Digest } from "@sealane/wire";

/** What identifies one sealed content. A verified licence is one, and so is what sealing gives; keep it where nobody changes it. */
export interface ArtefactFacts {
  /** SHA-256 of the artefact's header. */
  readonly artefactId: ArtefactId;
  /** SHA-256 of the list of the segments' SHA-256. */
  readonly listDigest: Digest;
  /** SHA-256 of the plaintext, as people compare it. */
  readonly sha256: Digest;
  readonly plaintextBytes: number;
  /** Plaintext bytes of every segment but the last. */
  readonly segmentBytes: number;
}
