import assert from "node:assert/strict";
import { lstat, readdir } from "node:fs/promises";
import { type TestContext, test } from "node:test";
import { type EnrolReply, parseEnrolToken } from "@sealane/api";
import { SoftwareKey } from "@sealane/crypto";
import { SealaneError } from "@sealane/wire";
import { enroll, fetchSoftware, status, terminalAt } from "../../src/index.ts";
import { TestAuthority } from "../double/authority.ts";
import { code } from "../double/codes.ts";
import { enrolledWorld, everythingIn, newWorld, type World } from "../double/enrolled.ts";
import { FakeServer } from "../double/fake-server.ts";
import { model, serverName, terminalName } from "../double/test-terminal.ts";

test("a terminal enrols with a token and then knows who it is and whom it trusts", async (t) => {
  const { server, terminal, clock } = await newWorld(t);
  assert.equal((await status(terminal)).identity, null);
  const enrolled = await enroll(terminal, { token: server.token() });
  assert.equal(enrolled.fingerprint, server.authority.anchor.thumbprint.toHex());
  assert.equal(server.terminal?.isActive, true);
  const { identity } = await status(terminal);
  assert.deepEqual(
    [identity?.name, identity?.model, identity?.serverName, identity?.enrolledAtSeconds],
    [terminalName, model, serverName, clock.now],
  );
  assert.equal((await lstat(terminal.folder.identity)).mode & 0o777, 0o600);
  assert.equal((await lstat(terminal.folder.path)).mode & 0o777, 0o700);
});

test("the token's secret is in no file, event or error", async (t) => {
  const { server, terminal, events } = await newWorld(t);
  const token = server.token();
  const { tokenSecret } = parseEnrolToken(token);
  server.faults.before = ({ method }) => (method === "POST" ? "ENROL_REFUSED" : undefined);
  const error = await enroll(terminal, { token }).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof SealaneError && error.code === "ENROL_REFUSED");
  server.faults.before = undefined;
  await enroll(terminal, { token });
  const said = JSON.stringify([events, error]) + String(error.stack);
  const files = await everythingIn(terminal.folder.path);
  for (const form of [tokenSecret.toHex(), tokenSecret.toBase64(), tokenSecret.toBase64({ alphabet: "base64url" })]) {
    assert.equal(said.includes(form.slice(0, 20)), false);
    assert.equal(files.includes(form.slice(0, 20)), false);
  }
  assert.equal(files.includes(tokenSecret), false);
});

test("a server of another authority than the token names is not trusted, and nothing is written", async (t) => {
  const { server, terminal } = await newWorld(t);
  const token = server.token({ fingerprint: new Uint8Array(32) });
  const error = await enroll(terminal, { token }).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof SealaneError);
  assert.deepEqual([error.code, error.entry.exit], ["PKI_FINGERPRINT_WRONG", 3]);
  assert.deepEqual(server.requests, ["GET /v1/enrol"]);
  assert.deepEqual(await readdir(terminal.folder.path), ["downloads.lock"]);
});

test("certificates of another authority, purpose, name or key are refused, and the terminal is not enrolled", async (t) => {
  const world = await newWorld(t);
  const { server, terminal, clock } = world;
  const other = await TestAuthority.create(clock.now);
  const own = server.authority;
  const strangers = await other.opener(serverName, "enrol-decrypt");
  server.faults.enrolInfo = (info) => ({ ...info, enrolChain: strangers.certificate.chain });
  await assert.rejects(enroll(terminal, { token: server.token() }), (error) => error instanceof SealaneError && error.entry.exit === 3);
  server.faults.enrolInfo = undefined;

  const key = SoftwareKey.generate("ed25519").publicKey;
  const serversOwn = (await own.opener(serverName, "server-decrypt")).certificate.chain;
  const wrongs: readonly (readonly [Partial<EnrolReply>, string])[] = [
    [{ signingChain: await own.issue(terminalName, "terminal-sign", key) }, "TERMINAL_SERVER_WRONG"],
    [{ signingChain: await own.issue("gateway-8", "terminal-sign", key) }, "PKI_NAME_WRONG"],
    [{ signingChain: await own.issue(terminalName, "server-sign", key) }, "PKI_PURPOSE_WRONG"],
    [{ serverSigningChain: (await own.signer("server-2", "server-sign")).certificate.chain }, "PKI_NAME_WRONG"],
    [
      { serverDecryptionChains: [serversOwn, (await own.opener("server-2", "server-decrypt", "x25519")).certificate.chain] },
      "PKI_NAME_WRONG",
    ],
    [{ serverDecryptionChains: [serversOwn, serversOwn] }, "TERMINAL_SERVER_WRONG"],
    [{ serverDecryptionChains: [(await own.opener(serverName, "server-decrypt", "x25519")).certificate.chain] }, "TERMINAL_SERVER_WRONG"],
    [{ sealedDecryptionChains: [new Uint8Array(1)] }, "TERMINAL_SERVER_WRONG"],
    [{ serverSigningChain: (await own.signer(serverName, "licence-sign")).certificate.chain }, "PKI_PURPOSE_WRONG"],
  ];
  for (const [wrong, expected] of wrongs) {
    server.faults.enrolReply = (reply) => ({ ...reply, ...wrong });
    await assert.rejects(enroll(terminal, { token: server.token() }), code(expected));
    assert.equal((await status(terminal)).identity, null);
  }
  server.faults.enrolReply = (reply) => ({ ...reply, sealedDecryptionChains: [...reply.sealedDecryptionChains].reverse() });
  await assert.rejects(enroll(terminal, { token: server.token() }), (error) => error instanceof SealaneError && error.entry.exit === 3);
  assert.equal((await status(terminal)).identity, null);
  server.faults.enrolReply = undefined;
  await enroll(terminal, { token: server.token() });
});

test("a lost reply is asked for again, with the same keys", async (t) => {
  for (const lost of ["GET /v1/enrol", "POST /v1/enrol", "POST /v1/enrol/proof"]) {
    const { server, terminal, clock } = await newWorld(t);
    let isLost = false;
    server.faults.after = ({ method, url }) => {
      if (isLost || `${method} ${url}` !== lost) return undefined;
      isLost = true;
      return "drop";
    };
    await enroll(terminal, { token: server.token() });
    assert.equal(server.requests.filter((each) => each === lost).length, 2);
    assert.equal(clock.pauses.length, 1);
  }
});

test("a server that cannot be reached or has no time ends with exit code 4, and the next attempt uses the same keys", async (t) => {
  const { server, terminal } = await newWorld(t);
  for (const fault of ["drop", "API_SERVER_BUSY", "API_RATE_EXCEEDED"] as const) {
    server.faults.before = ({ method }) => (method === "POST" ? fault : undefined);
    await assert.rejects(enroll(terminal, { token: server.token() }), (error) => error instanceof SealaneError && error.entry.exit === 4);
  }
  const keys = await terminal.keys.list();
  server.faults.before = undefined;
  await enroll(terminal, { token: server.token() });
  assert.deepEqual(await terminal.keys.list(), keys);
});

test("an enrolled terminal is not enrolled again, unless it is to leave its server", async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal } = world;
  await assert.rejects(enroll(terminal, { token: server.token() }), code("TERMINAL_ALREADY_ENROLLED"));
  const second = await FakeServer.start(t, world.clock);
  const before = await terminal.keys.list();
  await enroll(terminal, { token: second.token(), replace: true });
  const after = await terminal.keys.list();
  assert.equal((await status(terminal)).identity?.url, `${second.url}/`);
  assert.equal(after.length, 3);
  assert.deepEqual(
    after.filter((id) => before.includes(id)),
    [],
  );
});

test("leaving a server fails without a trace when the new one cannot be trusted", async (t) => {
  const { server, terminal } = await enrolledWorld(t);
  const token = server.token({ fingerprint: new Uint8Array(32) });
  await assert.rejects(enroll(terminal, { token, replace: true }), code("PKI_FINGERPRINT_WRONG"));
  server.publish({});
  assert.equal((await fetchSoftware(terminal)).software.module, "hmi");
});

test("what is no token, or names no address, is refused before anything is done", async (t) => {
  const { terminal } = await newWorld(t);
  await assert.rejects(enroll(terminal, { token: "sealane-enrol-1.AAAA" }), code("ENROL_TOKEN_MALFORMED"));
  await assert.rejects(lstat(terminal.folder.path), { code: "ENOENT" });
});

test("without an enrolment there is nothing to fetch", async (t: TestContext) => {
  const { terminal }: World = await newWorld(t);
  await assert.rejects(fetchSoftware(terminal), code("TERMINAL_NOT_ENROLLED"));
  await assert.rejects(fetchSoftware(terminalAt({ stateFolder: terminal.folder.path })), code("TERMINAL_NOT_ENROLLED"));
});
