import { apiErrors, mediaType } from "@sealane/api";
import { cryptoErrors } from "@sealane/crypto";
import { type FileBody, HttpClient, type HttpRequest, isLoopback, proxiesForSecrets, urlOf } from "@sealane/http";
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

/** Bytes of a reply: a list of all releases or terminals. */
const maxListBytes = 4 * 1024 * 1024;

export interface OperatorClientOptions {
  readonly url: string;
  readonly token: string;
}

/** A body of one type: bytes, or a file that is sent in pieces. */
export interface Body {
  readonly type: string;
  readonly content: Uint8Array | FileBody;
}

/** Speaks to the operator routes of a server. */
export class OperatorClient {
  readonly #base: URL;
  readonly #token: string;

  /** Error: PROFILE_URL_EXPOSED for plain HTTP off loopback. */
  constructor({ url, token }: OperatorClientOptions) {
    this.#base = new URL(url.endsWith("/") ? url : `${url}/`);
    this.#token = token;
    requirePrivate(this.#base);
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
    using http = this.#openHttp();
    await http.command(this.#requestOf("DELETE", path, null));
  }

  async #exchange<View>(method: HttpRequest["method"], path: string, body: Body | null): Promise<View> {
    using http = this.#openHttp();
    const bytes = await http.exchange(this.#requestOf(method, path, body), { type: mediaType.json, maxBytes: maxListBytes });
    return parseJson(bytes) as View;
  }

  /** For one request: between two of them a file may be sealed for longer than any server keeps a connection. */
  #openHttp(): HttpClient {
    return new HttpClient({ environment: proxiesForSecrets(this.#base, process.env), alsoKnown: serverSide });
  }

  #requestOf(method: HttpRequest["method"], path: string, body: Body | null): HttpRequest {
    const headers = { authorization: `Bearer ${this.#token}`, accept: mediaType.json };
    const request = { method, url: urlOf(this.#base, path), headers };
    return body === null ? request : { ...request, headers: { ...headers, "content-type": body.type }, body: body.content };
  }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw apiErrors.error("API_REPLY_WRONG", { expected: "JSON" }, cause);
  }
}

function requirePrivate(url: URL): void {
  if (url.protocol !== "https:" && !isLoopback(url)) throw commandErrors.error("PROFILE_URL_EXPOSED", { url: url.origin });
}
