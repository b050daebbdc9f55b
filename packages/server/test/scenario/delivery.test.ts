import assert from "node:assert/strict";
import { test } from "node:test";
import { pathOf, routes, type ServerReply, type TerminalView } from "@sealane/api";
import { standardSuites, systemRandom } from "@sealane/crypto";
import type { ConfidentialLink } from "@sealane/link";
import { parseLicence, verifyLicence } from "@sealane/software";
import { artefactId, equalBytes, hasCode } from "@sealane/wire";
import { post, readReply } from "./device.ts";
import { type Grant, granted, opensTo, refusedCode, versions } from "./server-replies.ts";
import { TestServer } from "./test-server.ts";

for (const suite of standardSuites) {
  test(`EQ5 LIC UNI: on ${suite.name} a terminal originates a link and is given licence and content key`, async (t) => {
    const server = await TestServer.start(t);
    const prepared = await server.publish("the software", {}, suite);
    const device = await server.device("gate-1");
    using link = await device.establish({ suite });
    assert.deepEqual(versions(await device.ask(link, { kind: "offers", module: null, installed: [] })), ["1.0"]);
    const grant = granted(await device.ask(link, { kind: "authorise", artefactId: prepared.artefactId }));
    const { nowSeconds } = server;
    assert.equal(opensTo(prepared, link, grant, nowSeconds), true);
    const licence = verifyLicence(grant.licence, {
      anchors: [device.anchor],
      nowSeconds,
      recipients: [device.name],
      model: "m1",
      artefactId: prepared.artefactId,
    });
    assert.equal(licence.issuer, "server");
    assert.ok(licence.notBeforeSeconds <= nowSeconds - 60 && licence.expiresAtSeconds <= device.signing.notAfterSeconds + 1);
    assert.deepEqual(licence.rights, ["install", "run"]);
  });

  test(`EQ1 DIR UNI: on ${suite.name} the server originates a link, offers, and gives licence and content key`, async (t) => {
    const server = await TestServer.start(t);
    const prepared = await server.publish("the software", {}, suite);
    const device = await server.device("gate-1");
    assert.deepEqual(await server.offer(["gate-1"], "app", { suite }), ["gate-1"]);
    const [message] = await device.inbox();
    assert.ok(message !== undefined);
    const { reply, link: unconfirmed } = await device.accept(message.message);
    const first = await post(device.url + routes.links, reply);
    assert.equal(first.status, 200);
    const { link, payload } = unconfirmed.confirm(first.body, server.nowSeconds);
    assert.deepEqual(versions(readReply(payload)), ["1.0"]);
    const grant = granted(await device.ask(link, { kind: "authorise", artefactId: prepared.artefactId }));
    assert.equal(opensTo(prepared, link, grant, server.nowSeconds), true);
    assert.deepEqual(await device.inbox(), []);
  });
}

test("a wrap is of use on its own link and with its own licence only", async (t) => {
  const server = await TestServer.start(t);
  const prepared = await server.publish("the software");
  const [one, two] = [await server.device("gate-1"), await server.device("gate-2")];
  using first = await one.establish();
  using second = await two.establish();
  using again = await one.establish();
  const request = { kind: "authorise", artefactId: prepared.artefactId } as const;
  const [grant, other] = [granted(await one.ask(first, request)), granted(await two.ask(second, request))];
  await one.ask(again, request);
  const { nowSeconds } = server;
  const fails = (link: ConfidentialLink, mixed: Grant): void => {
    assert.throws(
      () => opensTo(prepared, link, mixed, nowSeconds),
      (error) => hasCode(error, "CRYPTO_OPEN_FAILED"),
    );
  };
  fails(second, grant);
  fails(again, grant);
  fails(first, { ...grant, licence: other.licence });
  fails(first, { ...grant, wrap: other.wrap });
  assert.equal(opensTo(prepared, first, grant, nowSeconds), true);
});

test("LIC: no licence for what is unknown or for another model, and the link goes on", async (t) => {
  const server = await TestServer.start(t);
  const forOthers = await server.publish("for others", { models: ["m2"] });
  const forAll = await server.publish("for all", { module: "film", models: [], softwareClass: "content" });
  const device = await server.device("gate-1");
  using link = await device.establish();
  const ask = async (id: Uint8Array): Promise<ServerReply> => await device.ask(link, { kind: "authorise", artefactId: artefactId(id) });
  assert.equal(refusedCode(await ask(systemRandom.bytes(32))), "RELEASE_UNKNOWN");
  assert.equal(refusedCode(await ask(forOthers.artefactId)), "RELEASE_UNKNOWN");
  assert.equal(opensTo(forAll, link, granted(await ask(forAll.artefactId)), server.nowSeconds), true);
  assert.deepEqual(server.codes, ["RELEASE_UNKNOWN", "RELEASE_UNKNOWN"]);
});

test("LIC: one licence is given again until half of its life is over, and ends with the terminal's certificate", async (t) => {
  const server = await TestServer.start(t);
  const { artefactId: id } = await server.publish("the software");
  const device = await server.device("gate-1");
  const ask = async (): Promise<Uint8Array> => {
    using link = await device.establish();
    return granted(await device.ask(link, { kind: "authorise", artefactId: id })).licence;
  };
  const first = await ask();
  server.nowSeconds += 100 * 86_400;
  assert.equal(equalBytes(await ask(), first), true);
  server.nowSeconds += 100 * 86_400;
  const second = await ask();
  assert.equal(equalBytes(second, first), false);
  assert.equal(parseLicence(second).licence.expiresAtSeconds, device.signing.notAfterSeconds + 1);
});

test("a release whose publisher's certificate has expired since is still licensed", async (t) => {
  const server = await TestServer.start(t);
  server.nowSeconds -= 59; // the publisher's certificate ends before the terminal's and the server's
  const prepared = await server.publish("the software");
  server.nowSeconds += 59;
  const device = await server.device("gate-1");
  server.nowSeconds = device.signing.notAfterSeconds - 10;
  using link = await device.establish();
  const grant = granted(await device.ask(link, { kind: "authorise", artefactId: prepared.artefactId }));
  assert.equal(opensTo(prepared, link, grant, server.nowSeconds), true);
});

test("offers are the newest of each module for the model, and the operator sees what the terminal has", async (t) => {
  const server = await TestServer.start(t);
  await server.publish("old", { version: "1.0", sequence: 1 });
  await server.publish("new", { version: "2.0", sequence: 2 });
  await server.publish("other model", { version: "3.0", sequence: 3, models: ["m2"] });
  await server.publish("other module", { module: "beta", version: "0.1", sequence: 1, models: [] });
  const device = await server.device("gate-1");
  using link = await device.establish();
  const installed = [{ module: "app", version: "1.0", sequence: 1 }];
  assert.deepEqual(versions(await device.ask(link, { kind: "offers", module: null, installed })), ["2.0", "0.1"]);
  assert.deepEqual(versions(await device.ask(link, { kind: "offers", module: "app", installed })), ["2.0"]);
  assert.deepEqual(versions(await device.ask(link, { kind: "offers", module: "none", installed })), []);
  const view = (await server.operator.get(pathOf(routes.terminal, "gate-1"))) as TerminalView;
  assert.deepEqual(view.installed, installed);
  assert.equal(view.lastSeenSeconds, server.nowSeconds);
});

test("more offers than one record holds are cut, and the rest is there by module", async (t) => {
  const server = await TestServer.start(t);
  const models = Array.from({ length: 63 }, (_, i) => `${i}`.padEnd(64, "x"));
  for (let i = 0; i < 63; i++) await server.publish(`${i}`, { module: `module-${`${i}`.padStart(2, "0")}`, models: ["m1", ...models] });
  const device = await server.device("gate-1");
  using link = await device.establish();
  const all = await device.ask(link, { kind: "offers", module: null, installed: [] });
  assert.ok(all.kind === "offers" && all.offers.length > 5 && all.offers.length < 63);
  assert.equal(versions(await device.ask(link, { kind: "offers", module: "module-62", installed: [] })).length, 1);
});

test("a request that cannot be read is refused inside the link, which goes on", async (t) => {
  const server = await TestServer.start(t);
  const device = await server.device("gate-1");
  using link = await device.establish();
  for (const payload of [new Uint8Array(0), Uint8Array.of(1), new Uint8Array(60_000)]) {
    const { status, body } = await post(device.recordsOf(link), link.seal(payload, server.nowSeconds));
    assert.equal(status, 200);
    assert.equal(refusedCode(device.open(link, body)), "API_REQUEST_WRONG");
  }
  assert.deepEqual(versions(await device.ask(link, { kind: "offers", module: null, installed: [] })), []);
});
