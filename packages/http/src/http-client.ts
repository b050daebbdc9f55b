import http, { type ClientRequest, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import https from "node:https";
import { apiErrors, errorOfReply, foreignReply, maxProblemBytes, mediaType } from "@sealane/api";
import { giveBack, systemReason } from "@sealane/software";
import { concatBytes, type ErrorEntry, SealaneError } from "@sealane/wire";
import { connectSeconds, idleSeconds, type LeastRate, leastRate, maxReplyBytes, maxSockets } from "./limits.ts";
import { type Environment, proxyEnvironment } from "./proxy-environment.ts";
import { type FileBody, sendFile } from "./send-file.ts";

/** One request to a server, a cache or any static store. */
export interface HttpRequest {
  readonly method: "GET" | "POST" | "DELETE";
  readonly url: URL;
  readonly body?: Uint8Array | FileBody;
  readonly headers?: OutgoingHttpHeaders;
  /** Seconds that the server may stay silent beyond the usual: a long poll. */
  readonly waitSeconds?: number;
  /** Breaks off the request, or the body of its reply: API_SERVER_UNREACHABLE. */
  readonly signal?: AbortSignal;
}

/** A reply whose body is still to come; it must be read to its end or destroyed. */
export interface HttpReply {
  readonly status: number;
  /** The media type without its parameters, in lower case. */
  readonly type: string;
  /** The value of a header that counts once, by its name in lower case. */
  readonly header: (name: string) => string | undefined;
  readonly body: IncomingMessage;
}

export interface HttpOptions {
  /** HTTP_PROXY, HTTPS_PROXY, NO_PROXY. */
  readonly environment: Environment;
  /** Of each body that is read; null for none. */
  readonly leastRate?: LeastRate | null;
  /** Codes that the server may answer beside those of package api. */
  readonly alsoKnown?: Readonly<Record<string, ErrorEntry>>;
  readonly connectSeconds?: number;
  readonly idleSeconds?: number;
}

/**
 * The one HTTP client of terminal and operator's command. It speaks HTTP with connections that are kept open, limits on time and size, no
 * redirects and no cookies. TLS takes the authorities of Node and those of NODE_EXTRA_CA_CERTS. The user agent names neither version nor
 * machine, so that it tells no terminal from another. Nothing is tried twice here: what may pass has a code of its own for its caller.
 *
 * Every method's errors: API_SERVER_UNREACHABLE (no connection, a time limit, a broken one); those of `errorOfReply`, API_REPLY_FOREIGN
 * also for a success of another type than a server's; API_REPLY_WRONG for one that is too large, or compressed.
 */
export class HttpClient implements Disposable {
  readonly #agents: { readonly http: http.Agent; readonly https: https.Agent };
  readonly #limits: { readonly connectSeconds: number; readonly idleSeconds: number };
  readonly #leastRate: LeastRate | null;
  readonly #alsoKnown: Readonly<Record<string, ErrorEntry>>;

  constructor(options: HttpOptions) {
    this.#leastRate = options.leastRate === undefined ? leastRate : options.leastRate;
    this.#alsoKnown = options.alsoKnown ?? {};
    const agent = { keepAlive: true, maxSockets, proxyEnv: proxyEnvironment(options.environment) };
    this.#agents = { http: new http.Agent(agent), https: new https.Agent(agent) };
    this.#limits = { connectSeconds: options.connectSeconds ?? connectSeconds, idleSeconds: options.idleSeconds ?? idleSeconds };
  }

  /** Sends a request whose whole reply is a small body of this media type. */
  async exchange(request: HttpRequest, expected: { readonly type: string; readonly maxBytes?: number }): Promise<Uint8Array> {
    return await this.read(await this.open(request), expected);
  }

  /** Reads a reply whose body is a small one of this media type. */
  async read(reply: HttpReply, expected: { readonly type: string; readonly maxBytes?: number }): Promise<Uint8Array> {
    if ((reply.status !== 200 && reply.status !== 201) || reply.type !== expected.type) throw foreign(reply.body);
    return await this.#readBounded(reply.body, expected.maxBytes ?? maxReplyBytes);
  }

  /** The body of a reply, as {@link bytesOf} gives it, at no less than the least rate. */
  bytes(reply: HttpReply): AsyncGenerator<Uint8Array, void, undefined> {
    return bytesOf(reply.body, this.#leastRate);
  }

  /** Sends a request whose reply says nothing but that it was carried out: 204. */
  async command(request: HttpRequest): Promise<void> {
    const { status, body } = await this.open(request);
    if (status !== 204) throw foreign(body);
    await this.#readBounded(body, 0);
  }

  /** Sends a request and gives the reply once its head has come; errors of the server are thrown. */
  async open(request: HttpRequest): Promise<HttpReply> {
    const body = await this.#send(request);
    const status = body.statusCode ?? 0;
    if (status >= 400) throw await this.#failureOf(body, status);
    const reply = { status, type: typeOf(body), header: headerOf(body), body };
    if (status < 200 || status >= 300) throw foreign(body);
    if ((body.headers["content-encoding"] ?? "identity") !== "identity") throw unexpected(reply, { encoding: "compressed" });
    return reply;
  }

  [Symbol.dispose](): void {
    this.#agents.http.destroy();
    this.#agents.https.destroy();
  }

  async #readBounded(body: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of bytesOf(body, this.#leastRate)) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw apiErrors.error("API_REPLY_WRONG", { limit: maxBytes });
      chunks.push(chunk);
    }
    return concatBytes(...chunks);
  }

  async #failureOf(body: IncomingMessage, status: number): Promise<SealaneError> {
    const isProblem = typeOf(body) === mediaType.problem;
    const bytes = await this.#readBounded(body, maxProblemBytes).catch(() => new Uint8Array(0));
    return errorOfReply({ status, header: headerOf(body), body: isProblem ? new TextDecoder().decode(bytes) : "" }, this.#alsoKnown);
  }

  async #send(input: HttpRequest): Promise<IncomingMessage> {
    const { method, url, body, waitSeconds = 0, signal } = input;
    const isTls = url.protocol === "https:";
    const length = body === undefined ? {} : { "content-length": body instanceof Uint8Array ? body.length : body.bytes };
    const headers = { "accept-encoding": "identity", "user-agent": userAgent, ...length, ...input.headers };
    const timeout = (this.#limits.idleSeconds + waitSeconds) * 1000;
    const options = { method, headers, timeout, ...(signal === undefined ? {} : { signal }) };
    const request = isTls
      ? https.request(url, { ...options, agent: this.#agents.https })
      : http.request(url, { ...options, agent: this.#agents.http });
    try {
      return await this.#responseOf(request, body, timeout);
    } catch (error) {
      throw unreachable(error, url);
    }
  }

  async #responseOf(request: ClientRequest, body: HttpRequest["body"], headMilliseconds: number): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    request.once("response", resolve);
    request.on("error", reject); // stays for what comes behind the response: the body's reader sees that
    request.once("timeout", () => request.destroy(new TimeLimit()));
    const timer = setTimeout(() => request.destroy(new TimeLimit()), this.#limits.connectSeconds * 1000);
    request.once("socket", (socket) => {
      if (socket.connecting) socket.once("connect", () => clearTimeout(timer));
      else clearTimeout(timer);
    });
    let whole: NodeJS.Timeout | undefined;
    try {
      if (body !== undefined && !(body instanceof Uint8Array))
        await sendFile(request, body, promise); // which takes as long as it moves
      else request.end(body);
      // Also where single bytes of a head keep coming.
      whole = setTimeout(() => request.destroy(new TimeLimit()), this.#limits.connectSeconds * 1000 + headMilliseconds);
      return await promise;
    } finally {
      clearTimeout(whole);
      clearTimeout(timer);
    }
  }
}

/** The address of a route (`/v1/...`) below a base. */
export function urlOf(base: URL, path: string, query: Readonly<Record<string, number>> = {}): URL {
  const url = new URL(path.replace(/^\//, ""), base);
  for (const [key, value] of Object.entries(query)) url.searchParams.set(key, String(value));
  return url;
}

/**
 * Gives the bytes of a body as they come; the memory of each chunk is the caller's. Error: API_SERVER_UNREACHABLE when it breaks off, or
 * is slower than `leastRate` where there is one (an event stream has none).
 *
 * The body's chunks are copies that the HTTP parser made of what the socket read. What the socket read is given back at once: the
 * collector would let 64 MiB of it pile up, and half of the time of a download goes into that.
 */
export async function* bytesOf(body: IncomingMessage, leastRate: LeastRate | null): AsyncGenerator<Uint8Array, void, undefined> {
  let recent = 0;
  const timer =
    leastRate === null
      ? null
      : setInterval(() => {
          if (recent < leastRate.bytesPerSecond * leastRate.seconds) body.destroy(new TimeLimit());
          recent = 0;
        }, leastRate.seconds * 1000);
  const { socket } = body;
  socket.on("data", giveBack);
  try {
    for await (const chunk of body) {
      if (!(chunk instanceof Uint8Array)) continue;
      recent += chunk.length;
      yield chunk;
    }
  } catch (error) {
    throw unreachable(error, null);
  } finally {
    if (timer !== null) clearInterval(timer);
    socket.off("data", giveBack);
    body.destroy();
  }
}

const userAgent = "sealane";

class TimeLimit extends Error {
  readonly code = "ETIMEDOUT";
  readonly syscall = "wait";
}

function foreign(body: IncomingMessage): SealaneError {
  body.destroy();
  return foreignReply({ status: body.statusCode ?? 0, header: headerOf(body) });
}

/** The value of a header that counts once. */
function headerOf({ headers }: IncomingMessage): (name: string) => string | undefined {
  return (name) => {
    const value = headers[name];
    return typeof value === "string" ? value : undefined;
  };
}

function unexpected(reply: HttpReply, details: Readonly<Record<string, string | number>>): SealaneError {
  reply.body.destroy();
  return apiErrors.error("API_REPLY_WRONG", details);
}

function typeOf(body: IncomingMessage): string {
  return (body.headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

function unreachable(error: unknown, url: URL | null): SealaneError {
  if (error instanceof SealaneError) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : null;
  const address = url === null ? {} : { address: url.origin };
  return apiErrors.error("API_SERVER_UNREACHABLE", { ...address, reason: systemReason(error) ?? code ?? "connection lost" }, error);
}
