import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { certificateChainCodec } from "@sealane/api";
import { SoftwareKey } from "@sealane/crypto";
import { FileKeyStore } from "@sealane/keystore";
import { type Purpose, parseCertificate, trustAnchor, verifyCertificate } from "@sealane/pki";
import { EffectFolder, type EffectPlan, hookEnvironment } from "@sealane/testkit/effects";
import { decodeAs, parseName } from "@sealane/wire";
import { authorityFolder, initServer, issuePublisher, moveRoot, serverFolder, serverRoles, startServer } from "../../src/index.ts";
import { makeFormer } from "./former-server.ts";
import { TestServer } from "./test-server.ts";

const nowSeconds = 1_800_000_000;
const silent = { level: "silent", destination: { write: () => {} } } as const;

async function emptyFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sealane-root-"));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

/** A server as an earlier version made it, with the operator's folder beside it. */
async function formerServer(t: TestContext): Promise<string> {
  const folder = join(await emptyFolder(t), "server");
  await initServer({ folder, name: parseName("server"), nowSeconds });
  await makeFormer(folder);
  return folder;
}

async function starts(folder: string): Promise<void> {
  const options = { folder, roles: serverRoles, host: "127.0.0.1", port: 0, log: silent, now: () => nowSeconds };
  await (await startServer(options)).close();
}

/** What holds when the root's key is away: it is in one place, everything that it certifies is there, and the server starts. */
async function demandMoved(folder: string, rootKey: Uint8Array): Promise<void> {
  await demandKeysMoved(folder, rootKey);
  await starts(folder);
}

async function demandKeysMoved(folder: string, rootKey: Uint8Array): Promise<void> {
  const [server, operator] = [serverFolder(folder), authorityFolder(join(dirname(folder), "operator"))];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) assert.equal((await readFile(path)).includes(rootKey), false, `the root's key is in ${path}`);
  }
  assert.deepEqual(new Uint8Array(await readFile(join(operator.keys, "root.pem"))), rootKey);
  for (const id of ["root", "publishers", "operator"]) assert.equal((await stat(join(operator.keys, `${id}.pem`))).mode & 0o777, 0o600, id);
  const anchor = trustAnchor(new Uint8Array(await readFile(server.authority)));
  const verify = (chain: readonly Uint8Array[], purpose: Purpose): unknown =>
    verifyCertificate({ chain, anchors: [anchor], purpose, nowSeconds });
  const { publicKey } = SoftwareKey.generate("ed25519");
  verify(await issuePublisher({ folder, name: parseName("publisher"), publicKey, nowSeconds }), "release-sign");
  const chain = decodeAs(certificateChainCodec, new Uint8Array(await readFile(operator.operatorChain)), {
    maxBytes: 65_536,
    what: "chain",
  });
  verify(chain, "order-sign");
  const operatorKey = await new FileKeyStore(operator.keys).publicKey("operator");
  assert.deepEqual(parseCertificate(chain[0] ?? new Uint8Array(0)).publicKey.spki, operatorKey.spki);
  const issuer = await new FileKeyStore(server.keys).publicKey("issuer");
  assert.deepEqual(parseCertificate(new Uint8Array(await readFile(server.issuer))).publicKey.spki, issuer.spki);
}

test("WHO: a server made before the root left it does not run until it is migrated, and then goes on", async (t) => {
  const server = await TestServer.init(t, {});
  await makeFormer(server.folder);
  const rootKey = new Uint8Array(await readFile(join(server.folder, "keys", "authority.pem")));
  await assert.rejects(server.run(), { code: "SERVER_ROOT_KEY_HERE" });
  await assert.rejects(startServer(server.options({ roles: ["operator"] })), { code: "SERVER_ROOT_KEY_HERE" });
  assert.equal(await moveRoot({ folder: server.folder, nowSeconds: server.nowSeconds }), "moved");
  await demandMoved(server.folder, rootKey);
  assert.equal(await moveRoot({ folder: server.folder, nowSeconds: server.nowSeconds }), "was away");
  // Its certificates are still those that the root issued; a terminal enrols below the new authority, and is served.
  const identity = decodeAs(certificateChainCodec, await readFile(join(server.folder, "certificates", "licence-sign.cbor")), {
    maxBytes: 65_536,
    what: "chain",
  });
  assert.equal(identity.length, 1);
  await server.run();
  await server.publish("the software");
  assert.ok(await (await server.device("gate-1")).establish());
});

describe("WHO: the root's key", () => {
  test("is not given up where there is nowhere to put it, and goes where it is told to", async (t) => {
    const folder = await formerServer(t);
    const [operator, elsewhere] = [join(dirname(folder), "operator"), join(dirname(folder), "safe", "operator")];
    await rm(operator, { recursive: true });
    await assert.rejects(moveRoot({ folder, nowSeconds }), { code: "SERVER_OPERATOR_FOLDER_MISSING" });
    assert.equal(await moveRoot({ folder, operator: elsewhere, nowSeconds }), "moved");
    assert.deepEqual((await readdir(join(elsewhere, "keys"))).sort(), ["operator.pem", "publishers.pem", "root.pem"]);
    assert.deepEqual((await readdir(dirname(folder))).sort(), ["safe", "server"]);
    await starts(folder);
  });
  test("does not take the place of another root's", async (t) => {
    const folder = await formerServer(t);
    await new FileKeyStore(join(dirname(folder), "operator", "keys")).generate("root", "ed25519");
    await assert.rejects(moveRoot({ folder, nowSeconds }), { code: "SERVER_KEY_MISMATCH" });
    assert.ok(await new FileKeyStore(serverFolder(folder).keys).has("authority"));
  });
  test("that does not belong to the server's certificate is not moved", async (t) => {
    const folder = await formerServer(t);
    const keys = serverFolder(folder).keys;
    await writeFile(join(keys, "authority.pem"), await readFile(join(keys, "licence-sign.pem")));
    await assert.rejects(moveRoot({ folder, nowSeconds }), { code: "SERVER_KEY_MISMATCH" });
    assert.equal((await readdir(join(dirname(folder), "operator"))).includes("keys"), false);
  });
});

test("WHO, UNI: a move that is killed before any of its effects, or in the middle of one, is repeated and loses no key", async (t) => {
  const original = await formerServer(t);
  const rootKey = new Uint8Array(await readFile(join(serverFolder(original).keys, "authority.pem")));
  const effects = new EffectFolder(join(dirname(original), "effects"));
  const script = fileURLToPath(import.meta.resolve("./move-root-process.ts"));
  const move = async (plan: EffectPlan): Promise<{ readonly folder: string; readonly killed: boolean; readonly said: string }> => {
    const parent = await mkdtemp(join(dirname(original), "copy-"));
    for (const name of ["server", "operator"]) await cp(join(dirname(original), name), join(parent, name), { recursive: true });
    effects.plan(plan);
    const folder = join(parent, "server");
    const env = { ...process.env, ...hookEnvironment({ effects }) };
    const run = spawnSync(process.execPath, [script, folder, String(nowSeconds)], { env, encoding: "utf8" });
    return { folder, killed: run.signal === "SIGKILL", said: run.stdout + run.stderr };
  };
  const whole = await move("count");
  assert.equal(whole.said, "moved");
  await demandMoved(whole.folder, rootKey);
  // A kill before something is only synced is the one before what follows.
  const changes = effects.seen().filter(({ target }) => target.includes(dirname(whole.folder)));
  const counted = changes.filter(({ name }) => !/sync$/.test(name));
  assert.ok(counted.length > 20, `${counted.length} effects`);
  for (const { number, name, target } of counted) {
    for (const kind of name.startsWith("write") ? (["kill", "torn"] as const) : (["kill"] as const)) {
      const { folder, killed, said } = await move(`${kind} ${number}`);
      assert.ok(killed, `${kind} ${number} ${name} ${target}: ${said}`);
      const formerKey = await readFile(join(folder, "keys", "authority.pem")).catch(() => null);
      const movedKey = await readFile(join(dirname(folder), "operator", "keys", "root.pem")).catch(() => null);
      const kept = [formerKey, movedKey].filter((key) => key !== null && Buffer.compare(key, rootKey) === 0);
      assert.ok(kept.length > 0, `${kind} ${number} ${name} ${target} lost the root's key`);
      assert.equal(await moveRoot({ folder, nowSeconds }), formerKey === null ? "was away" : "moved");
      await demandKeysMoved(folder, rootKey);
      await rm(dirname(folder), { recursive: true });
    }
  }
});
