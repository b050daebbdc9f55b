import { type FileHandle, open } from "node:fs/promises";
import { type RunningDigest, startSha256 } from "@sealane/crypto";
import { type ArtefactId, artefactId, concatBytes, type Digest, digest, equalBytes } from "@sealane/wire";
import { artefactPrefixBytes, type HeaderFront, parseHeaderFront, requireLength } from "./artefact-header.ts";
import { readInto, reading } from "./atomic-file.ts";
import { softwareErrors } from "./errors.ts";
import { defaultSegmentBytes } from "./limits.ts";

/** What anybody can tell of an artefact without its key: caches, the download role, `sealane inspect`. */
export interface ArtefactSummary {
  readonly artefactId: ArtefactId;
  readonly plaintextBytes: number;
  readonly segmentBytes: number;
  readonly segments: number;
  readonly fileBytes: number;
  /** What the file is larger than its plaintext, in percent; null for an empty plaintext. */
  readonly overheadPercent: number | null;
  readonly bodySha256: Digest;
}

/** What a store asks for; without it whatever arrives is measured by its own header. */
export interface VerifyOptions {
  readonly artefactId?: ArtefactId;
}

/**
 * Checks an artefact without any key while it passes by in pieces of any size, in constant memory: header form, artefact id,
 * body digest, length. It proves that the bytes are those of this artefact id, not that the software is good: that takes a licence.
 *
 * ```ts
 * const verifier = new ArtefactVerifier({ artefactId });
 * for await (const piece of upload) verifier.update(piece);
 * const summary = verifier.finish();
 * ```
 * Errors: ARTEFACT_FORMAT_WRONG, ARTEFACT_ID_WRONG, ARTEFACT_TRAILING_BYTES as soon as they are seen; at the end also
 * ARTEFACT_TRUNCATED and ARTEFACT_BODY_WRONG. Nothing that `update` has let pass may be used before `finish` has returned.
 */
export class ArtefactVerifier {
  readonly #expected: ArtefactId | null;
  readonly #headerDigest: RunningDigest = startSha256();
  readonly #bodyDigest: RunningDigest = startSha256();
  #prefix: Uint8Array = new Uint8Array(0);
  #front: HeaderFront | null = null;
  #id: ArtefactId | null = null;
  #bytes = 0;

  constructor(options: VerifyOptions = {}) {
    this.#expected = options.artefactId ?? null;
  }

  /** Takes the next bytes. */
  update(piece: Uint8Array): void {
    if (this.#front !== null) this.#take(this.#front, piece);
    else this.#collect(piece);
  }

  /** Ends the check. */
  finish(): ArtefactSummary {
    const front = this.#front ?? parseHeaderFront(this.#prefix);
    requireLength(this.#bytes, front.layout.fileBytes);
    const body = this.#bodyDigest.digest();
    if (this.#id === null || !equalBytes(body, front.header.bodySha256)) throw softwareErrors.error("ARTEFACT_BODY_WRONG");
    return summaryOf(front, this.#id);
  }

  #collect(piece: Uint8Array): void {
    const all = concatBytes(this.#prefix, piece);
    this.#prefix = all.slice(0, artefactPrefixBytes);
    if (all.length < artefactPrefixBytes) return;
    this.#front = parseHeaderFront(all);
    this.#take(this.#front, all);
  }

  #take({ layout }: HeaderFront, piece: Uint8Array): void {
    const inHeader = Math.max(0, Math.min(piece.length, layout.headerBytes - this.#bytes));
    this.#bytes += piece.length;
    if (this.#bytes > layout.fileBytes) throw softwareErrors.error("ARTEFACT_TRAILING_BYTES", { expected: layout.fileBytes });
    if (inHeader > 0) this.#headerDigest.update(piece.subarray(0, inHeader));
    if (this.#id === null && this.#bytes >= layout.headerBytes) this.#endHeader();
    this.#bodyDigest.update(piece.subarray(inHeader));
  }

  #endHeader(): void {
    this.#id = artefactId(this.#headerDigest.digest());
    if (this.#expected !== null && !equalBytes(this.#id, this.#expected)) throw softwareErrors.error("ARTEFACT_ID_WRONG");
  }
}

/** Checks a whole artefact file without any key. Errors: those of {@link ArtefactVerifier}, FILE_READ_FAILED. */
export async function verifyArtefactFile(path: string, options: VerifyOptions = {}): Promise<ArtefactSummary> {
  await using handle = await reading(path, () => open(path, "r"));
  const verifier = new ArtefactVerifier(options);
  const buffer = new Uint8Array(defaultSegmentBytes);
  for (let at = 0; ; ) {
    const read = await readAt(handle, { path, at }, buffer);
    verifier.update(buffer.subarray(0, read));
    if (read < buffer.length) return verifier.finish();
    at += read;
  }
}

/**
 * Reads the public part of an artefact file without checking its body.
 * Errors: ARTEFACT_FORMAT_WRONG, ARTEFACT_TRUNCATED, ARTEFACT_TRAILING_BYTES, FILE_READ_FAILED.
 */
export async function inspectArtefact(path: string): Promise<ArtefactSummary> {
  await using handle = await reading(path, () => open(path, "r"));
  const buffer = new Uint8Array(defaultSegmentBytes);
  const start = buffer.subarray(0, await readAt(handle, { path, at: 0 }, buffer.subarray(0, artefactPrefixBytes)));
  const front = parseHeaderFront(start);
  const { size } = await reading(path, () => handle.stat());
  requireLength(size, front.layout.fileBytes);
  const headerDigest = startSha256();
  for (let at = 0; at < front.layout.headerBytes; ) {
    const part = buffer.subarray(0, front.layout.headerBytes - at);
    requireLength(await readAt(handle, { path, at }, part), part.length);
    headerDigest.update(part);
    at += part.length;
  }
  return summaryOf(front, artefactId(headerDigest.digest()));
}

async function readAt(handle: FileHandle, from: { readonly path: string; readonly at: number }, into: Uint8Array): Promise<number> {
  return await reading(from.path, () => readInto(handle, into, from.at));
}

function summaryOf({ header, layout }: HeaderFront, id: ArtefactId): ArtefactSummary {
  const { plaintextBytes, segmentBytes, segments, fileBytes } = layout;
  const overheadPercent = plaintextBytes === 0 ? null : ((fileBytes - plaintextBytes) / plaintextBytes) * 100;
  const sizes = { plaintextBytes, segmentBytes, segments, fileBytes };
  return { artefactId: id, ...sizes, overheadPercent, bodySha256: digest(header.bodySha256) };
}
