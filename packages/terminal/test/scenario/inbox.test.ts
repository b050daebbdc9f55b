import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultSuite as suite, systemRandom } from "@sealane/crypto";
import { mechanismNamed } from "@sealane/link";
import { SealaneError } from "@sealane/wire";
import { loadEnrolment } from "../../src/identity.ts";
import { fetchSoftware, install } from "../../src/index.ts";
import { TestAuthority } from "../double/authority.ts";
import { code } from "../double/codes.ts";
import { enrolledWorld, restarted, type World } from "../double/enrolled.ts";
import { serverName } from "../double/test-terminal.ts";

const fromServer = { originator: "server", waitSeconds: 0 } as const;

const skippedIn = ({ events }: World): readonly string[] =>
  events.flatMap((event) => (event.kind === "message-skipped" ? [event.code] : []));

test("FNONCE EQ1: a message that was accepted once is not accepted again, also after a restart", async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal } = world;
  const message = await server.offer(server.publish({ sequence: 1 }));
  await fetchSoftware(terminal, fromServer);
  await install(terminal);
  server.publish({ sequence: 2, content: new Uint8Array(1) });
  server.post(message);
  await assert.rejects(fetchSoftware(terminal, fromServer), code("TERMINAL_NOTHING_WAITING"));
  await assert.rejects(fetchSoftware(restarted(world), fromServer), code("TERMINAL_NOTHING_WAITING"));
  assert.deepEqual(skippedIn(world), ["LINK_MESSAGE_REPLAYED", "LINK_MESSAGE_REPLAYED"]);
});

test("FNONCE FCLOCK: a message is not accepted again after the clock ran ahead, as the server proved, and was set back", async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal, clock } = world;
  const message = await server.offer(server.publish({ sequence: 1 }));
  await fetchSoftware(terminal, fromServer);
  await install(terminal);
  clock.now += 10 * 86_400;
  await server.offer(server.publish({ sequence: 2, content: new Uint8Array(1) })); // its acceptance forgets what is over
  await fetchSoftware(terminal, fromServer);
  await install(terminal);
  clock.now -= 10 * 86_400;
  server.post(message);
  await assert.rejects(fetchSoftware(terminal, fromServer), code("TERMINAL_NOTHING_WAITING"));
  assert.deepEqual(skippedIn(world), ["LINK_MESSAGE_EXPIRED"]);
});

test("FTIME: messages that are over or from the future are skipped, and the one behind them is used", async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal, clock } = world;
  const description = server.publish({});
  await server.offer(description);
  clock.now += 86_400 + 61;
  clock.now += 3_600;
  await server.offer(description);
  clock.now -= 3_600;
  await server.offer(description);
  await fetchSoftware(terminal, fromServer);
  assert.deepEqual(skippedIn(world), ["LINK_MESSAGE_EXPIRED", "LINK_MESSAGE_FUTURE"]);
});

test("EQ1: messages that were changed, cut or sent back, or are another's, are skipped, and the one behind them is used", async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal, clock } = world;
  const description = server.publish({});
  const right = await server.offer(description);
  const elsewhere = await TestAuthority.create(clock.now);
  const originate = async (authority: TestAuthority, recipientName: string): Promise<Uint8Array> => {
    const signing = await authority.signer(serverName, "server-sign");
    const self = { name: serverName, role: "server", signing: [signing], decryption: [], agreement: [] } as const;
    const recipient = [(await authority.opener(recipientName, "terminal-decrypt")).certificate];
    const context = { self, recipient, nowSeconds: clock.now, random: systemRandom };
    return (await mechanismNamed("signed-transport").originate(context, { suite })).message;
  };
  const { self, serverDecryption } = await loadEnrolment(terminal);
  const own = { self, recipient: serverDecryption, nowSeconds: clock.now, random: systemRandom };
  const sentBack = (await mechanismNamed("signed-transport").originate(own, { suite })).message;
  for (const message of [
    right.subarray(0, 100),
    right.with(-1, (right.at(-1) ?? 0) ^ 1),
    Buffer.concat([right, new Uint8Array(1)]),
    await originate(server.authority, "gateway-8"),
    await originate(elsewhere, "gateway-7"),
    sentBack,
  ]) {
    server.post(message);
  }
  await server.offer(description);
  await fetchSoftware(terminal, fromServer); // takes the first, which is right
  await install(terminal);
  await assert.rejects(fetchSoftware(terminal, fromServer), code("TERMINAL_NOTHING_NEW"));
  const skipped = skippedIn(world);
  assert.equal(skipped.length, 6);
  assert.equal(skipped.at(-1), "LINK_MESSAGE_UNEXPECTED");
  assert.ok(skipped.every((each) => /^(WIRE|COSE|CRYPTO|LINK)_/.test(each)));
});

test("EQ1: a message that another server of the same authority signed, encrypted to this terminal, is skipped", async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal, clock } = world;
  server.publish({});
  const signing = await server.authority.signer("server-2", "server-sign");
  const recipient = server.terminal?.decryption ?? [];
  const self = { name: signing.certificate.name, role: "server", signing: [signing], decryption: [], agreement: [] } as const;
  for (const sendCertificate of [false, true]) {
    const context = { self, recipient, nowSeconds: clock.now, random: systemRandom };
    const { message } = await mechanismNamed("signed-transport").originate(context, { suite, sendCertificate });
    server.post(message);
  }
  await assert.rejects(fetchSoftware(terminal, fromServer), code("TERMINAL_NOTHING_WAITING"));
  assert.deepEqual(skippedIn(world), ["LINK_PEER_UNKNOWN", "PKI_NAME_WRONG"]);
  const error = await fetchSoftware(terminal, fromServer).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof SealaneError);
  assert.deepEqual(error.details, { skipped: 2, reason: "PKI_NAME_WRONG" });
});

test("an answer that the server refuses is reported, and the next message is used", async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal } = world;
  const description = server.publish({});
  await server.offer(description);
  await server.offer(description);
  let refusals = 1;
  server.faults.before = ({ url }) => (url === "/v1/links" && refusals-- > 0 ? "LINK_REFUSED" : undefined);
  await fetchSoftware(terminal, fromServer);
  assert.deepEqual(skippedIn(world), ["LINK_REFUSED"]);
});

/** How many messages and records a terminal sends until it has a licence on a link that the server began. */
const sends = { "signed-transport": 2, "signed-agreement": 2, "mutual-certified": 2, "mutual-nonce": 3, "mutual-agreement": 3 } as const;

for (const mechanism of Object.keys(sends) as (keyof typeof sends)[]) {
  test(`DIR: a terminal that was cut off at any step of ${mechanism} goes on after a restart, on the same link`, async (t) => {
    const world = await enrolledWorld(t);
    const { server, terminal } = world;
    let sequence = 0;
    for (const lost of ["before", "after"] as const) {
      for (let passed = 0; passed < sends[mechanism]; passed++) {
        await server.offer(server.publish({ sequence: ++sequence, content: new Uint8Array(sequence) }), { mechanism });
        let left = passed;
        server.faults[lost] = ({ url }) => (url?.startsWith("/v1/links") === true && left-- <= 0 ? "drop" : undefined);
        await assert.rejects(fetchSoftware(terminal, fromServer), code("API_SERVER_UNREACHABLE"));
        server.faults[lost] = undefined;
        assert.equal(server.waiting, lost === "before" && passed === 0 ? 1 : 0);
        const { link, software } = await fetchSoftware(restarted(world), fromServer);
        assert.deepEqual([link.originator, link.mechanism, software.sequence], ["server", mechanism, sequence]);
        assert.equal(server.waiting, 0);
      }
    }
    assert.deepEqual(skippedIn(world), []);
  });
}

test("FNONCE EQ8 EQ14: a message without a memory of its own, whose link was made, comes to nothing when it comes again", async (t) => {
  for (const mechanism of ["mutual-nonce", "mutual-agreement"] as const) {
    const world = await enrolledWorld(t);
    const { server, terminal } = world;
    const message = await server.offer(server.publish({ sequence: 1 }), { mechanism });
    await fetchSoftware(terminal, fromServer);
    await install(terminal);
    server.publish({ sequence: 2, content: new Uint8Array(1) });
    server.post(message);
    await assert.rejects(fetchSoftware(restarted(world), fromServer), code("TERMINAL_NOTHING_WAITING"));
    assert.deepEqual(skippedIn(world), ["LINK_REFUSED"]);
  }
});

test("EQ8 EQ14: a wait for M3 that was kept for too long is given up, and the inbox is read", async (t) => {
  for (const mechanism of ["mutual-nonce", "mutual-agreement"] as const) {
    const world = await enrolledWorld(t);
    const { server, terminal, clock } = world;
    const description = server.publish({});
    await server.offer(description, { mechanism });
    server.faults.after = ({ url }) => (url === "/v1/links" ? "drop" : undefined);
    await assert.rejects(fetchSoftware(terminal, fromServer), code("API_SERVER_UNREACHABLE"));
    server.faults.after = undefined;
    clock.now += 2 * 86_400;
    await server.offer(description, { mechanism });
    await fetchSoftware(terminal, fromServer);
    assert.deepEqual(skippedIn(world), ["LINK_EXPIRED"]);
  }
});

test("a link that waited for its reply for too long is given up, and the inbox is read", async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal, clock } = world;
  const description = server.publish({});
  await server.offer(description);
  server.faults.after = ({ url }) => (url === "/v1/links" ? "drop" : undefined);
  await assert.rejects(fetchSoftware(terminal, fromServer), code("API_SERVER_UNREACHABLE"));
  server.faults.after = undefined;
  clock.now += 2 * 86_400;
  await server.offer(description);
  await fetchSoftware(terminal, fromServer);
  assert.deepEqual(skippedIn(world), ["LINK_EXPIRED"]);
});

test("a terminal waits for the server until its time is over, without asking without end", async (t) => {
  const { server, terminal, clock } = await enrolledWorld(t);
  const before = clock.now;
  await assert.rejects(fetchSoftware(terminal, { originator: "server", waitSeconds: 60 }), code("TERMINAL_NOTHING_WAITING"));
  assert.equal(clock.now - before, 60);
  assert.ok(server.requests.length <= 61);
});
