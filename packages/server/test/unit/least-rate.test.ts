import assert from "node:assert/strict";
import { once } from "node:events";
import http, { type RequestListener, type ServerResponse } from "node:http";
import https from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import tls from "node:tls";
import { cutOffSlowReader } from "../../src/http/least-rate.ts";

const windowMilliseconds = 120_000;
const least = 1_024;
const leastInWindow = 120 * least;

interface Handle {
  bytesWritten: number;
  writeQueueSize: number;
  readonly _parent?: Handle;
}

/** A response whose socket has sent what its handle says. */
class CountedResponse {
  readonly socket: { readonly _handle: Handle };
  isCut = false;

  constructor(handle: Handle) {
    this.socket = { _handle: handle };
  }

  readonly destroy = (): void => {
    this.isCut = true;
  };
}

test("who takes the least rate in each window stays, and is cut off at the end of the first one with a byte less", (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const handle = { bytesWritten: 5_000_000, writeQueueSize: 5_000_000 }; // a piece that is under way
  const response = new CountedResponse(handle);
  using _watch = cutOffSlowReader(response, least);
  for (const taken of [leastInWindow, 1_000_000, leastInWindow]) {
    handle.writeQueueSize -= taken;
    t.mock.timers.tick(windowMilliseconds);
    assert.equal(response.isCut, false);
  }
  handle.writeQueueSize -= leastInWindow - 1;
  t.mock.timers.tick(windowMilliseconds - 1);
  assert.equal(response.isCut, false);
  t.mock.timers.tick(1);
  assert.equal(response.isCut, true);
});

test("a piece that is handed over counts by what was taken of it, under TLS by what the inner handle sent", (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  for (const isTls of [false, true]) {
    const inner = { bytesWritten: 0, writeQueueSize: 0 };
    const handle = isTls ? { bytesWritten: 0, writeQueueSize: 0, _parent: inner } : inner;
    const response = new CountedResponse(handle);
    using _watch = cutOffSlowReader(response, least);
    handle.bytesWritten = 9_000_000;
    inner.bytesWritten = 9_000_000;
    inner.writeQueueSize = 9_000_000 - 1;
    t.mock.timers.tick(windowMilliseconds);
    assert.equal(response.isCut, true, `${isTls}`);
  }
});

test("a rate that is not watched any more cuts nobody off", (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const response = new CountedResponse({ bytesWritten: 0, writeQueueSize: 0 });
  cutOffSlowReader(response, least)[Symbol.dispose]();
  t.mock.timers.tick(2 * windowMilliseconds);
  assert.equal(response.isCut, false);
});

/** A TLS without certificates. */
const preShared = { ciphers: "PSK-AES128-GCM-SHA256", maxVersion: "TLSv1.2" } as const;
const psk = new Uint8Array(16);

const ways: Readonly<Record<string, { serve(listener: RequestListener): http.Server; dial(port: number): Socket }>> = {
  TCP: { serve: (listener) => http.createServer(listener), dial: (port) => connect(port, "127.0.0.1") },
  TLS: {
    serve: (listener) => https.createServer({ ...preShared, pskCallback: () => psk }, listener),
    dial: (port) =>
      tls.connect({
        ...preShared,
        host: "127.0.0.1",
        port,
        pskCallback: () => ({ psk, identity: "x" }),
        checkServerIdentity: () => undefined,
      }),
  },
};

/** Reads so many bytes, and then no more. */
async function take(socket: Socket, bytes: number): Promise<void> {
  for (let taken = 0; taken < bytes; ) {
    const chunk: unknown = socket.read();
    if (chunk instanceof Uint8Array) taken += chunk.length;
    else await once(socket, "readable");
  }
}

const mebibyte = 1024 * 1024;
const pieceBytes = 64 * mebibyte; // far more than the system's buffers take, in one piece

for (const [name, way] of Object.entries(ways)) {
  test(`over ${name} a reader at its pace stays in the middle of a piece, and one that drips is cut off`, async (t: TestContext) => {
    t.mock.timers.enable({ apis: ["setInterval"] });
    const begun = Promise.withResolvers<ServerResponse>();
    const server = way.serve((_, response) => {
      response.writeHead(200, { "content-length": pieceBytes }).write(new Uint8Array(pieceBytes));
      begun.resolve(response);
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const socket = way.dial((server.address() as AddressInfo).port).on("error", () => {});
    t.after(() => {
      socket.destroy();
      server.closeAllConnections();
      server.close();
    });
    socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    const response = await begun.promise;
    using _watch = cutOffSlowReader(response, least);
    for (let i = 0; i < 3; i++) {
      await take(socket, 16 * mebibyte); // more than all buffers between, so that the server sees it
      t.mock.timers.tick(windowMilliseconds);
      assert.equal(response.destroyed, false);
    }
    // Each window that it survives takes the least of the rest, so that their number is bounded.
    let windows = 0;
    for (const most = (16 * mebibyte) / leastInWindow; !response.destroyed && windows <= most; windows++) {
      socket.read(1);
      await new Promise(setImmediate);
      t.mock.timers.tick(windowMilliseconds);
    }
    assert.equal(response.destroyed, true);
    await once(response, "close");
  });
}
