import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { mediaType, type OrderView, routes, type ServerReply } from "@sealane/api";
import { FileKeyStore } from "@sealane/keystore";
import { type Order, signOrder } from "@sealane/software";
import { decode, parseName } from "@sealane/wire";
import type { ServerOptions } from "../../src/index.ts";
import { maxOrders } from "../../src/limits.ts";
import type { Device } from "./device.ts";
import { TestServer } from "./test-server.ts";

const daySeconds = 86_400;
const offers = { kind: "offers", module: null, installed: [] } as const;

/** An operator beside a server: signs with the key that `init` has put into the operator's folder. */
class TestOperator {
  readonly server: TestServer;
  readonly #signer: Parameters<typeof signOrder>[0];

  private constructor(server: TestServer, signer: Parameters<typeof signOrder>[0]) {
    this.server = server;
    this.#signer = signer;
  }

  static async of(server: TestServer): Promise<TestOperator> {
    const folder = join(server.folder, "..", "operator");
    const key = await new FileKeyStore(join(folder, "keys")).signingKey("operator");
    const chain = decode(await readFile(join(folder, "operator.cbor")), 65_536) as readonly Uint8Array[];
    return new TestOperator(server, { key, chain, order: undefined as unknown as Order });
  }

  async sign(given: Partial<Order> = {}): Promise<Uint8Array> {
    const { nowSeconds } = this.server;
    const order: Order = {
      issuer: parseName("operator"),
      number: nowSeconds * 1000,
      issuedAtSeconds: nowSeconds,
      expiresAtSeconds: nowSeconds + 7 * daySeconds,
      recipients: "*",
      actions: [{ kind: "reset-clock", toSeconds: nowSeconds }],
      ...given,
    };
    return await signOrder({ ...this.#signer, order });
  }

  async post(order: Uint8Array): Promise<{ readonly status: number; readonly code: string | undefined }> {
    const reply = await this.server.operator.send("POST", routes.orders, { type: mediaType.cbor, body: Uint8Array.from(order) });
    return { status: reply.status, code: ((await reply.json()) as { readonly code?: string }).code };
  }

  /** Posts an order that is taken. */
  async give(given: Partial<Order> = {}): Promise<Uint8Array> {
    const order = await this.sign(given);
    assert.deepEqual(await this.post(order), { status: 200, code: undefined });
    return order;
  }

  async numbers(): Promise<readonly number[]> {
    return ((await this.server.operator.get(routes.orders)) as readonly OrderView[]).map(({ number }) => number);
  }
}

async function begin(
  t: TestContext,
  options: Partial<ServerOptions> = {},
): Promise<{ readonly server: TestServer; readonly operator: TestOperator }> {
  const server = await TestServer.start(t, options);
  return { server, operator: await TestOperator.of(server) };
}

async function newestFor(device: Device): Promise<number> {
  using link = await device.establish();
  const reply = await device.ask(link, offers);
  assert.equal(reply.kind, "offers");
  return reply.kind === "offers" ? reply.newestOrder : -1;
}

async function next(device: Device, after: number): Promise<ServerReply> {
  using link = await device.establish();
  return await device.ask(link, { kind: "order", after });
}

const none: ServerReply = { kind: "order", number: 0, order: null };

test("NEWEST: orders reach those that they are for, by number, until they are over", async (t) => {
  const { server, operator } = await begin(t);
  const [one, two] = [await server.device("gate-1"), await server.device("gate-2")];
  assert.equal(await newestFor(one), 0);
  assert.deepEqual(await next(one, 0), none);
  const first = await operator.give({ number: 5, recipients: [parseName("gate-1"), parseName("gate-9")] });
  const second = await operator.give({ number: 7, expiresAtSeconds: server.nowSeconds + daySeconds });
  const third = await operator.give({ number: 9, recipients: [parseName("gate-1")] });
  assert.deepEqual([await newestFor(one), await newestFor(two)], [9, 7]);
  assert.deepEqual(await next(one, 0), { kind: "order", number: 5, order: first });
  assert.deepEqual(await next(one, 5), { kind: "order", number: 7, order: second });
  assert.deepEqual(await next(one, 7), { kind: "order", number: 9, order: third });
  assert.deepEqual(await next(one, 9), none);
  assert.deepEqual(await next(two, 0), { kind: "order", number: 7, order: second });
  assert.deepEqual(await next(two, 7), none);
  server.nowSeconds += daySeconds;
  assert.deepEqual([await newestFor(one), await newestFor(two)], [9, 0]);
  assert.deepEqual(await next(two, 0), none);
  assert.deepEqual(await operator.numbers(), [5, 9]);
  await server.restart();
  assert.deepEqual(await operator.numbers(), [5, 9]);
  assert.deepEqual(await next(await server.device("gate-9"), 0), { kind: "order", number: 5, order: first });
});

test("NEWEST: the same order again is fine; a number that was used, or is lower, is refused", async (t) => {
  const { operator } = await begin(t);
  const order = await operator.give({ number: 5 });
  assert.deepEqual(await operator.post(order), { status: 200, code: undefined });
  for (const number of [5, 4])
    assert.deepEqual(await operator.post(await operator.sign({ number, recipients: [parseName("gate-1")] })), {
      status: 409,
      code: "SERVER_ORDER_CONFLICT",
    });
  assert.deepEqual(await operator.numbers(), [5]);
  await operator.give({ number: 6 });
  assert.deepEqual(await operator.post(order), { status: 200, code: undefined });
  assert.deepEqual(await operator.numbers(), [5, 6]);
});

test("NEWEST: no more orders are handed on than the server may, and there is room when some are over", async (t) => {
  const { server, operator } = await begin(t);
  const expiresAtSeconds = server.nowSeconds + daySeconds;
  for (let number = 1; number <= maxOrders; number++) await operator.give({ number, expiresAtSeconds });
  const more = await operator.sign({ number: maxOrders + 1 });
  assert.deepEqual(await operator.post(more), { status: 409, code: "SERVER_ORDERS_FULL" });
  server.nowSeconds += daySeconds;
  assert.deepEqual(await operator.post(more), { status: 200, code: undefined });
});

test("WHO: a server takes no order but one that its root's operator has signed, and that is in date", async (t) => {
  const { server, operator } = await begin(t);
  const { operator: stranger } = await begin(t);
  const { nowSeconds: now } = server;
  const order = await operator.sign();
  const flipped = order.with(order.length - 1, (order.at(-1) ?? 0) ^ 1);
  assert.deepEqual(await operator.post(await stranger.sign()), { status: 422, code: "ORDER_UNTRUSTED" });
  assert.deepEqual(await operator.post(flipped), { status: 422, code: "ORDER_SIGNATURE_WRONG" });
  assert.deepEqual(await operator.post(order.subarray(1)), { status: 422, code: "ORDER_MALFORMED" });
  assert.deepEqual(await operator.post(new Uint8Array(26 * 1024 + 1)), { status: 413, code: "API_BODY_TOO_LARGE" });
  assert.deepEqual(await operator.post(await operator.sign({ issuedAtSeconds: now + 61 })), { status: 422, code: "ORDER_NOT_YET_VALID" });
  const over = { number: 1, issuedAtSeconds: now - daySeconds, expiresAtSeconds: now - 60 };
  const actions = [{ kind: "reset-clock", toSeconds: now - daySeconds }] as const;
  assert.deepEqual(await operator.post(await operator.sign({ ...over, actions })), { status: 422, code: "ORDER_EXPIRED" });
  const { status } = await fetch(server.url + routes.orders, { method: "POST" });
  assert.equal(status, 401);
  assert.deepEqual(await operator.numbers(), []);
});

test("ANON: who has no name is told of no order, and is given none", async (t) => {
  const { server, operator } = await begin(t, { policy: { application: ["anonymous-transport"] } });
  const device = await server.device("gate-1");
  await server.publish("the software");
  await operator.give();
  using link = await device.establish({ mechanism: "anonymous-transport" });
  const reply = await device.ask(link, { ...offers, module: "app" });
  assert.equal(reply.kind === "offers" && reply.newestOrder, 0);
  assert.deepEqual(await device.ask(link, { kind: "order", after: 0 }), { kind: "refused", code: "API_REQUEST_WRONG" });
});

test("DIR EQ1: who waits for the server is called when an order comes, and has no offer then", async (t) => {
  const { server, operator } = await begin(t);
  const device = await server.device("gate-1");
  const waiting = device.inbox(0, 25);
  const order = await operator.give({ recipients: [parseName("gate-1"), parseName("gate-9")] });
  const [message] = await waiting;
  assert.ok(message !== undefined);
  const { link, reply } = await device.join(message.message);
  assert.deepEqual(reply, { kind: "offers", offers: [], nowSeconds: server.nowSeconds, newestOrder: server.nowSeconds * 1000 });
  assert.deepEqual(await device.ask(link, { kind: "order", after: 0 }), { kind: "order", number: server.nowSeconds * 1000, order });
  link[Symbol.dispose]();
});

test("NEWEST: an inbox that is full keeps no order from being taken", async (t) => {
  const { server, operator } = await begin(t);
  const device = await server.device("gate-1");
  await server.publish("the software");
  for (let message = 0; message < 64; message++) await server.offer(["gate-1"]);
  const order = await operator.give();
  assert.equal((await server.rows()).inbox_messages.length, 64);
  assert.deepEqual(await next(device, 0), { kind: "order", number: server.nowSeconds * 1000, order });
});
