import assert from "node:assert/strict";
import { mediaType, routes, type TokenView } from "@sealane/api";

/** An operator's requests, as a test sends them. */
export class OperatorClient {
  readonly url: string;
  readonly #token: string;

  constructor(url: string, token: string) {
    this.url = url;
    this.#token = token;
  }

  async get(path: string): Promise<unknown> {
    return await read(await this.send("GET", path));
  }

  async post(path: string, body: unknown): Promise<unknown> {
    return await read(await this.send("POST", path, { type: mediaType.json, body: JSON.stringify(body) }));
  }

  async token(name: string, model = "m1", lifeSeconds?: number): Promise<string> {
    const body = { name, model, ...(lifeSeconds === undefined ? {} : { lifeSeconds }) };
    return ((await this.post(routes.tokens, body)) as TokenView).token;
  }

  async send(method: string, path: string, content?: { readonly type: string; readonly body: RequestInit["body"] }): Promise<Response> {
    const headers = { authorization: `Bearer ${this.#token}`, ...(content === undefined ? {} : { "content-type": content.type }) };
    return await fetch(this.url + path, { method, headers, body: content?.body ?? null });
  }
}

async function read(response: Response): Promise<unknown> {
  assert.equal(response.status, 200, await response.clone().text());
  return await response.json();
}
