import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { describe, type TestContext, test } from "node:test";
import { Secret } from "@sealane/crypto";
import { openPkcs11KeyStore } from "@sealane/keystore";
import { pin, SoftToken, withoutTokens } from "@sealane/testkit/tokens";
import { hasCode } from "@sealane/wire";
import { loadEnrolment, loadIdentity } from "../../src/identity.ts";
import { enroll, fetchSoftware, status, type Terminal, terminalAt } from "../../src/index.ts";
import { code } from "../double/codes.ts";
import { enrolledWorld, everythingIn, newWorld, restarted } from "../double/enrolled.ts";
import { FakeServer } from "../double/fake-server.ts";

const suites = ["x25519"];

/** The labels of the private keys in a token, whoever's they are. */
async function labelsIn(token: SoftToken): Promise<readonly string[]> {
  await using store = openPkcs11KeyStore(token.uri());
  return await store.list();
}

/** The labels of the keys that an identity names, in order. */
async function ownLabels(terminal: Terminal, prefix: string): Promise<readonly string[]> {
  const identity = await loadIdentity(terminal);
  const ids = [...(identity?.signing ?? []), ...(identity?.decryption ?? []), ...(identity?.agreement ?? [])].map(({ keyId }) => keyId);
  return ids.map((id) => prefix + id).sort();
}

describe("KSIM: a terminal whose keys are in a token", { skip: withoutTokens }, () => {
  test("has none in a file, finds them after a restart by what it wrote down, and fetches", async (t: TestContext) => {
    await using token = new SoftToken();
    const world = await newWorld(t);
    const { server, terminal } = world;
    const key = token.uri("gateway-7");
    await enroll(terminal, { token: server.token(), suites, key });
    assert.equal((await loadIdentity(terminal))?.token, key);
    await assert.rejects(readdir(terminal.folder.keys), { code: "ENOENT" });
    const labels = await labelsIn(token);
    assert.equal(labels.length, 3);
    assert.deepEqual(labels, await ownLabels(terminal, "gateway-7-"));
    assert.equal((await everythingIn(terminal.folder.path)).includes(pin), false);
    const again = restarted(world);
    assert.deepEqual(
      (await loadEnrolment(again)).self.signing.map(({ key: { publicKey } }) => publicKey.kind),
      ["ed25519"],
    );
    server.publish({});
    assert.equal((await fetchSoftware(again, { suite: "x25519" })).software.module, "hmi");
  });

  test("cannot have suites that the token lacks, and asks the server for nothing then", async (t) => {
    await using token = new SoftToken();
    const { server, terminal } = await newWorld(t);
    await assert.rejects(
      enroll(terminal, { token: server.token(), key: token.uri() }),
      (error) =>
        hasCode(error, "KEYSTORE_TOKEN_KIND_UNSUPPORTED") && error.details["suite"] === "hybrid" && error.details["kind"] === "x-wing",
    );
    for (const key of ["pkcs11:id=%01?module-path=/a.so", `${token.uri()}&pin-value=1`, `pkcs11:token=${"x".repeat(2_048)}`]) {
      await assert.rejects(enroll(terminal, { token: server.token(), suites, key }), code("KEYSTORE_TOKEN_URI_WRONG"));
    }
    assert.deepEqual([server.requests, await labelsIn(token)], [[], []]);
  });

  test("that goes in the middle of an enrolment goes on with the same keys when it is back", async (t) => {
    await using token = new SoftToken();
    const { server, terminal } = await newWorld(t);
    const input = { token: server.token(), suites, key: token.uri() };
    for (const at of ["POST /v1/enrolments", "POST /v1/enrolments/proof"]) {
      server.faults.before = ({ method, url }) => {
        if (`${method} ${url}` === at) token.takeAway();
        return undefined;
      };
      const isOver = at.endsWith("proof"); // nothing is asked of the token behind it
      const run = enroll(terminal, input);
      if (!isOver) await assert.rejects(run, (error) => hasCode(error, "KEYSTORE_TOKEN_GONE") && error.entry.exit === 4);
      else await run;
      token.bringBack();
      assert.equal((await status(terminal)).identity === null, !isOver);
    }
    assert.deepEqual(await labelsIn(token), await ownLabels(terminal, ""));
  });

  test("fails to fetch while it is away, and has lost nothing when it is back", async (t) => {
    await using token = new SoftToken();
    const world = await newWorld(t);
    const { server, terminal } = world;
    await enroll(terminal, { token: server.token(), suites, key: token.uri() });
    server.publish({});
    const before = await everythingIn(terminal.folder.path);
    token.takeAway();
    for (const each of [terminal, restarted(world)]) {
      await assert.rejects(
        fetchSoftware(each, { suite: "x25519" }),
        (error) => hasCode(error, "KEYSTORE_TOKEN_GONE") && error.entry.exit === 4,
      );
    }
    assert.notEqual((await status(terminal)).identity, null);
    assert.deepEqual(await everythingIn(terminal.folder.path), before);
    token.bringBack();
    assert.equal((await fetchSoftware(terminal, { suite: "x25519" })).software.module, "hmi");
  });

  test("destroys the keys of the enrolment that it leaves, in token or file, and nobody else's", async (t) => {
    await using token = new SoftToken();
    const world = await enrolledWorld(t);
    const { terminal } = world;
    const server = await FakeServer.start(t, world.clock);
    const other = await newWorld(t);
    await enroll(other.terminal, { token: other.server.token(), suites, key: token.uri() });
    const others = await ownLabels(other.terminal, "");
    assert.equal((await terminal.keys.list()).length, 5);
    await enroll(terminal, { token: server.token(), suites, key: token.uri(), replace: true });
    assert.deepEqual(await terminal.keys.list(), []);
    const first = await ownLabels(terminal, "");
    assert.deepEqual(await labelsIn(token), [...first, ...others].sort());
    const second = await FakeServer.start(t, world.clock);
    await enroll(terminal, { token: second.token(), suites, key: token.uri(), replace: true });
    const now = await ownLabels(terminal, "");
    assert.deepEqual(await labelsIn(token), [...now, ...others].sort());
    assert.deepEqual(
      now.filter((label) => first.includes(label)),
      [],
    );
    const third = await FakeServer.start(t, world.clock);
    await enroll(terminal, { token: third.token(), replace: true });
    assert.deepEqual([await labelsIn(token), (await terminal.keys.list()).length], [others, 5]);
  });

  test("keeps its keys when it enrols once more with the same token by another spelling of the URI", async (t) => {
    await using token = new SoftToken();
    const { server, terminal } = await newWorld(t);
    const input = { token: server.token(), suites };
    await enroll(terminal, { ...input, key: token.uri() });
    const labels = await labelsIn(token);
    const respelled = token.uri().replace("?", ";manufacturer=SoftHSM%20project?");
    await enroll(terminal, { ...input, key: respelled, replace: true });
    assert.deepEqual([labels.length, await labelsIn(token), await ownLabels(terminal, "")], [3, labels, labels]);
    server.publish({});
    assert.equal((await fetchSoftware(terminal, { suite: "x25519" })).software.module, "hmi");
  });

  test("asks for the PIN once, where it may", async (t) => {
    await using token = new SoftToken();
    const { server, terminal, clock } = await newWorld(t);
    const input = { token: server.token(), suites, key: token.uriWithoutPin() };
    await assert.rejects(enroll(terminal, input), code("KEYSTORE_TOKEN_PIN_MISSING"));
    const asked: string[] = [];
    const asking = terminalAt({
      stateFolder: terminal.folder.path,
      clock,
      environment: {},
      askPin: (label) => {
        asked.push(label);
        return Secret.take("pin", new TextEncoder().encode(pin));
      },
    });
    await enroll(asking, input);
    await loadEnrolment(asking);
    assert.deepEqual(asked, [token.label]);
  });
});
