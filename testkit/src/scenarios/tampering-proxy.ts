import http, { type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { mediaType } from "@sealane/api";

/** A request on its way to the server. */
export interface ProxiedRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Uint8Array;
}

/** A reply on its way back. */
export interface ProxiedReply {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Uint8Array;
  /** Cuts the connection after this many bytes of the body. */
  readonly cutAfterBytes?: number;
}

/** A change of what passes by. */
export interface Fault {
  /** Which exchanges are changed. */
  readonly on: (request: ProxiedRequest) => boolean;
  readonly request?: (request: ProxiedRequest) => ProxiedRequest | Promise<ProxiedRequest>;
  readonly reply?: (reply: ProxiedReply, request: ProxiedRequest) => ProxiedReply;
  /** How many exchanges are changed; every one unless told. */
  readonly times?: number;
}

/** A request as it arrived, the reply as the server gave it, and whether a fault changed them. */
export interface SeenExchange {
  readonly request: ProxiedRequest;
  readonly reply: ProxiedReply;
  readonly changed: boolean;
}

/**
 * An HTTP proxy on loopback in front of a server: an attacker who owns the network. Bodies are held in memory, so only small
 * software passes through it.
 */
export class TamperingProxy {
  readonly #server = http.createServer((request, response) => void this.#pass(request, response));
  #seen: SeenExchange[] = [];
  #targets: readonly URL[] = [];
  #next = 0;
  /** Whether event streams pass as they come, out of reach of any fault; otherwise they are held as every reply, and terminals poll. */
  passesStreams = false;
  #fault: Fault | null = null;
  #changes = 0;

  /** Begins to listen at a free port. */
  static async listen(): Promise<TamperingProxy> {
    const proxy = new TamperingProxy();
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}`;
  }

  /** The servers behind; they may change while the proxy listens. Each request goes to the next, or to another if that one is gone. */
  set targets(urls: readonly string[]) {
    this.#targets = urls.map((url) => new URL(url));
  }

  /** Exchanges that began since {@link forget}: the reply to a process that was killed may come later. */
  get seen(): readonly SeenExchange[] {
    return this.#seen;
  }

  /** How many exchanges the fault of now has changed. */
  get changes(): number {
    return this.#changes;
  }

  /** Begins a fault, or ends the one there is. */
  set fault(fault: Fault | null) {
    this.#fault = fault;
    this.#changes = 0;
  }

  forget(): void {
    this.#seen = [];
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #pass(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const seen = this.#seen;
    try {
      if (this.passesStreams && incoming.headers.accept?.includes(mediaType.events) === true) {
        this.#passStream(incoming, response);
        return;
      }
      const arrived = await requestOf(incoming);
      const fault = this.#faultFor(arrived);
      const request = (await fault?.request?.(arrived)) ?? arrived;
      const gone = new AbortController();
      response.once("close", () => gone.abort());
      const given = await this.#forward(request, gone.signal);
      const reply = fault?.reply?.(given, request) ?? given;
      seen.push({ request: arrived, reply: given, changed: fault !== null });
      send(reply, { request, response });
    } catch {
      response.destroy(); // either end is not there: as without a proxy
    }
  }

  #passStream(incoming: IncomingMessage, response: ServerResponse): void {
    const [target] = this.#targets;
    const { method, headers } = incoming;
    const onward = http.request(new URL(incoming.url ?? "/", target), { ...(method === undefined ? {} : { method }), headers }, (reply) => {
      response.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.once("error", () => response.destroy());
      reply.pipe(response);
    });
    onward.once("error", () => response.destroy());
    response.once("close", () => onward.destroy());
    incoming.pipe(onward);
  }

  #faultFor(request: ProxiedRequest): Fault | null {
    const fault = this.#fault;
    if (fault === null || this.#changes >= (fault.times ?? Number.POSITIVE_INFINITY) || !fault.on(request)) return null;
    this.#changes++;
    return fault;
  }

  async #forward(request: ProxiedRequest, signal: AbortSignal): Promise<ProxiedReply> {
    const targets = this.#targets.map((_, index) => this.#targets[(this.#next + index) % this.#targets.length]);
    this.#next++;
    for (const target of targets) {
      const reply = target === undefined ? null : await exchange(target, request, signal).catch(unlessRefused);
      if (reply !== null) return reply;
    }
    throw new Error("No server answers behind the proxy.");
  }
}

/** Sends one request to a server and reads the reply whole. */
export async function exchange(target: URL, request: ProxiedRequest, signal?: AbortSignal): Promise<ProxiedReply> {
  const { method, path, headers, body } = request;
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const length = body.length === 0 && method === "GET" ? {} : { "content-length": body.length };
  const options = { method, headers: { ...headers, ...length }, agent: false as const, ...(signal === undefined ? {} : { signal }) };
  const outgoing = http.request(new URL(path, target), options);
  outgoing.once("response", resolve);
  outgoing.once("error", reject);
  outgoing.end(body);
  const reply = await promise;
  return { status: reply.statusCode ?? 502, headers: endToEnd(reply), body: await bodyOf(reply) };
}

/** Nothing was sent to a server that is not there: another one may have it. */
function unlessRefused(error: unknown): null {
  if (error instanceof Error && "code" in error && error.code === "ECONNREFUSED") return null;
  throw error;
}

/** The bytes of an artefact, from `start` on, that a reply carries: all of it, or a range. */
export function rangeStart(reply: ProxiedReply): number {
  const [, start = "0"] = /^bytes (\d+)-/.exec(String(reply.headers["content-range"] ?? "")) ?? [];
  return Number(start);
}

async function requestOf(incoming: IncomingMessage): Promise<ProxiedRequest> {
  const { method = "GET", url: path = "/" } = incoming;
  return { method, path, headers: endToEnd(incoming), body: await bodyOf(incoming) };
}

async function bodyOf(message: IncomingMessage): Promise<Uint8Array> {
  const pieces: Buffer[] = [];
  for await (const piece of message) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

/** Headers without those of one connection and of the length, which are made anew. */
function endToEnd(message: IncomingMessage): OutgoingHttpHeaders {
  const { connection: _, "keep-alive": __, "transfer-encoding": ___, "content-length": ____, host: _____, ...rest } = message.headers;
  return rest;
}

function send(reply: ProxiedReply, to: { readonly request: ProxiedRequest; readonly response: ServerResponse }): void {
  const { status, headers, body, cutAfterBytes } = reply;
  const { response } = to;
  const length = to.request.method === "HEAD" || status === 304 ? {} : { "content-length": body.length };
  response.writeHead(status, { ...headers, ...length });
  if (cutAfterBytes === undefined) response.end(body);
  else response.write(body.subarray(0, cutAfterBytes), () => response.destroy());
}
