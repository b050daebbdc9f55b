import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { apiErrors, pathOf, routes } from "@sealane/api";
import { type HttpClient, type HttpReply, urlOf } from "@sealane/http";
import { artefactIdOf, readArtefactHeader, softwareErrors, systemReason } from "@sealane/software";
import type { ArtefactId } from "@sealane/wire";
import { parseBaseUrl } from "./base-url.ts";

/** A sealed artefact somewhere: at the server, in a cache, on a static store, in a file. None of them needs to be trusted. */
export interface ArtefactSource {
  /** For messages: an address or a path. */
  readonly place: string;
  /** The bytes from `start` to the end, and how many the whole file has if the place says so. */
  open(start: number): Promise<{ readonly fileBytes: number | null; readonly bytes: AsyncIterable<Uint8Array> }>;
}

/** The artefact at a server or at anything that serves the same path below `base`. Errors on opening: those of the HTTP client. */
export function httpSource(http: HttpClient, base: URL, artefactId: ArtefactId): ArtefactSource {
  const url = urlOf(base, pathOf(routes.artefact, artefactId.toHex()));
  return {
    place: url.href,
    async open(start) {
      const headers = start === 0 ? {} : { range: `bytes=${start}-` };
      const reply = await http.open({ method: "GET", url, headers });
      const { from, fileBytes } = rangeOf(reply, start);
      return { fileBytes, bytes: skip(http.bytes(reply), start - from) };
    },
  };
}

/** The artefact in a local file. Error on opening: FILE_READ_FAILED. */
function fileSource(path: string): ArtefactSource {
  return {
    place: path,
    async open(start) {
      const { size } = await reading(path, async () => await stat(path));
      return { fileBytes: size, bytes: readFrom(path, start) };
    },
  };
}

/** A source as a user names it: an http or https address below which the artefacts are, or a file. Error: TERMINAL_ADDRESS_WRONG. */
export function sourceNamed(written: string, given: { readonly http: HttpClient; readonly artefactId: ArtefactId }): ArtefactSource {
  return isAddress(written) ? httpSource(given.http, parseBaseUrl(written), given.artefactId) : fileSource(written);
}

/**
 * The artefact that a user has named by its file; null for an address, which has whatever is asked for.
 * Errors: FILE_READ_FAILED, ARTEFACT_FORMAT_WRONG, ARTEFACT_TRUNCATED.
 */
export async function artefactNamed(written: string): Promise<ArtefactId | null> {
  return isAddress(written) ? null : artefactIdOf(await readArtefactHeader(written));
}

function isAddress(written: string): boolean {
  return /^https?:\/\//i.test(written);
}

/**
 * Where a reply begins, and how many bytes the whole file has if it says so: from `Content-Range`, which some stores send with status 200,
 * or the length of a whole reply. A store may begin before what was asked for, at the edge of a block. Error: API_REPLY_WRONG for a
 * range that begins behind it, or is none.
 */
function rangeOf({ status, body }: HttpReply, start: number): { readonly from: number; readonly fileBytes: number | null } {
  const { "content-range": range, "content-length": length } = body.headers;
  if (status !== 206 && range === undefined) return { from: 0, fileBytes: length === undefined ? null : Number(length) };
  const [, from, total] = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15}|\*)$/.exec(range ?? "") ?? [];
  if (from === undefined || Number(from) > start) {
    body.destroy();
    throw apiErrors.error("API_REPLY_WRONG", { range: "another" });
  }
  return { from: Number(from), fileBytes: total === undefined || total === "*" ? null : Number(total) };
}

/** Leaves out the first bytes: a store that knows no ranges sends the whole file, another begins early. */
async function* skip(bytes: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array, void, undefined> {
  let left = count;
  for await (const chunk of bytes) {
    if (left < chunk.length) yield chunk.subarray(left);
    left = Math.max(0, left - chunk.length);
  }
}

async function* readFrom(path: string, start: number): AsyncGenerator<Uint8Array, void, undefined> {
  const stream = createReadStream(path, { start, highWaterMark: fileChunkBytes });
  try {
    for await (const chunk of stream) if (chunk instanceof Uint8Array) yield chunk;
  } catch (error) {
    throw readFailed(path, error);
  } finally {
    stream.destroy();
  }
}

const fileChunkBytes = 1024 * 1024;

async function reading<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw readFailed(path, error);
  }
}

function readFailed(file: string, error: unknown): unknown {
  const reason = systemReason(error);
  return reason === null ? error : softwareErrors.error("FILE_READ_FAILED", { file, reason }, error);
}
