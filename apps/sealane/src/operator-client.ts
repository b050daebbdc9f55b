import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { apiErrors, errorOfProblem, maxProblemBytes, mediaType } from "@sealane/api";
import { commandErrors } from "./errors.ts";

/** Longest silence of the server, seconds; an upload that moves may take as long as it needs. */
const idleSeconds = 60;
const maxReplyBytes = 4 * 1024 * 1024;

export interface OperatorClientOptions {
  readonly url: string;
  readonly token: string;
}

/** A body that is sent as it is, with its length known before. */
export interface Body {
  readonly type: string;
  readonly bytes: number;
  readonly stream: Readable | Uint8Array;
}

/** Speaks to the operator routes of a server. */
export class OperatorClient {
  readonly #options: OperatorClientOptions;

  /** Error: PROFILE_URL_EXPOSED for plain HTTP off loopback. */
  constructor(options: OperatorClientOptions) {
    requirePrivate(new URL(options.url));
    this.#options = options;
  }

  /** GET of JSON. Errors: the codes of package api. */
  async get<View>(path: string): Promise<View> {
    return await this.#exchange<View>("GET", path, null);
  }

  /** POST of JSON, answered by JSON. Errors: the codes of package api. */
  async post<View>(path: string, value: unknown): Promise<View> {
    const stream = new TextEncoder().encode(JSON.stringify(value));
    return await this.send<View>(path, { type: mediaType.json, bytes: stream.length, stream });
  }

  /** POST of any body, answered by JSON. Errors: the codes of package api. */
  async send<View>(path: string, body: Body): Promise<View> {
    return await this.#exchange<View>("POST", path, body);
  }

  async #exchange<View>(method: string, path: string, body: Body | null): Promise<View> {
    const url = new URL(path, this.#options.url);
    const headers: Record<string, string | number> = { authorization: `Bearer ${this.#options.token}`, accept: mediaType.json };
    if (body !== null) Object.assign(headers, { "content-type": body.type, "content-length": body.bytes });
    const send = url.protocol === "https:" ? httpsRequest : httpRequest;
    const outgoing = send(url, { method, headers, timeout: idleSeconds * 1000 });
    outgoing.on("timeout", () => outgoing.destroy(apiErrors.error("API_SERVER_UNREACHABLE", { url: url.origin })));
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.once("response", resolve);
      outgoing.once("error", (cause) => reject(apiErrors.error("API_SERVER_UNREACHABLE", { url: url.origin }, cause)));
    });
    if (body === null || body.stream instanceof Uint8Array) outgoing.end(body?.stream);
    else await Promise.race([answered, pipeline(body.stream, outgoing)]).catch(() => undefined);
    const reply = await answered;
    const status = reply.statusCode ?? 500;
    const text = await readText(reply, status < 400 ? maxReplyBytes : maxProblemBytes);
    if (status >= 400) throw errorOfProblem(text, status);
    return JSON.parse(text) as View;
  }
}

/** Reads a bounded body. Error: API_REPLY_WRONG. */
async function readText(reply: IncomingMessage, maxBytes: number): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of reply) {
    size += piece.length;
    if (size > maxBytes) {
      reply.destroy();
      throw apiErrors.error("API_REPLY_WRONG", { bytes: size });
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

function requirePrivate(url: URL): void {
  const loopback = ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  if (url.protocol !== "https:" && !loopback) throw commandErrors.error("PROFILE_URL_EXPOSED", { url: url.origin });
}
