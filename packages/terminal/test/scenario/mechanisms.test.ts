import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultSuite, standardSuites } from "@sealane/crypto";
import { allowedTriples, signedThirdModes, type ThirdMode } from "@sealane/link";
import { equalBytes, SealaneError } from "@sealane/wire";
import { findDownloads } from "../../src/download-record.ts";
import { loadEnrolment } from "../../src/identity.ts";
import { InboxJournal } from "../../src/inbox-journal.ts";
import { fetchSoftware, install } from "../../src/index.ts";
import { code } from "../double/codes.ts";
import { enrolledWorld, everythingIn, restarted, type World } from "../double/enrolled.ts";
import { serverName, terminalName } from "../double/test-terminal.ts";

const fromServer = { originator: "server", waitSeconds: 0 } as const;
const module = "hmi";

const skippedIn = ({ events }: World): readonly string[] =>
  events.flatMap((event) => (event.kind === "message-skipped" ? [event.code] : []));

/** Software that differs by its sequence. */
const release = (sequence: number) => ({ module, sequence, content: new TextEncoder().encode(`${sequence}`) });

test("EQ1 EQ2 EQ4 EQ5 EQ6 EQ7 EQ7S EQ8 EQ11 EQ14 DIR UNI: a terminal fetches by every mechanism for one, on every suite, by either originator", async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal } = world;
  let sequence = 0;
  for (const { mechanism, suite, originator } of allowedTriples(standardSuites).filter((triple) => !triple.mechanism.broadcast)) {
    const equation = mechanism.equations[originator] ?? "";
    await t.test(`DIR: ${mechanism.name} on ${suite.name}, begun by the ${originator} (${equation})`, async () => {
      const published = server.publish(release(++sequence));
      if (originator === "server") await server.offer(published, { mechanism: mechanism.name, suite });
      const input = { module, originator, mechanism: mechanism.name, suite: suite.name, waitSeconds: 0 } as const;
      const { link, software } = await fetchSoftware(terminal, input);
      assert.equal(equalBytes(software.artefactId, published.artefactId), true);
      const isServerUnnamed = mechanism.anonymous === "originator" && originator === "server";
      const peer = isServerUnnamed ? null : serverName;
      assert.deepEqual([link.mechanism, link.suite, link.originator, link.peer], [mechanism.name, suite.name, originator, peer]);
      const [found] = await findDownloads(terminal, await loadEnrolment(terminal));
      assert.ok(found?.kind === "usable");
      const isAnonymous = mechanism.anonymous === "originator" && originator === "terminal";
      assert.equal(found.download.licence.recipient, isAnonymous ? "anonymous" : terminalName);
      assert.equal(server.waiting, 0);
    });
  }
  await install(terminal);
  assert.deepEqual(skippedIn(world), []);
});

test("EQ14 EQ14ii EQ14iii: every form of a signed M3 is made, and taken", async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal } = world;
  let sequence = 0;
  for (const third of signedThirdModes) {
    server.publish(release(++sequence));
    await fetchSoftware(terminal, { mechanism: "mutual-agreement", third });
    await server.offer(server.publish(release(++sequence)), { mechanism: "mutual-agreement", third });
    assert.equal((await fetchSoftware(terminal, fromServer)).software.sequence, sequence, third);
  }
  assert.deepEqual(skippedIn(world), []);
});

test("EQ14i POLICY: an M3 that nobody signs is not waited for", async (t) => {
  const world = await enrolledWorld(t);
  const third: ThirdMode = "unsigned";
  await world.server.offer(world.server.publish({}), { mechanism: "mutual-agreement", third });
  await assert.rejects(fetchSoftware(world.terminal, fromServer), code("TERMINAL_NOTHING_WAITING"));
  assert.deepEqual(skippedIn(world), ["LINK_MECHANISM_UNKNOWN"]);
});

test("ANON: a fetch without a name says nothing of the terminal, and asks for the module by its name", async (t) => {
  for (const mechanism of ["anonymous-transport", "anonymous-agreement"] as const) {
    const { server, terminal } = await enrolledWorld(t);
    server.publish({ module: "other", sequence: 3, entry: null, content: new Uint8Array(1) });
    await fetchSoftware(terminal, { module: "other" });
    await install(terminal);
    server.asked.length = 0;
    server.requests.length = 0;
    server.publish(release(1));
    await assert.rejects(fetchSoftware(terminal, { mechanism }), code("TERMINAL_MODULE_NEEDED"));
    assert.equal(server.requests.length, 0);
    const headers = new Set<string>();
    server.faults.before = (request) => void Object.keys(request.headers).map((name) => headers.add(name));
    await fetchSoftware(terminal, { mechanism, module });
    assert.deepEqual(
      server.asked.map((request) => (request.kind === "offers" ? [request.module, request.installed] : request.kind)),
      [[module, []], "authorise"],
    );
    assert.deepEqual([...headers].sort(), ["accept-encoding", "connection", "content-length", "content-type", "host", "user-agent"]);
    assert.deepEqual(
      server.requests.map((request) => request.replace(/[0-9a-f]{32,}/, "ID")),
      ["POST /v1/links", "POST /v1/links/ID", "POST /v1/links/ID", "GET /v1/artefacts/ID"],
    );
  }
});

test("ANON TRUST: a server without a name is accepted when it is asked for, and told apart; otherwise its message is skipped", async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal } = world;
  const published = server.publish({});
  await server.offer(published, { mechanism: "anonymous-agreement" });
  await assert.rejects(fetchSoftware(terminal, fromServer), code("TERMINAL_NOTHING_WAITING"));
  assert.deepEqual(skippedIn(world), ["POLICY_REFUSED"]);
  await assert.rejects(fetchSoftware(terminal, { ...fromServer, mechanism: "mutual-agreement" }), code("TERMINAL_NOTHING_WAITING"));
  assert.ok(server.requests.every((request) => request === "POST /v1/inbox"));
  const { link } = await fetchSoftware(terminal, { ...fromServer, mechanism: "anonymous-agreement" });
  assert.deepEqual([link.peer, link.originator], [null, "server"]);
  await install(terminal); // the licence names its issuer, whoever brought it
});

test("FCLOCK ANON: a server without a name cannot set a terminal's clock; one with a name can", async (t) => {
  for (const mechanism of ["anonymous-agreement", "mutual-nonce"] as const) {
    const world = await enrolledWorld(t);
    const { server, terminal, clock } = world;
    await terminal.clock.restart(clock.now); // the certificates of this world are a month old
    const laterSeconds = clock.now + 7_200;
    await server.offer(server.publish({}), { mechanism });
    server.faults.reply = (reply) => (reply.kind === "offers" ? { ...reply, nowSeconds: laterSeconds } : reply);
    await fetchSoftware(terminal, { ...fromServer, mechanism });
    assert.equal(restarted(world).clock.nowSeconds(), mechanism === "mutual-nonce" ? laterSeconds : clock.now);
  }
});

test("EQ14: what M3 vouches for is all that is taken on its link, also after a restart", async (t) => {
  for (const isCutOff of [false, true]) {
    const world = await enrolledWorld(t);
    const { server, terminal } = world;
    const [offered, other] = [server.publish(release(1)), server.publish({ ...release(2), module: "a", entry: null })];
    const [licence, statement] = [await server.licenceFor(terminalName, other.artefactId), await server.releaseFor(other.artefactId)];
    server.faults.vouched = () => ({ artefactId: other.artefactId, licence, release: statement });
    server.faults.reply = (reply) =>
      reply.kind === "offers" ? { ...reply, offers: reply.offers.filter((each) => each.module === module) } : reply;
    await server.offer(offered, { mechanism: "mutual-agreement" });
    if (isCutOff) {
      server.faults.after = ({ url = "" }) => (url.startsWith("/v1/links/") ? "drop" : undefined);
      await assert.rejects(fetchSoftware(terminal, fromServer), code("API_SERVER_UNREACHABLE"));
      server.faults.after = undefined;
    }
    await assert.rejects(fetchSoftware(restarted(world), fromServer), code("TERMINAL_NOTHING_NEW"));
    assert.ok(server.asked.every(({ kind }) => kind === "offers"));
  }
});

test("EQ14: on the link of M3 no other licence is taken than the one that it vouched for, also after a restart", async (t) => {
  for (const isCutOff of [false, true]) {
    for (const forgetsVouched of [false, true]) {
      const world = await enrolledWorld(t);
      const { server, terminal } = world;
      server.faults.forgetsVouched = forgetsVouched;
      await server.offer(server.publish(release(1)), { mechanism: "mutual-agreement" });
      if (isCutOff) {
        server.faults.after = () => (server.asked.at(-1)?.kind === "authorise" ? "drop" : undefined);
        await assert.rejects(fetchSoftware(terminal, fromServer), code("API_SERVER_UNREACHABLE"));
        server.faults.after = undefined;
      }
      const again = restarted(world);
      if (!forgetsVouched) await fetchSoftware(again, fromServer);
      else if (isCutOff) await assert.rejects(fetchSoftware(again, fromServer), code("TERMINAL_NOTHING_WAITING"));
      else await assert.rejects(fetchSoftware(again, fromServer), code("TERMINAL_LICENCE_CONTRADICTS"));
    }
  }
});

test("EQ14 WHO: on the link of M3 no other release is taken than the one that it vouched for, also after a restart", async (t) => {
  for (const isCutOff of [false, true]) {
    const world = await enrolledWorld(t);
    const { server, terminal, clock } = world;
    const offered = server.publish(release(1));
    clock.now -= 1;
    const earlier = await server.releaseFor(offered.artefactId); // as true as the other one
    clock.now += 1;
    server.faults.vouched = (content) => ({ ...content, release: earlier });
    await server.offer(offered, { mechanism: "mutual-agreement" });
    if (isCutOff) {
      server.faults.after = () => (server.asked.at(-1)?.kind === "authorise" ? "drop" : undefined);
      await assert.rejects(fetchSoftware(terminal, fromServer), code("API_SERVER_UNREACHABLE"));
      server.faults.after = undefined;
    }
    const refusal = isCutOff ? "TERMINAL_NOTHING_WAITING" : "TERMINAL_LICENCE_CONTRADICTS";
    await assert.rejects(fetchSoftware(restarted(world), fromServer), code(refusal));
  }
});

test("EQ8 EQ11 EQ14: a reply that is changed anywhere on its way ends that link only, and the next message is used", async (t) => {
  for (const mechanism of ["mutual-nonce", "mutual-certified", "mutual-agreement"] as const) {
    const world = await enrolledWorld(t);
    const { server, terminal } = world;
    const published = server.publish({});
    const places = 8;
    for (let i = 0; i < places; i++) await server.offer(published, { mechanism, suite: defaultSuite });
    let changed = 0;
    server.faults.linkReply = (reply) => {
      if (changed === places) return reply;
      const at = Math.floor((changed++ * reply.length) / places);
      return reply.with(at, (reply[at] ?? 0) ^ 1);
    };
    await assert.rejects(fetchSoftware(terminal, fromServer), (error) => error instanceof SealaneError);
    assert.equal(skippedIn(world).length, places, mechanism);
    assert.ok(
      skippedIn(world).every((each) => /^(WIRE|COSE|CRYPTO|LINK)_/.test(each)),
      skippedIn(world).join(" "),
    );
    await server.offer(published, { mechanism });
    await fetchSoftware(terminal, fromServer);
  }
});

test("KREP: a wait for M3 and a link that are kept for a restart are encrypted, and gone when they are over", async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal } = world;
  await server.offer(server.publish({}), { mechanism: "mutual-agreement" });
  server.faults.after = ({ url }) => (url === "/v1/links" ? "drop" : undefined);
  await assert.rejects(fetchSoftware(terminal, fromServer), code("API_SERVER_UNREACHABLE"));
  assert.equal((await InboxJournal.load(terminal, await loadEnrolment(terminal))).pending?.kind, "second");
  assert.ok(!(await everythingIn(terminal.folder.path)).includes("mutual-agreement 3")); // how the wait begins, as it is saved
  server.faults.after = undefined;
  await fetchSoftware(restarted(world), fromServer);
  assert.equal((await InboxJournal.load(terminal, await loadEnrolment(terminal))).pending, null);
});
