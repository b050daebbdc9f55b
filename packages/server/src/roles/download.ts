import type { FileHandle } from "node:fs/promises";
import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import { apiErrors, mediaType, routes } from "@sealane/api";
import { type ArtefactId, artefactId } from "@sealane/wire";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ArtefactStore } from "../artefact-store.ts";
import { parseRange } from "../byte-range.ts";
import type { ServerContext } from "../context.ts";
import { systemCodeOf } from "../files.ts";
import { cutOffSlowReader } from "../http/least-rate.ts";
import type { Metrics } from "../http/metrics.ts";
import { write } from "../http/write.ts";
import type { ServerLimits } from "../limits.ts";
import { type DownloadBuffers, PieceBuffers } from "../piece-buffers.ts";

/**
 * Routes of the download role: sealed artefacts as they lie on the disk, to anybody, with one range, cacheable for ever. It needs
 * neither a key nor the database nor to know who asks.
 */
export function downloadRoutes(
  store: ArtefactStore,
  { metrics, limits }: Pick<ServerContext, "metrics" | "limits">,
): (app: FastifyInstance) => Promise<void> {
  const buffers = new PieceBuffers();
  metrics.watchDownloads(() => buffers.running);
  return async (app) => {
    app.route<{ Params: { id: string } }>({
      method: ["GET", "HEAD"],
      url: routes.artefact,
      config: { anonymous: true },
      handler: async (request, reply) => {
        const id = parseArtefactId(request.params.id);
        const file = await store.open(id);
        if (file === null) throw apiErrors.error("ARTEFACT_UNKNOWN", { artefactId: request.params.id });
        try {
          return await sendFile({ file, buffers, metrics, limits }, request, reply);
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
  from: { readonly file: FileHandle; readonly buffers: PieceBuffers; readonly metrics: Metrics; readonly limits: ServerLimits },
  request: FastifyRequest<{ Params: { id: string } }>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { file, metrics } = from;
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
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(reply.statusCode, reply.getHeaders() as OutgoingHttpHeaders);
  const [first, end] = range === null ? [0, size] : [range.start, range.end + 1];
  using buffers = from.buffers.begin(end - first);
  using _watch = cutOffSlowReader(raw, from.limits.leastBytesPerSecond);
  let sent = 0;
  try {
    sent = await pump(file, raw, { from: first, to: end, buffers });
  } catch (error) {
    raw.destroy(); // the status has gone out: a connection that breaks is all that can be told
    request.log.error({ route: routes.artefact, reason: systemCodeOf(error) ?? "unknown" }, "a download ended");
  } finally {
    metrics.countDownloaded(sent);
    await file.close();
  }
  return reply;
}

/**
 * Copies a range to the response piece by piece: while one is on its way to the client, the next is read where there is room for it. A
 * stream would take new memory for each piece. Ends early, and gives what was sent, when the client has gone.
 */
async function pump(
  file: FileHandle,
  response: ServerResponse,
  range: { readonly from: number; readonly to: number; readonly buffers: DownloadBuffers },
): Promise<number> {
  const { from, to, buffers } = range;
  let sending: Promise<boolean> = Promise.resolve(true);
  let at = from;
  while (at < to) {
    const large = buffers.takeLarge();
    if (large === null && !(await sending)) return at - from; // one small buffer at a time
    const buffer = large ?? buffers.takeSmall();
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, to - at), at);
    if (!(await sending)) return at - from;
    if (bytesRead === 0) break; // the file became shorter: the connection ends before the announced length
    sending = write(response, buffer.subarray(0, bytesRead)).then((isTaken) => {
      if (isTaken) buffers.giveBack(buffer);
      return isTaken;
    });
    at += bytesRead;
  }
  if (at < to) response.destroy();
  else if (await sending) response.end();
  return at - from;
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
export function parseArtefactId(text: string): ArtefactId {
  if (!/^[0-9a-f]{64}$/.test(text)) throw apiErrors.error("ARTEFACT_UNKNOWN");
  return artefactId(Uint8Array.fromHex(text));
}
