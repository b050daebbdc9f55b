import { apiErrors, errorOfReply, maxProblemBytes, mediaType } from "@sealane/api";
import { concatBytes } from "@sealane/wire";

/** Seconds after which a server that has not replied in full counts as lost. */
const replySeconds = 60;

/** The server that is spoken to. */
export interface HttpServer {
  readonly url: string;
  readonly fetch: typeof fetch;
  readonly signal: AbortSignal | undefined;
}

/** One request and the most bytes that its reply may have. */
export interface HttpExchange {
  readonly method: "GET" | "POST";
  /** Below the server's address. */
  readonly path: string;
  readonly body?: Uint8Array;
  readonly maxBytes: number;
}

/**
 * Sends a CBOR request and gives the reply's body; follows no redirect and sends no credentials.
 * Errors: API_SERVER_UNREACHABLE, API_REPLY_WRONG, those of `errorOfReply`.
 */
export async function exchange(server: HttpServer, request: HttpExchange): Promise<Uint8Array> {
  const { method, path, body, maxBytes } = request;
  const limit = AbortSignal.timeout(replySeconds * 1000);
  const signal = server.signal === undefined ? limit : AbortSignal.any([server.signal, limit]);
  const base = server.url.endsWith("/") ? server.url : `${server.url}/`;
  const content = body === undefined ? {} : { body: Uint8Array.from(body), headers: { "content-type": mediaType.cbor } };
  try {
    const url = new URL(path.replace(/^\//, ""), base);
    const response = await server.fetch(url, { method, redirect: "error", credentials: "omit", signal, ...content });
    const bytes = await readBounded(response, response.ok ? maxBytes : maxProblemBytes);
    if (response.ok && bytes !== null) return bytes;
    if (response.ok) throw apiErrors.error("API_REPLY_WRONG", { limit: maxBytes });
    const text = bytes === null ? "" : new TextDecoder().decode(bytes);
    throw errorOfReply({ status: response.status, header: (name) => response.headers.get(name), body: text });
  } catch (error) {
    server.signal?.throwIfAborted();
    if (error instanceof TypeError || error instanceof DOMException) throw apiErrors.error("API_SERVER_UNREACHABLE", {}, error);
    throw error;
  }
}

/** The whole body, or null when it is longer than allowed. */
async function readBounded(response: Response, maxBytes: number): Promise<Uint8Array | null> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > maxBytes) return null; // leaving the loop cancels the body
    chunks.push(chunk);
  }
  return concatBytes(...chunks);
}
