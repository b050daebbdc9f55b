import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { pathOf, routes, type TerminalView } from "@sealane/api";
import { defaultSuite, standardSuites } from "@sealane/crypto";
import { allowedTriples, type ConfidentialLink, type Mechanism, type Triple } from "@sealane/link";
import { parseLicence, verifyLicence } from "@sealane/software";
import { equalBytes } from "@sealane/wire";
import { type Device, type LinkWish, post } from "./device.ts";
import type { Prepared } from "./publisher.ts";
import { granted, opensTo, refusedCode, versions } from "./server-replies.ts";
import { everyMechanism, TestServer } from "./test-server.ts";

const offers = { kind: "offers", module: null, installed: [] } as const;

/** A server that allows every mechanism, with one release, and a device: shared by the rows of a table. */
interface Stage {
  readonly server: TestServer;
  readonly device: Device;
  readonly prepared: Prepared;
}

async function stageFor(t: TestContext): Promise<Stage> {
  const server = await TestServer.start(t, { policy: everyMechanism });
  const prepared = await server.publish("the software");
  return { server, prepared, device: await server.device("gate-1") };
}

const forOne: readonly Triple[] = allowedTriples(standardSuites).filter(({ mechanism }) => !mechanism.broadcast);

/** Whether the server does not learn the terminal's name. */
function isUnnamed(mechanism: Mechanism, originator: Triple["originator"]): boolean {
  return mechanism.anonymous === "originator" && originator === "terminal";
}

/** A link that the server begins with its offer, and nothing left in the inbox behind it. */
async function joinOffer({ server, device, prepared }: Stage, { mechanism, suite }: Triple): Promise<ConfidentialLink> {
  await server.offer([device.name], "app", { mechanism: mechanism.name, suite });
  const [waiting] = await device.inbox();
  const { link, reply, third } = await device.join(waiting?.message ?? new Uint8Array(0));
  assert.deepEqual(versions(reply), ["1.0"]);
  assert.deepEqual(await device.inbox(), []);
  if (third !== null && mechanism.vouches) {
    assert.equal(equalBytes(third.artefactId ?? new Uint8Array(0), prepared.artefactId), true);
    assert.equal(parseLicence(third.licence ?? new Uint8Array(0)).licence.recipient, device.name);
  }
  return link;
}

/** What is offered, then licence and content key, for whom the mechanism says. */
async function deliver({ server, device, prepared }: Stage, link: ConfidentialLink, isAnonymous: boolean): Promise<void> {
  assert.deepEqual(versions(await device.ask(link, { ...offers, module: "app" })), ["1.0"]);
  const grant = granted(await device.ask(link, { kind: "authorise", artefactId: prepared.artefactId }));
  assert.equal(opensTo(prepared, link, grant, server.nowSeconds), true);
  const recipient = isAnonymous ? "anonymous" : device.name;
  const { nowSeconds } = server;
  verifyLicence(grant.licence, { anchors: [device.anchor], nowSeconds, recipients: [recipient], model: "m1" });
}

test("EQ1 EQ2 EQ4 EQ5 EQ6 EQ7 EQ7S EQ8 EQ11 EQ14 DIR UNI: software comes by every mechanism for one, on every suite, by either originator", async (t) => {
  const stage = await stageFor(t);
  const { device } = stage;
  for (const triple of forOne) {
    const { mechanism, suite, originator } = triple;
    const equation = mechanism.equations[originator] ?? "";
    await t.test(`DIR: ${mechanism.name} on ${suite.name}, begun by the ${originator} (${equation})`, async () => {
      const isBegunHere = originator === "terminal";
      using link = isBegunHere ? await device.establish({ mechanism: mechanism.name, suite }) : await joinOffer(stage, triple);
      assert.deepEqual([link.mechanism, link.suite.name, link.originatorRole], [mechanism.name, suite.name, originator]);
      const [own, peer] = isBegunHere
        ? [link.parties.originator, link.parties.recipient]
        : [link.parties.recipient, link.parties.originator];
      const isServerUnnamed = mechanism.anonymous === "originator" && !isBegunHere;
      assert.deepEqual([own, peer], [isUnnamed(mechanism, originator) ? null : "gate-1", isServerUnnamed ? null : "server"]);
      await deliver(stage, link, isUnnamed(mechanism, originator));
    });
  }
  const text = await (await fetch(stage.server.url + routes.metrics)).text();
  for (const { mechanism, suite, originator } of forOne) {
    assert.ok(text.includes(`{mechanism="${mechanism.name}",suite="${suite.name}",originator="${originator}"} 1\n`), mechanism.name);
  }
  assert.deepEqual(stage.server.codes, []);
});

const forms: readonly (readonly [ids: string, what: string, wish: LinkWish])[] = [
  ["EQ7", "g^b encrypted to the server", { mechanism: "anonymous-agreement", encrypted: true }],
  ["EQ7S", "signed g^b encrypted to the server", { mechanism: "signed-agreement", encrypted: true }],
  ["EQ8", "certificates in the message", { mechanism: "mutual-nonce", sendCertificate: true }],
  ["EQ11", "one way", { mechanism: "mutual-certified", twoWay: false }],
  ["EQ11", "certificates in the message", { mechanism: "mutual-certified", sendCertificate: true }],
  ["EQ14", "certificates in the message", { mechanism: "mutual-agreement", sendCertificate: true }],
  ["EQ14ii", "signature beside what it signs", { mechanism: "mutual-agreement", third: "signed-beside" }],
  ["EQ14iii", "signed licence", { mechanism: "mutual-agreement", third: "licence-signed" }],
  ["EQ14iii", "signature over the encrypted licence", { mechanism: "mutual-agreement", third: "licence-encrypted" }],
];

test("EQ7 EQ7S EQ8 EQ11 EQ14 EQ14ii EQ14iii OPT: software comes by every form of a mechanism that a terminal may choose", async (t) => {
  const stage = await stageFor(t);
  for (const [equation, what, wish] of forms) {
    await t.test(`OPT: ${wish.mechanism}, ${what} (${equation})`, async () => {
      using link = await stage.device.establish(wish);
      await deliver(stage, link, wish.mechanism === "anonymous-agreement");
    });
  }
  assert.deepEqual(stage.server.codes, []);
});

test("EQ14i POLICY: an M3 that nobody signed is not what a server waits for", async (t) => {
  const { server, device } = await stageFor(t);
  const { message } = await device.originate({ mechanism: "mutual-agreement", third: "unsigned" });
  const { status, code } = await post(device.url + routes.links, message);
  assert.deepEqual([status, code, server.codes.at(-1)], [403, "LINK_REFUSED", "LINK_MECHANISM_UNKNOWN"]);
});

test("DIR: a link that the server begins offers what it was begun for, by whatever mechanism, also when others are newer", async (t) => {
  const { server, device } = await stageFor(t);
  for (const mechanism of ["signed-transport", "mutual-nonce", "mutual-certified", "mutual-agreement"] as const) {
    await server.offer(["gate-1"], "app", { mechanism });
  }
  await server.publish("newer", { version: "2.0", sequence: 2 });
  await server.publish("another module", { module: "a", version: "3.0", models: [] });
  for (const { message } of await device.inbox()) {
    const { link, reply } = await device.join(message);
    assert.deepEqual(versions(reply), ["1.0"], link.mechanism);
    assert.deepEqual(versions(await device.ask(link, offers)), ["1.0"], link.mechanism);
    assert.deepEqual(versions(await device.ask(link, { ...offers, module: "app" })), ["2.0"], link.mechanism);
    link[Symbol.dispose]();
  }
});

test("EQ14 LIC: the licence of M3 is recorded, and is the one that is given on the link", async (t) => {
  const { server, device, prepared } = await stageFor(t);
  await server.offer(["gate-1"], "app", { mechanism: "mutual-agreement" });
  const [waiting] = await device.inbox();
  const { link, third } = await device.join(waiting?.message ?? new Uint8Array(0));
  const grant = granted(await device.ask(link, { kind: "authorise", artefactId: prepared.artefactId }));
  assert.equal(equalBytes(grant.licence, third?.licence ?? new Uint8Array(0)), true);
  assert.equal((await server.rows()).licences.length, 1);
});

test("POLICY: a mechanism is refused at M1, at an offer and at the licence, by the class of the software", async (t) => {
  const policy = { application: ["signed-transport"], content: ["anonymous-transport"] } as const;
  const server = await TestServer.start(t, { policy: { ...policy, system: [] } });
  const application = await server.publish("application");
  const film = await server.publish("film", { module: "film", softwareClass: "content" });
  const device = await server.device("gate-1");
  for (const mechanism of ["mutual-nonce", "mutual-agreement", "anonymous-agreement"] as const) {
    const { message } = await device.originate({ mechanism });
    const { status, code } = await post(device.url + routes.links, message);
    assert.deepEqual([status, code, server.codes.at(-1)], [403, "LINK_REFUSED", "LINK_MECHANISM_UNKNOWN"]);
  }
  const offered = async (module: string, mechanism: string): Promise<string> => {
    const body = JSON.stringify({ terminals: ["gate-1"], module, mechanism });
    const response = await server.operator.send("POST", routes.offers, { type: "application/json", body });
    return ((await response.json()) as { readonly code?: string }).code ?? "offered";
  };
  assert.equal(await offered("app", "mutual-nonce"), "POLICY_REFUSED");
  assert.equal(await offered("film", "signed-transport"), "POLICY_REFUSED");
  assert.equal(await offered("app", "anonymous-transport"), "LINK_MECHANISM_UNKNOWN"); // a server does not begin it
  assert.equal(await offered("app", "signed-transport"), "offered");
  const ask = async (link: ConfidentialLink, { artefactId }: Prepared) => await device.ask(link, { kind: "authorise", artefactId });
  using named = await device.establish();
  using anonymous = await device.establish({ mechanism: "anonymous-transport" });
  assert.equal(refusedCode(await ask(anonymous, application)), "POLICY_REFUSED");
  assert.equal(refusedCode(await ask(named, film)), "POLICY_REFUSED");
  granted(await ask(named, application));
  granted(await ask(anonymous, film));
});

test("POLICY: what a stricter policy forbids is not gone on with: waiting offers, links begun, links established", async (t) => {
  const server = await TestServer.start(t, { policy: everyMechanism });
  const prepared = await server.publish("the software");
  const device = await server.device("gate-1");
  using established = await device.establish({ mechanism: "mutual-nonce" });
  const begun = await device.originate({ mechanism: "mutual-nonce" });
  const second = await post(device.url + routes.links, begun.message);
  const { message: third } = await begun.awaited.receive(device.context("mutual-nonce"), second.body);
  for (const mechanism of ["mutual-agreement", "mutual-certified"] as const) await server.offer(["gate-1"], "app", { mechanism });
  await server.restart({ policy: { system: ["mutual-agreement"], application: ["signed-transport"], content: [] } });
  device.url = server.url;
  const codeOf = async (message: Uint8Array): Promise<string | undefined> => {
    assert.equal((await post(device.url + routes.links, message)).code, "LINK_REFUSED");
    return server.codes.at(-1);
  };
  assert.equal(await codeOf(third ?? new Uint8Array(0)), "LINK_MECHANISM_UNKNOWN");
  const [agreement, certified] = await device.inbox();
  const replyTo = async (message: Uint8Array | undefined): Promise<Uint8Array> => {
    const accepted = await device.acceptAny(message ?? new Uint8Array(0));
    return accepted.kind === "broadcast" ? new Uint8Array(0) : accepted.reply;
  };
  assert.equal(await codeOf(await replyTo(agreement?.message)), "POLICY_REFUSED"); // allowed for system software, which this is not
  assert.equal(await codeOf(await replyTo(certified?.message)), "LINK_MECHANISM_UNKNOWN");
  const { artefactId } = prepared;
  assert.equal(refusedCode(await device.ask(established, { kind: "authorise", artefactId })), "POLICY_REFUSED");
  assert.deepEqual((await server.rows()).licences, []);
});

test("ANON: neither database nor log nor metrics learn who an anonymous terminal is", async (t) => {
  const server = await TestServer.start(t, { policy: everyMechanism });
  const prepared = await server.publish("the software");
  const [device, other] = [await server.device("gate-with-a-name"), await server.device("gate-2")];
  (await device.establish())[Symbol.dispose]();
  server.nowSeconds += 1_000; // a time of now would show that it was seen
  const before = await server.rows();
  const lines = server.log.length;
  const licences: Uint8Array[] = [];
  for (const each of [device, other]) {
    for (const mechanism of ["anonymous-transport", "anonymous-agreement"] as const) {
      using link = await each.establish({ mechanism, suite: defaultSuite });
      assert.equal(refusedCode(await each.ask(link, offers)), "API_REQUEST_WRONG"); // which modules it lacks would tell it from others
      const installed = [{ module: "gate-with-a-name", version: "1.0", sequence: 1 }];
      assert.deepEqual(versions(await each.ask(link, { kind: "offers", module: "app", installed })), ["1.0"]);
      const grant = granted(await each.ask(link, { kind: "authorise", artefactId: prepared.artefactId }));
      assert.equal(opensTo(prepared, link, grant, server.nowSeconds), true);
      licences.push(grant.licence);
    }
  }
  assert.ok(licences.every((licence) => equalBytes(licence, licences[0] ?? new Uint8Array(0)))); // one for all of them
  const { links, licences: recorded, ...after } = await server.rows();
  const { links: _, licences: recordedBefore, ...rest } = before;
  assert.deepEqual(after, rest); // in no other table has anything changed
  const fresh = links.filter(({ created_at }) => created_at === server.nowSeconds);
  assert.deepEqual(
    fresh.map(({ terminal, signing_thumbprint, offered }) => [terminal, signing_thumbprint, offered]),
    Array.from({ length: 4 }, () => [null, null, null]),
  );
  assert.deepEqual([recordedBefore.length, recorded.map(({ terminal }) => terminal)], [0, ["anonymous"]]);
  const metrics = await (await fetch(server.url + routes.metrics)).text();
  const said = server.log.slice(lines).join("") + metrics;
  for (const telling of ["gate-with-a-name", "gate-2", device.signing.thumbprint.toHex(), "127.0.0.1"])
    assert.ok(!said.includes(telling), telling);
  const view = (await server.operator.get(pathOf(routes.terminal, "gate-with-a-name"))) as TerminalView;
  assert.deepEqual([view.installed, view.lastSeenSeconds], [[], server.nowSeconds - 1_000]);
});
