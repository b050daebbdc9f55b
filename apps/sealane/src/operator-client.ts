import { open } from "node:fs/promises";
import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { apiErrors, errorOfReply, foreignReply, maxProblemBytes, mediaType, proxyEnvironment } from "@sealane/api";
import { cryptoErrors } from "@sealane/crypto";
import { keystoreErrors } from "@sealane/keystore";
import { linkErrors } from "@sealane/link";
import { pkiErrors } from "@sealane/pki";
import { serverErrors } from "@sealane/server/errors";
import { softwareErrors } from "@sealane/software";
import { wireErrors } from "@sealane/wire";
import { commandErrors } from "./errors.ts";

/** Codes that the operator routes answer beside those of package api. */
const serverSide = {
  ...wireErrors.entries,
  ...cryptoErrors.entries,
  ...pkiErrors.entries,
  ...linkErrors.entries,
  ...softwareErrors.entries,
  ...keystoreErrors.entries, // of the server's own keys
  ...serverErrors.entries,
};

/** Longest silence of the server, seconds; an upload that moves may take as long as it needs. */
const idleSeconds = 60;
const maxReplyBytes = 4 * 1024 * 1024;

export interface OperatorClientOptions {
  readonly url: string;
  readonly token: string;
}

/** A body of one type: bytes, or a file that is sent in pieces. */
export interface Body {
  readonly type: string;
  readonly content: Uint8Array | FileBody;
}

interface FileBody {
  readonly path: string;
  readonly bytes: number;
  /** Called with the number of bytes sent so far. */
  readonly onSent: (bytes: number) => void;
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
    return await this.send<View>(path, { type: mediaType.json, content: new TextEncoder().encode(JSON.stringify(value)) });
  }

  /** POST of any body, answered by JSON. Errors: the codes of package api. */
  async send<View>(path: string, body: Body): Promise<View> {
    return await this.#exchange<View>("POST", path, body);
  }

  /** DELETE, answered by nothing. Errors: the codes of package api. */
  async delete(path: string): Promise<void> {
    await this.#request("DELETE", path, null);
  }

  async #exchange<View>(method: string, path: string, body: Body | null): Promise<View> {
    return (await this.#request(method, path, body)) as View;
  }

  /** The JSON of a success; undefined where it has no body. */
  async #request(method: string, path: string, body: Body | null): Promise<unknown> {
    const url = new URL(path.replace(/^\//, ""), `${this.#options.url.replace(/\/$/, "")}/`);
    const headers: Record<string, string | number> = { authorization: `Bearer ${this.#options.token}`, accept: mediaType.json };
    if (body !== null) Object.assign(headers, { "content-type": body.type, "content-length": lengthOf(body) });
    const options = { method, headers, timeout: idleSeconds * 1000 };
    const proxyEnv = proxiesFor(url);
    const outgoing =
      url.protocol === "https:"
        ? httpsRequest(url, { ...options, agent: new HttpsAgent({ proxyEnv }) })
        : httpRequest(url, { ...options, agent: new HttpAgent({ proxyEnv }) });
    outgoing.on("timeout", () => outgoing.destroy(apiErrors.error("API_SERVER_UNREACHABLE", { url: url.origin })));
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.once("response", resolve);
      outgoing.once("error", (cause) => reject(apiErrors.error("API_SERVER_UNREACHABLE", { url: url.origin }, cause)));
    });
    if (body === null || body.content instanceof Uint8Array) outgoing.end(body?.content);
    else await sendFile(outgoing, body.content, answered);
    const reply = await answered;
    const status = reply.statusCode ?? 500;
    const text = await readText(reply, status < 400 ? maxReplyBytes : maxProblemBytes);
    const failed = { status, header: (name: string) => reply.headers[name]?.toString(), body: text };
    if (status >= 400) throw errorOfReply(failed, serverSide);
    if (status === 204) return undefined;
    if (status >= 300 || !isJson(reply)) throw foreignReply(failed);
    return parseJson(text);
  }
}

function isJson({ headers }: IncomingMessage): boolean {
  return (headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() === mediaType.json;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw apiErrors.error("API_REPLY_WRONG", { expected: "JSON" }, cause);
  }
}

/** The proxies that lead to an address. A token that travels in plain leaves this machine by none. */
function proxiesFor(url: URL): Record<string, string | undefined> {
  const proxies = proxyEnvironment(process.env);
  const proxy = URL.parse(proxies["http_proxy"] ?? proxies["HTTP_PROXY"] ?? "");
  return url.protocol === "http:" && proxy !== null && !isLoopback(proxy) ? {} : proxies;
}

function lengthOf({ content }: Body): number {
  return content instanceof Uint8Array ? content.length : content.bytes;
}

/** Bytes of the one buffer that a file is sent through: a stream of buffers would leave tens of megabytes to the collector. */
const sendBytes = 1024 * 1024;

/** Sends a file until it ends or the server answers before: then its answer says what is wrong. */
async function sendFile(outgoing: ClientRequest, file: FileBody, answered: Promise<unknown>): Promise<void> {
  let isAnswered = false;
  const over = (): void => {
    isAnswered = true;
  };
  answered.then(over, over);
  await using handle = await open(file.path, "r");
  const buffer = Buffer.allocUnsafeSlow(sendBytes);
  for (let sent = 0; !isAnswered; ) {
    const { bytesRead } = await handle.read(buffer, 0, sendBytes, sent);
    if (bytesRead === 0) break;
    const written = new Promise<void>((resolve) => outgoing.write(buffer.subarray(0, bytesRead), () => resolve()));
    await Promise.race([written, answered.catch(() => undefined)]);
    sent += bytesRead;
    file.onSent(sent);
  }
  outgoing.end();
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

/** Whether an address is one of this machine itself. */
export function isLoopback(url: URL): boolean {
  return ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
}

function requirePrivate(url: URL): void {
  if (url.protocol !== "https:" && !isLoopback(url)) throw commandErrors.error("PROFILE_URL_EXPOSED", { url: url.origin });
}
