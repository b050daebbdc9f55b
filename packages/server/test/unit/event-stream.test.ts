import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import fastify from "fastify";
import { sendEvents } from "../../src/http/event-stream.ts";

const piece = `data: ${"x".repeat(65_536)}\n\n`;
const never = new AbortController().signal;

interface Served {
  readonly socket: Socket;
  /** Pieces that were asked for so far. */
  readonly asked: () => number;
  /** Resolves when the server is done with the stream. */
  readonly done: Promise<void>;
}

/** A server whose one route sends pieces without end, and a client that asks and does not read. */
async function endless(t: TestContext, options: { readonly ended?: AbortSignal; readonly stallSeconds: number }): Promise<Served> {
  const { promise: done, resolve } = Promise.withResolvers<void>();
  let asked = 0;
  async function* pieces(): AsyncGenerator<string> {
    for (;;) {
      asked++;
      yield piece;
    }
  }
  const app = fastify();
  app.decorateRequest("failure", null);
  app.get("/", async (_request, reply) => {
    await sendEvents(reply, pieces(), { ended: never, ...options });
    resolve();
    return reply;
  });
  const { port, hostname } = new URL(await app.listen({ host: "127.0.0.1", port: 0 }));
  t.after(async () => await app.close());
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {});
  socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  return { socket, asked: () => asked, done };
}

/** Comes back when no piece has been asked for during many turns: the system's buffers are full. Gives how many were. */
async function stalled({ asked }: Served): Promise<number> {
  for (let turns = 0, before = 0; turns < 500; turns = asked() === before && before > 0 ? turns + 1 : 0) {
    before = asked();
    await new Promise(setImmediate);
  }
  return asked();
}

test("a client that does not read is cut off, and no piece is made for it meanwhile", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const served = await endless(t, { stallSeconds: 20 });
  const asked = await stalled(served);
  t.mock.timers.tick(20_000);
  const most = (asked + 1) * (piece.length + 100);
  for await (const _ of served.socket) if (served.socket.bytesRead >= most) break;
  assert.ok(served.socket.bytesRead < most);
  await served.done;
  assert.equal(served.asked(), asked);
});

test("a stream whose client does not read ends at once when it is sent away", async (t) => {
  const ending = new AbortController();
  const served = await endless(t, { stallSeconds: 1_000, ended: ending.signal });
  await stalled(served);
  ending.abort();
  await served.done;
  served.socket.destroy();
});

test("a stream ends with its client", async (t) => {
  const served = await endless(t, { stallSeconds: 1_000 });
  await new Promise((resolve) => served.socket.once("readable", resolve));
  served.socket.destroy();
  await served.done;
});

test("what the events throw ends the stream, and is kept for the log", async (t) => {
  const app = fastify();
  t.after(async () => await app.close());
  app.decorateRequest("failure", null);
  let failure: unknown;
  app.addHook("onResponse", async (request) => {
    failure = request.failure;
  });
  const wrong = new Error("no such table");
  async function* pieces(): AsyncGenerator<string> {
    yield ":\n\n";
    throw wrong;
  }
  app.get("/", async (_request, reply) => {
    await sendEvents(reply, pieces(), { ended: never, stallSeconds: 1_000 });
    return reply;
  });
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  assert.equal(await (await fetch(url)).text(), ":\n\n");
  while (failure === undefined) await new Promise(setImmediate);
  assert.equal(failure, wrong);
});
