import assert from "node:assert/strict";
import { lstat, readdir } from "node:fs/promises";
import { type TestContext, test } from "node:test";
import { type EnrolReply, type PartyChains, parseEnrolToken } from "@sealane/api";
import { SoftwareKey, standardKinds } from "@sealane/crypto";
import type { VerifiedCertificate } from "@sealane/pki";
import { hasCode, parseName, SealaneError } from "@sealane/wire";
import { loadEnrolment } from "../../src/identity.ts";
import { enroll, fetchSoftware, status, terminalAt } from "../../src/index.ts";
import { TestAuthority } from "../double/authority.ts";
import { code } from "../double/codes.ts";
import { enrolledWorld, everythingIn, newWorld, type World } from "../double/enrolled.ts";
import { FakeServer, sealChain } from "../double/fake-server.ts";
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
  const { self, serverDecryption, serverAgreement } = await loadEnrolment(terminal);
  const purposesOf = (certificates: readonly VerifiedCertificate[]) =>
    certificates.map(({ publicKey, purpose }) => [publicKey.kind, purpose]);
  const own = [...self.decryption, ...self.agreement];
  const kinds = [standardKinds.decryption, standardKinds.agreement];
  assert.deepEqual(
    purposesOf(own.map(({ certificate }) => certificate)),
    ["decrypt", "agree"].flatMap((purpose, i) => kinds[i]?.map((kind) => [kind, `terminal-${purpose}`])),
  );
  assert.deepEqual(
    purposesOf([...serverDecryption, ...serverAgreement]),
    ["decrypt", "agree"].flatMap((purpose, i) => kinds[i]?.map((kind) => [kind, `server-${purpose}`])),
  );
  assert.deepEqual(
    self.agreement.map(({ key }) => key.purpose),
    standardKinds.agreement.map(() => "agree"),
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
  assert.deepEqual(await readdir(terminal.folder.path), ["downloads.lock", "enrolment.lock"]);
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
  const serversKey = await own.opener(serverName, "server-decrypt");
  const serversOwn = serversKey.certificate.chain;
  const ofTwoPurposes = await own.issue(serverName, "server-agree", serversKey.key.publicKey);
  const agreeing = (await own.agreer(serverName, "server-agree")).certificate.chain;
  const ofX25519 = (await own.opener(serverName, "server-decrypt", "x25519")).certificate.chain;
  const signing = (await own.signer(serverName, "server-sign")).certificate.chain;
  const ofPq = SoftwareKey.generate("ml-dsa-65").publicKey;
  type Wrong = Partial<EnrolReply> & { readonly server?: Partial<PartyChains> };
  const wrongs: readonly (readonly [Wrong, string])[] = [
    [{ signingChains: [await own.issue(terminalName, "terminal-sign", key)] }, "ENROL_REPLY_WRONG"],
    [{ signingChains: [await own.issue("gateway-8", "terminal-sign", key)] }, "PKI_NAME_WRONG"],
    [{ signingChains: [await own.issue(terminalName, "server-sign", key)] }, "PKI_PURPOSE_WRONG"],
    [{ server: { signingChains: [(await own.signer("server-2", "server-sign")).certificate.chain] } }, "PKI_NAME_WRONG"],
    [
      { server: { decryptionChains: [serversOwn, (await own.opener("server-2", "server-decrypt", "x25519")).certificate.chain] } },
      "PKI_NAME_WRONG",
    ],
    [{ server: { decryptionChains: [serversOwn, serversOwn] } }, "ENROL_REPLY_WRONG"],
    [{ server: { decryptionChains: [ofX25519], agreementChains: [agreeing] } }, "ENROL_REPLY_WRONG"], // no suite has both kinds
    [{ sealedDecryptionChains: [new Uint8Array(1)] }, "ENROL_REPLY_WRONG"],
    [{ server: { agreementChains: [(await own.agreer("server-2", "server-agree")).certificate.chain] } }, "PKI_NAME_WRONG"],
    [{ server: { agreementChains: [serversOwn] } }, "PKI_PURPOSE_WRONG"],
    [{ server: { agreementChains: [agreeing, agreeing] } }, "ENROL_REPLY_WRONG"],
    [{ server: { signingChains: [await own.issue(serverName, "server-sign", ofPq)] } }, "ENROL_REPLY_WRONG"], // nor one for this terminal
    [{ server: { signingChains: [signing, await own.issue(serverName, "server-sign", key)] } }, "ENROL_REPLY_WRONG"],
    [{ server: { signingChains: [signing, await own.issue("server-2", "server-sign", ofPq)] } }, "PKI_NAME_WRONG"],
    [{ server: { signingChains: [signing, await own.issue(serverName, "licence-sign", ofPq)] } }, "PKI_PURPOSE_WRONG"],
    [{ signingChains: [await own.issue(terminalName, "terminal-sign", ofPq)] }, "ENROL_REPLY_WRONG"],
    [{ signingChains: [signing, signing] }, "ENROL_REPLY_WRONG"],
    [{ server: { decryptionChains: [serversOwn], agreementChains: [ofTwoPurposes] } }, "ENROL_REPLY_WRONG"],
    [{ sealedAgreementChains: [new Uint8Array(1)] }, "ENROL_REPLY_WRONG"],
    [{ server: { signingChains: [(await own.signer(serverName, "licence-sign")).certificate.chain] } }, "PKI_PURPOSE_WRONG"],
  ];
  for (const [wrong, expected] of wrongs) {
    const { server: serversOwnChains = {}, ...rest } = wrong;
    server.faults.enrolReply = (reply) => ({ ...reply, ...rest, serverChains: { ...reply.serverChains, ...serversOwnChains } });
    await assert.rejects(enroll(terminal, { token: server.token() }), code(expected));
    assert.equal((await status(terminal)).identity, null);
  }
  // a certificate for a key of somebody else, encrypted to ours
  const substitute = async (reply: EnrolReply, purpose: "decrypt" | "agree"): Promise<EnrolReply> => {
    const field = purpose === "decrypt" ? "sealedDecryptionChains" : "sealedAgreementChains";
    const [mine] = (purpose === "decrypt" ? server.terminal?.decryption : server.terminal?.agreement) ?? [];
    assert.ok(mine !== undefined);
    const chain = await own.issue(terminalName, `terminal-${purpose}`, SoftwareKey.generate(mine.publicKey.kind).publicKey);
    return { ...reply, [field]: [sealChain(mine.publicKey, chain), ...reply[field].slice(1)] };
  };
  for (const purpose of ["decrypt", "agree"] as const) {
    server.faults.enrolReply = (reply) => substitute(reply, purpose);
    await assert.rejects(enroll(terminal, { token: server.token() }), code("ENROL_REPLY_WRONG"));
  }
  const exchanges: readonly ((reply: EnrolReply) => Partial<EnrolReply>)[] = [
    ({ sealedDecryptionChains: sealed }) => ({ sealedDecryptionChains: sealed.toReversed() }),
    ({ sealedAgreementChains: sealed }) => ({ sealedAgreementChains: sealed.toReversed() }),
    ({ sealedDecryptionChains, sealedAgreementChains }) => ({
      sealedDecryptionChains: sealedAgreementChains,
      sealedAgreementChains: sealedDecryptionChains,
    }),
  ];
  for (const exchange of exchanges) {
    server.faults.enrolReply = (reply) => ({ ...reply, ...exchange(reply) });
    await assert.rejects(enroll(terminal, { token: server.token() }), (error) => error instanceof SealaneError && error.entry.exit === 3);
    assert.equal((await status(terminal)).identity, null);
  }
  server.faults.enrolReply = undefined;
  await enroll(terminal, { token: server.token() });
});

/** That an enrolment ends with this code, before anything is kept of it or proven. */
async function isRefused({ server, terminal }: World, expected: string): Promise<void> {
  server.requests.length = 0;
  await assert.rejects(enroll(terminal, { token: server.token() }), code(expected));
  assert.equal((await status(terminal)).identity, null);
  assert.equal(server.terminal?.isActive, false);
  assert.equal(server.requests.includes("POST /v1/enrolments/proof"), false);
}

test("KCERT: chains of the server that were taken out, added, exchanged or put in another order are noticed before anything is kept", async (t) => {
  const world = await newWorld(t);
  const { server, terminal } = world;
  const another = (await server.authority.opener(serverName, "server-decrypt")).certificate.chain; // a right one, and not the server's
  const changes: readonly (readonly [(chains: PartyChains) => Partial<PartyChains>, readonly number[], string])[] = [
    [
      ({ decryptionChains: d, agreementChains: a }) => ({ decryptionChains: d.slice(1), agreementChains: a.slice(1) }),
      [1],
      "CRYPTO_SIGNATURE_WRONG",
    ],
    [
      ({ decryptionChains: d, agreementChains: a }) => ({ decryptionChains: d.slice(1), agreementChains: a.slice(1) }),
      [2, 1],
      "ENROL_REPLY_WRONG",
    ],
    [({ decryptionChains: d }) => ({ decryptionChains: d.slice(1) }), [1], "CRYPTO_SIGNATURE_WRONG"],
    [({ agreementChains: a }) => ({ agreementChains: a.slice(0, 1) }), [2], "CRYPTO_SIGNATURE_WRONG"],
    [({ decryptionChains: d }) => ({ decryptionChains: d.toReversed() }), [2, 1], "CRYPTO_SIGNATURE_WRONG"],
    [({ agreementChains: a }) => ({ agreementChains: a.toReversed() }), [2, 1], "CRYPTO_SIGNATURE_WRONG"],
    [({ decryptionChains: d }) => ({ decryptionChains: [another, ...d.slice(1)] }), [2, 1], "CRYPTO_SIGNATURE_WRONG"],
    [() => ({}), [1], "ENROL_REPLY_WRONG"],
    [() => ({}), [1, 2], "ENROL_REPLY_WRONG"],
  ];
  for (const [change, serverSuiteNumbers, expected] of changes) {
    server.faults.enrolReply = (reply) => ({
      ...reply,
      serverSuiteNumbers,
      serverChains: { ...reply.serverChains, ...change(reply.serverChains) },
    });
    await isRefused(world, expected);
  }
  server.faults.enrolReply = undefined;
  await enroll(terminal, { token: server.token() });
  assert.deepEqual((await status(terminal)).identity?.suites, ["hybrid", "x25519"]);
});

test("KCERT: a reply of another enrolment, or a confirmation of one, is refused, and one that is spliced of both", async (t) => {
  const world = await newWorld(t);
  const { server, terminal } = world;
  let former: EnrolReply | null = null;
  let formerBytes: Uint8Array = new Uint8Array(0);
  server.faults.enrolReply = (reply) => {
    former = reply;
    return { ...reply, serverSuiteNumbers: [1] };
  };
  server.faults.enrolReplyBytes = (bytes) => {
    formerBytes = bytes;
    return bytes;
  };
  await isRefused(world, "ENROL_REPLY_WRONG");
  server.faults.enrolReply = undefined;
  server.faults.enrolReplyBytes = () => formerBytes;
  await isRefused(world, "CRYPTO_OPEN_FAILED");
  server.faults.enrolReplyBytes = (bytes) => bytes.with(-1, (bytes.at(-1) ?? 0) ^ 1);
  await isRefused(world, "CRYPTO_OPEN_FAILED");
  server.faults.enrolReplyBytes = undefined;
  const { confirmation } = (former ?? assert.fail()) as EnrolReply;
  server.faults.enrolReply = (reply) => ({ ...reply, confirmation });
  await isRefused(world, "CRYPTO_SIGNATURE_WRONG");
  server.faults.enrolReply = undefined;
  await enroll(terminal, { token: server.token() });
});

test("a lost reply is asked for again, with the same keys", async (t) => {
  for (const lost of ["GET /v1/enrol", "POST /v1/enrolments", "POST /v1/enrolments/proof"]) {
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
  const already = (exit: number, name: string) => (error: unknown) => hasCode(error, name) && error.entry.exit === exit;
  await assert.rejects(enroll(terminal, { token: server.token() }), already(8, "TERMINAL_ALREADY_ENROLLED"));
  const second = await FakeServer.start(t, world.clock);
  await assert.rejects(enroll(terminal, { token: second.token() }), already(10, "TERMINAL_ENROLLED_OTHERWISE"));
  await assert.rejects(
    enroll(terminal, { token: server.token({ name: parseName("another") }) }),
    already(10, "TERMINAL_ENROLLED_OTHERWISE"),
  );
  const before = await terminal.keys.list();
  await enroll(terminal, { token: second.token(), replace: true });
  const after = await terminal.keys.list();
  assert.equal((await status(terminal)).identity?.url, `${second.url}/`);
  assert.equal(after.length, 5);
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
