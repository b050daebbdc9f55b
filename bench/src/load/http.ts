import http, { type Agent } from "node:http";
import { mediaType } from "@sealane/api";

export interface Exchange {
  readonly agent: Agent;
  readonly method?: "GET" | "POST";
  readonly type?: string;
  readonly body?: Uint8Array | string;
  readonly authorization?: string;
}

/** Sends a request and reads the whole reply; any other status than 200 and 204 is an error. */
export async function exchange(url: string, given: Exchange): Promise<Uint8Array> {
  const { agent, body, method = body === undefined ? "GET" : "POST", type = mediaType.cbor, authorization } = given;
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const headers = {
    ...(body === undefined ? {} : { "content-type": type, "content-length": Buffer.byteLength(body) }),
    ...(authorization === undefined ? {} : { authorization }),
  };
  const request = http.request(url, { agent, method, headers }, (response) => {
    const pieces: Buffer[] = [];
    response.on("data", (piece: Buffer) => pieces.push(piece));
    response.once("error", reject);
    response.once("end", () => {
      const whole = Buffer.concat(pieces);
      if (response.statusCode === 200 || response.statusCode === 204) resolve(new Uint8Array(whole));
      else reject(new Error(`status ${response.statusCode} of ${url}: ${whole.toString("utf8")}`));
    });
  });
  request.once("error", reject);
  request.end(body);
  return await promise;
}
