import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import type { TestContext } from "node:test";

/** Somebody on the way to a server: lets one reply through up to its middle, and the rest when a test says so. */
export interface Gate {
  readonly url: string;
  /** Resolves once the first half of a held reply is on its way. */
  readonly reached: Promise<void>;
  /** Lets everything through. */
  open(): void;
}

/** Stands before a server and holds up the replies to what `isHeld` picks by method and path. */
export async function gateBefore(t: TestContext, url: string, isHeld: (request: string) => boolean): Promise<Gate> {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  const { promise: reached, resolve: arrived } = Promise.withResolvers<void>();
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    const { method = "GET", url: path = "/", headers } = request;
    const onward = httpRequest(new URL(path, url), { method, headers }, async (reply) => {
      const whole = await buffer(reply);
      response.writeHead(reply.statusCode ?? 502, reply.headers);
      const half = isHeld(`${method} ${path}`) ? whole.length >> 1 : whole.length;
      response.write(whole.subarray(0, half), () => half < whole.length && arrived());
      if (half < whole.length) await opened;
      response.end(whole.subarray(half));
    });
    onward.on("error", () => response.destroy());
    onward.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    open();
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, reached, open };
}
