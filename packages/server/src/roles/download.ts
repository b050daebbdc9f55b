import type { FileHandle } from "node:fs/promises";
import { apiErrors, mediaType, routes } from "@sealane/api";
import { type ArtefactId, artefactId } from "@sealane/wire";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ArtefactStore } from "../artefact-store.ts";
import { parseRange } from "../byte-range.ts";
import { downloadMemoryBytes, maxDownloadPieceBytes, minDownloadPieceBytes } from "../limits.ts";

/**
 * Routes of the download role: sealed artefacts as they lie on the disk, to anybody, with one range, cacheable for ever. It needs
 * neither a key nor the database nor to know who asks.
 */
export function downloadRoutes(store: ArtefactStore): (app: FastifyInstance) => Promise<void> {
  const downloads = { running: 0 };
  return async (app) => {
    app.route<{ Params: { id: string } }>({
      method: ["GET", "HEAD"],
      url: routes.artefact,
      handler: async (request, reply) => {
        const id = parseId(request.params.id);
        const file = await store.open(id);
        if (file === null) throw apiErrors.error("ARTEFACT_UNKNOWN", { artefactId: request.params.id });
        try {
          return await sendFile({ file, downloads }, request, reply);
        } catch (error) {
          await file.close();
          throw error;
        }
      },
    });
  };
}

/** Sends the file, or the range of it that was asked for, and closes it when that ends in whatever way. */
async function sendFile(
  from: { readonly file: FileHandle; readonly downloads: { running: number } },
  request: FastifyRequest<{ Params: { id: string } }>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { file, downloads } = from;
  const { size } = await file.stat();
  const tag = `"${request.params.id}"`;
  reply.headers({ etag: tag, "cache-control": "public, max-age=31536000, immutable", "accept-ranges": "bytes" });
  if (request.headers["if-none-match"]?.includes(tag) === true) {
    await file.close();
    return reply.code(304).send();
  }
  const range = rangeOf(request, reply, { size, tag });
  reply.type(mediaType.artefact).header("content-length", range === null ? size : range.end - range.start + 1);
  if (range !== null) reply.code(206).header("content-range", `bytes ${range.start}-${range.end}/${size}`);
  if (request.method === "HEAD") {
    await file.close();
    return reply.send();
  }
  downloads.running++;
  const stream = file.createReadStream({ ...(range ?? {}), highWaterMark: pieceBytes(downloads.running) });
  stream.once("close", () => downloads.running--);
  return reply.send(stream);
}

/** A download's share of the memory for all of them. */
function pieceBytes(running: number): number {
  return Math.max(minDownloadPieceBytes, Math.min(maxDownloadPieceBytes, Math.floor(downloadMemoryBytes / running)));
}

/** Null for the whole file: also for HEAD (RFC 9110, section 14.2), and where If-Range names another file (section 13.1.5). */
function rangeOf(
  request: FastifyRequest,
  reply: FastifyReply,
  file: { readonly size: number; readonly tag: string },
): ReturnType<typeof parseRange> {
  const { range, "if-range": ifRange } = request.headers;
  if (request.method === "HEAD" || (ifRange !== undefined && ifRange !== file.tag)) return null;
  try {
    return parseRange(range, file.size);
  } catch (error) {
    reply.removeHeader("etag").removeHeader("cache-control").header("content-range", `bytes */${file.size}`);
    throw error;
  }
}

/** 64 lower-case hexadecimal digits; anything else is no artefact's id. */
function parseId(text: string): ArtefactId {
  if (!/^[0-9a-f]{64}$/.test(text)) throw apiErrors.error("ARTEFACT_UNKNOWN");
  return artefactId(Uint8Array.fromHex(text));
}
