import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { type TestContext, test } from "node:test";
import { formatEnrolToken } from "@sealane/api";
import type { SuiteName } from "@sealane/crypto";
import { type OrderAction, parseOrder, signOrder } from "@sealane/software";
import { digest, parseName, SealaneError } from "@sealane/wire";
import { requireIdentity, saveIdentity } from "../../src/identity.ts";
import { discard, enroll, exec, fetchSoftware, install, listen, obey, rollback, status, type Terminal } from "../../src/index.ts";
import { loadModule } from "../../src/module-record.ts";
import { StateLock } from "../../src/state-lock.ts";
import { code } from "../double/codes.ts";
import { TestOperator } from "../double/test-operator.ts";
import { TestTerminal, terminalName } from "../double/test-terminal.ts";

const daySeconds = 86_400;
const operator = "operator-1";

async function world(t: TestContext) {
  const made = await TestTerminal.create(t);
  const { terminal, clock, authority } = made;
  const signing = await TestOperator.appoint(made);
  return { made, terminal, clock, authority, stage: made.stage.bind(made), order: signing.sign.bind(signing) };
}

test("FCLOCK NEWEST: an order of the operator sets clock and sequence back, once, and again is nothing", async (t) => {
  const { terminal, clock, stage, order } = await world(t);
  await stage({ sequence: 1_000_000 });
  await install(terminal);
  await terminal.clock.restart(clock.now + 400 * daySeconds);
  const both = await order({
    actions: [
      { kind: "reset-clock", toSeconds: clock.now },
      { kind: "reset-sequence", module: "hmi", toSequence: 5 },
    ],
  });
  assert.equal((await obey(terminal, both)).wasDone, false);
  assert.equal(terminal.clock.nowSeconds(), clock.now);
  assert.equal((await loadModule(terminal.folder.module("hmi"))).highest, 5);
  await stage({ sequence: 6 });
  await install(terminal);
  assert.equal((await loadModule(terminal.folder.module("hmi"))).current, 6);
  assert.equal((await obey(terminal, both)).wasDone, true);
  assert.equal((await loadModule(terminal.folder.module("hmi"))).highest, 6);
});

test("NEWEST: no order goes below the floor that the publisher's release names, and nothing of such an order is done", async (t) => {
  const { terminal, clock, stage, order } = await world(t);
  await stage({ sequence: 10, floorSequence: 6 });
  await install(terminal);
  await terminal.clock.restart(clock.now + daySeconds / 2);
  const reset = (toSequence: number): { readonly actions: readonly OrderAction[] } => ({
    actions: [
      { kind: "reset-clock", toSeconds: clock.now },
      { kind: "reset-sequence", module: "hmi", toSequence },
    ],
  });
  await assert.rejects(obey(terminal, await order(reset(5))), code("TERMINAL_ORDER_BELOW_FLOOR"));
  assert.equal((await loadModule(terminal.folder.module("hmi"))).highest, 10);
  assert.notEqual(terminal.clock.nowSeconds(), clock.now);
  await obey(terminal, await order(reset(6)));
  assert.equal((await loadModule(terminal.folder.module("hmi"))).highest, 6);
});

test("NEWEST: later releases that name no floor, whatever brought them, do not make the floor forgotten", async (t) => {
  const { terminal, stage, order } = await world(t);
  const reset = (toSequence: number): { readonly actions: readonly OrderAction[] } => ({
    actions: [{ kind: "reset-sequence", module: "hmi", toSequence }],
  });
  const put = async (release: Parameters<typeof stage>[0]): Promise<void> => {
    await stage(release);
    await install(terminal);
  };
  await put({ sequence: 10, floorSequence: 6 });
  await obey(terminal, await order({ ...reset(6), number: 1 }));
  for (const sequence of [7, 8]) await put({ sequence, content: Uint8Array.of(sequence) });
  const { current, previous } = await loadModule(terminal.folder.module("hmi"));
  assert.deepEqual([current, previous], [8, 7]);
  await assert.rejects(obey(terminal, await order({ ...reset(5), number: 2 })), code("TERMINAL_ORDER_BELOW_FLOOR"));
  await obey(terminal, await order({ ...reset(6), number: 2 }));
});

test("NEWEST: an order that was replayed, is over, is another's or has a number that was used changes nothing", async (t) => {
  const { terminal, clock, order } = await world(t);
  const start = clock.now;
  const floor = start + 400 * daySeconds;
  await terminal.clock.restart(floor);
  const to = (toSeconds: number): { readonly actions: readonly OrderAction[] } => ({ actions: [{ kind: "reset-clock", toSeconds }] });
  const refused = async (encoded: Uint8Array, expected: string): Promise<void> => {
    const before = terminal.clock.nowSeconds();
    await assert.rejects(obey(terminal, encoded), code(expected));
    assert.equal(terminal.clock.nowSeconds(), before);
  };
  const older = await order({ ...to(start), number: 5 });
  await refused(await order({ ...to(start), recipients: [parseName("gateway-8")] }), "ORDER_RECIPIENT_WRONG");
  await refused(await order({ ...to(start), issuedAtSeconds: start + 61 }), "ORDER_NOT_YET_VALID");
  await refused(
    await order({ ...to(start - 9 * daySeconds), issuedAtSeconds: start - 9 * daySeconds, expiresAtSeconds: start - 60, number: 1 }),
    "ORDER_EXPIRED",
  );
  await assert.rejects(order({ ...to(start), expiresAtSeconds: start + 14 * daySeconds + 1 }), code("STATEMENT_CONTENT_WRONG"));
  await assert.rejects(order({ ...to(start), number: (start + 1) * 1000 }), code("STATEMENT_CONTENT_WRONG"));
  await assert.rejects(order(to(start + 8 * daySeconds)), code("STATEMENT_CONTENT_WRONG"));
  await assert.rejects(order({ actions: [{ kind: "reset-everything" } as unknown as OrderAction] }), code("STATEMENT_CONTENT_WRONG"));
  await obey(terminal, await order({ ...to(start), recipients: "*", number: 6 }));
  assert.equal(terminal.clock.nowSeconds(), start);
  await terminal.clock.restart(floor);
  await refused(older, "TERMINAL_ORDER_REPLAYED");
  await refused(await order({ ...to(start), number: 6 }), "TERMINAL_ORDER_REPLAYED");
  await obey(terminal, await order({ ...to(start), number: 7 }));
});

test("WHO: nobody's key but the operator's signs an order, and no authority's but this terminal's", async (t) => {
  const { terminal, clock, authority, order } = await world(t);
  const template = parseOrder(await order({ actions: [{ kind: "reset-clock", toSeconds: clock.now }] }));
  for (const purpose of ["release-sign", "licence-sign", "server-sign", "terminal-sign"] as const) {
    const { key, certificate } = await authority.signer(operator, purpose);
    await assert.rejects(signOrder({ key, chain: certificate.chain, order: template }), code("STATEMENT_SIGNER_WRONG"));
  }
  const other = await TestTerminal.create(t);
  const { key, certificate } = await other.authority.signer(operator, "order-sign");
  const foreign = await signOrder({ key, chain: certificate.chain, order: template });
  await assert.rejects(obey(terminal, foreign), code("ORDER_UNTRUSTED"));
  const own = await order({ actions: template.actions });
  const flipped = own.with(own.length - 1, (own.at(-1) ?? 0) ^ 1);
  await assert.rejects(obey(terminal, flipped), code("ORDER_SIGNATURE_WRONG"));
});

const nextCommands: Readonly<Record<string, (terminal: Terminal) => Promise<unknown>>> = {
  "another order": (terminal) => obey(terminal, new Uint8Array(3)),
  fetch: (terminal) => fetchSoftware(terminal),
  listen: async (terminal) => await Array.fromAsync(listen(terminal, { once: true, waitSeconds: 0 })),
  install: (terminal) => install(terminal),
  exec: (terminal) => exec(terminal, { module: "hmi" }),
  rollback: (terminal) => rollback(terminal, { module: "hmi" }),
  discard: (terminal) => discard(terminal, { module: "hmi" }),
  enrol: (terminal) => enroll(terminal, { token: someToken }),
};

const someToken = formatEnrolToken({
  url: "http://127.0.0.1:9/",
  fingerprint: digest(new Uint8Array(32)),
  tokenId: new Uint8Array(8),
  tokenSecret: new Uint8Array(32),
  name: terminalName,
  model: "m1",
});

for (const [name, next] of Object.entries(nextCommands)) {
  test(`NEWEST: an order that a kill has cut is finished by what comes next: ${name}`, async (t) => {
    const { terminal, clock, order } = await world(t);
    const { now } = clock;
    await terminal.clock.restart(now + 20 * daySeconds);
    const encoded = await order({ actions: [{ kind: "reset-clock", toSeconds: now }] });
    const restart = terminal.clock.restart.bind(terminal.clock);
    terminal.clock.restart = async () => {
      throw new Error("killed");
    };
    await assert.rejects(obey(terminal, encoded), /killed/);
    terminal.clock.restart = restart;
    assert.deepEqual([terminal.clock.floorSeconds(), (await status(terminal)).order?.stage], [now + 20 * daySeconds, "pending"]);
    await assert.rejects(next(terminal), (error) => error instanceof SealaneError);
    assert.deepEqual([terminal.clock.floorSeconds(), (await status(terminal)).order?.stage], [now, "done"]);
  });
}

test("NEWEST: while another command holds a lock, an order that a kill has cut is left to it", async (t) => {
  const { terminal, clock, order } = await world(t);
  await terminal.clock.restart(clock.now + 20 * daySeconds);
  const encoded = await order({ actions: [{ kind: "reset-clock", toSeconds: clock.now }] });
  const restart = terminal.clock.restart.bind(terminal.clock);
  terminal.clock.restart = async () => {
    throw new Error("killed");
  };
  await assert.rejects(obey(terminal, encoded), /killed/);
  terminal.clock.restart = restart;
  using _lock = await StateLock.take(terminal.folder, "downloads");
  await assert.rejects(rollback(terminal, { module: "hmi" }), code("TERMINAL_MODULE_UNKNOWN"));
  assert.equal((await status(terminal)).order?.stage, "pending");
});

test("NEWEST: an authority that comes back finds the number of its last order, whoever gave orders meanwhile", async (t) => {
  const { terminal, clock, order } = await world(t);
  const to = { actions: [{ kind: "reset-clock", toSeconds: clock.now }] } as const;
  const older = await order({ ...to, number: 5 });
  const newer = await order({ ...to, number: 6 });
  await obey(terminal, newer);
  const own = await requireIdentity(terminal);
  const other = await TestTerminal.create(t);
  await saveIdentity(terminal, { ...own, authority: other.authority.anchor.der });
  await obey(terminal, await (await TestOperator.appoint(other)).sign({ ...to, number: 3 }));
  await saveIdentity(terminal, own);
  await assert.rejects(obey(terminal, older), code("TERMINAL_ORDER_REPLAYED"));
  assert.equal((await obey(terminal, newer)).wasDone, true);
  await obey(terminal, await order({ ...to, number: 7 }));
});

test("POLICY: an order lets a suite be taken that both share, and no other; the terminal's links are on it then", async (t) => {
  const { terminal, order } = await world(t);
  const floor = async (): Promise<string | undefined> => (await status(terminal)).identity?.suiteFloor;
  const to = (suite: SuiteName, number: number): Promise<Uint8Array> => order({ number, actions: [{ kind: "reset-suite", suite }] });
  assert.equal(await floor(), "hybrid");
  await assert.rejects(obey(terminal, await to("p256", 1)), code("CRYPTO_SUITE_UNKNOWN"));
  assert.equal(await floor(), "hybrid");
  await obey(terminal, await to("x25519", 1));
  assert.equal(await floor(), "x25519");
  await obey(terminal, await to("hybrid", 2));
  assert.equal(await floor(), "hybrid");
});

test("FCLOCK: where the machine has no clock, an order's number counts and its dates do not", async (t) => {
  const { terminal, clock, order } = await world(t);
  const { now } = clock;
  await terminal.clock.restart(now + 400 * daySeconds);
  const encoded = await order({ actions: [{ kind: "reset-clock", toSeconds: now }] });
  clock.now = 0;
  await obey(terminal, encoded);
  assert.equal(terminal.clock.nowSeconds(), now);
  await writeFile(terminal.folder.orders, "damaged");
  await assert.rejects(obey(terminal, encoded), code("TERMINAL_STATE_DAMAGED"));
});
