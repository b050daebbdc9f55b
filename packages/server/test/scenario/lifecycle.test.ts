import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { routes } from "@sealane/api";
import { SoftwareKey, systemRandom } from "@sealane/crypto";
import { trustAnchor, verifyCertificate } from "@sealane/pki";
import { equalBytes, hasCode, parseBase64Url, parseName, type SealaneError } from "@sealane/wire";
import {
  authorityFolder,
  initServer,
  issuePublisher,
  migrateServer,
  type RunningServer,
  type ServerRole,
  serverFolder,
  startServer,
} from "../../src/index.ts";
import { replyOf } from "./device.ts";
import { TestServer } from "./test-server.ts";

const nowSeconds = 1_800_000_000;
const name = parseName("server");
const silent = { level: "silent", destination: { write: () => {} } } as const;

async function emptyFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sealane-lifecycle-"));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

async function run(folder: string, roles: readonly ServerRole[], now = nowSeconds): Promise<RunningServer> {
  return await startServer({ folder, roles, host: "127.0.0.1", port: 0, log: silent, now: () => now });
}

function coded(code: string): (error: unknown) => error is SealaneError {
  return (error) => hasCode(error, code);
}

test("a new server: keys for one purpose each, its owner's only, and a token that is nowhere in the folder", async (t) => {
  const root = join(await emptyFolder(t), "server");
  const { operatorToken, fingerprint } = await initServer({ folder: root, name, nowSeconds });
  const folder = serverFolder(root);
  const linkKeyIds = ["agree", "decrypt"].flatMap((purpose) => ["x-wing", "x25519"].map((kind) => `server-${purpose}-${kind}`));
  const keyIds = ["enrol-decrypt", "issuer", "licence-sign", ...linkKeyIds, "server-sign-ed25519"];
  assert.deepEqual(
    (await readdir(folder.keys)).sort(),
    keyIds.map((id) => `${id}.pem`),
  );
  for (const path of [root, folder.keys, folder.certificates]) assert.equal((await stat(path)).mode & 0o777, 0o700, path);
  const secretFiles = [folder.storageKey, folder.database, ...keyIds.map((id) => join(folder.keys, `${id}.pem`))];
  for (const path of secretFiles) assert.equal((await stat(path)).mode & 0o777, 0o600, path);
  assert.equal((await stat(folder.storageKey)).size, 32);
  const operator = authorityFolder(join(dirname(root), "operator"));
  assert.deepEqual((await readdir(operator.root)).sort(), ["authority.der", "issuer.der", "keys", "operator.cbor", "publishers.der"]);
  assert.deepEqual((await readdir(operator.keys)).sort(), ["operator.pem", "publishers.pem", "root.pem"]);
  for (const path of [operator.root, operator.keys]) assert.equal((await stat(path)).mode & 0o777, 0o700, path);
  for (const id of ["operator", "publishers", "root"]) assert.equal((await stat(join(operator.keys, `${id}.pem`))).mode & 0o777, 0o600, id);
  const anchor = trustAnchor(await readFile(folder.authority));
  assert.equal(equalBytes(anchor.thumbprint, fingerprint), true);
  const { notBeforeSeconds, notAfterSeconds } = anchor.certificate;
  assert.deepEqual([notBeforeSeconds, notAfterSeconds], [nowSeconds - 60, nowSeconds + 7_300 * 86_400]);
  assert.equal(equalBytes(await readFile(operator.authority), anchor.der), true);
  assert.equal(parseBase64Url(operatorToken).length, 32);
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const content = await readFile(join(entry.parentPath, entry.name));
    assert.equal(content.includes(operatorToken) || content.includes(parseBase64Url(operatorToken)), false, entry.name);
  }
});

test("a folder that holds a server, or something else, is left as it is", async (t) => {
  const parent = await emptyFolder(t);
  const folder = join(parent, "server");
  await mkdir(folder); // empty is allowed
  await initServer({ folder, name, nowSeconds });
  const before = await readFile(serverFolder(folder).authority);
  await assert.rejects(initServer({ folder, name, nowSeconds }), coded("SERVER_ALREADY_INITIALISED"));
  assert.equal(Buffer.compare(await readFile(serverFolder(folder).authority), before), 0);
  const other = join(parent, "other");
  await mkdir(other);
  await writeFile(join(other, "notes.txt"), "x");
  await assert.rejects(initServer({ folder: other, name, nowSeconds }), coded("SERVER_FOLDER_NOT_EMPTY"));
  await assert.rejects(initServer({ folder: join(other, "notes.txt"), name, nowSeconds }), coded("SERVER_FILE_WRONG"));
  await assert.rejects(initServer({ folder: join(parent, "third"), name: parseName("anonymous"), nowSeconds }), coded("SERVER_NAME_TAKEN"));
  assert.deepEqual((await readdir(parent)).sort(), ["operator", "other", "server"]);
});

test("of two that make a server at once one does", async (t) => {
  const parent = await emptyFolder(t);
  const folder = join(parent, "server");
  const results = await Promise.allSettled([1, 2].map(() => initServer({ folder, name, nowSeconds })));
  assert.ok(results.filter(({ status }) => status === "fulfilled").length <= 1);
  const left = (await readdir(parent)).sort();
  assert.ok(left.length === 0 || left.join() === "operator,server", left.join());
  if (left.length > 0) await (await run(folder, ["key", "ca", "operator", "download"])).close();
});

test("a server that could not be made leaves nothing, and what a killed run left is removed", async (t) => {
  const parent = await emptyFolder(t);
  const folder = join(parent, "server");
  for (let allowed = 0; ; allowed++) {
    let left = allowed;
    const random = {
      bytes: (length: number) => {
        if (left-- === 0) throw new Error("no more randomness");
        return systemRandom.bytes(length);
      },
    };
    const made = await initServer({ folder, name, nowSeconds, random }).catch(() => null);
    if (made !== null) break;
    assert.deepEqual(await readdir(parent), [], `after ${allowed} draws`);
  }
  for (const made of await readdir(parent)) await rm(join(parent, made), { recursive: true });
  const leftover = join(parent, ".server.init-0123456789abcdef");
  await mkdir(join(leftover, "keys"), { recursive: true });
  await initServer({ folder, name, nowSeconds });
  assert.deepEqual((await readdir(parent)).sort(), ["operator", "server"]);
});

test("WHO: a run that was killed between its two renames is given up with its root, and no other root is", async (t) => {
  const parent = await emptyFolder(t);
  const folder = join(parent, "server");
  const first = await initServer({ folder, name, nowSeconds });
  await rename(folder, join(parent, ".server.init-0123456789abcdef")); // as it stood before the second
  const second = await initServer({ folder, name, nowSeconds });
  assert.equal(equalBytes(first.fingerprint, second.fingerprint), false);
  assert.deepEqual((await readdir(parent)).sort(), ["operator", "server"]);
  await (await run(folder, ["key", "ca", "operator", "download"])).close();

  // A server that is not where it was: its root is somebody's, and stays.
  await rename(folder, join(parent, "elsewhere"));
  await mkdir(join(parent, ".server.init-00"));
  await writeFile(join(parent, ".server.init-00", "authority.der"), "another root");
  const root = await readFile(join(parent, "operator", "keys", "root.pem"));
  await assert.rejects(initServer({ folder, name, nowSeconds }), coded("SERVER_FOLDER_NOT_EMPTY"));
  assert.deepEqual((await readdir(parent)).sort(), ["elsewhere", "operator"]);
  assert.deepEqual(await readFile(join(parent, "operator", "keys", "root.pem")), root);
  await initServer({ folder, operator: join(parent, "another"), name, nowSeconds });
});

test("a publisher's certificate is for its own key and for releases only", async (t) => {
  const folder = join(await emptyFolder(t), "server");
  await initServer({ folder, name, nowSeconds });
  const { publicKey } = SoftwareKey.generate("ed25519");
  const chain = await issuePublisher({ folder, name: parseName("publisher"), publicKey, nowSeconds });
  const anchors = [trustAnchor(await readFile(serverFolder(folder).authority))];
  const certificate = verifyCertificate({ chain, anchors, purpose: "release-sign", nowSeconds });
  assert.deepEqual([certificate.name, equalBytes(certificate.publicKey.spki, publicKey.spki)], ["publisher", true]);
  assert.throws(() => verifyCertificate({ chain, anchors, purpose: "licence-sign", nowSeconds }), coded("PKI_PURPOSE_WRONG"));
  assert.equal((await readdir(serverFolder(folder).keys)).includes("publisher.pem"), false);
});

test("each role starts without what only others need", async (t) => {
  const source = join(await emptyFolder(t), "server");
  await initServer({ folder: source, name, nowSeconds });
  const without = async (role: ServerRole, missing: readonly string[]): Promise<void> => {
    const folder = join(await emptyFolder(t), "copy");
    await cp(source, folder, { recursive: true });
    for (const path of missing) await rm(join(folder, path), { recursive: true });
    await (await run(folder, [role])).close();
  };
  await without("download", ["keys", "certificates", "authority.der", "issuer.der", "storage.key", "data.sqlite"]);
  await without("operator", ["keys", "storage.key"]);
  const linkKeys = ["agree", "decrypt"].flatMap((purpose) => ["x-wing", "x25519"].map((kind) => `keys/server-${purpose}-${kind}.pem`));
  await without("ca", ["storage.key", "artefacts", ...linkKeys, "keys/licence-sign.pem"]);
  await without("key", ["artefacts", "issuer.der", "keys/issuer.pem", "keys/enrol-decrypt.pem"]);
});

test("WHO: an authority's certificate that is not below the root is refused before anything is certified with it", async (t) => {
  const parent = await emptyFolder(t);
  const [here, there] = [join(parent, "here", "server"), join(parent, "there", "server")];
  for (const folder of [here, there]) {
    await mkdir(dirname(folder));
    await initServer({ folder, name, nowSeconds });
  }
  const { publicKey } = SoftwareKey.generate("ed25519");
  const publisher = () => issuePublisher({ folder: here, name: parseName("publisher"), publicKey, nowSeconds });
  // Certificate and key of another server's authority: they fit each other, and no terminal of this server would believe them.
  for (const [part, id, start] of [
    ["server/issuer.der", "server/keys/issuer.pem", () => run(here, ["ca"])],
    ["operator/publishers.der", "operator/keys/publishers.pem", publisher],
  ] as const) {
    const file = join(parent, "here", part);
    const own = [await readFile(file), await readFile(join(parent, "here", id))] as const;
    await cp(join(parent, "there", part), file);
    await cp(join(parent, "there", id), join(parent, "here", id));
    await assert.rejects(start(), (error) => {
      assert.ok(coded("SERVER_FILE_WRONG")(error));
      assert.deepEqual(error.details, { file, reason: "PKI_SIGNATURE_WRONG" });
      return true;
    });
    await writeFile(file, own[0].subarray(0, 40));
    await assert.rejects(start(), coded("SERVER_FILE_WRONG"));
    await writeFile(file, own[0]);
    await writeFile(join(parent, "here", id), own[1]);
  }
  await publisher();
  await (await run(here, ["ca"])).close();
});

test("a folder that is not whole is refused with what is wrong", async (t) => {
  const source = join(await emptyFolder(t), "server");
  await initServer({ folder: source, name, nowSeconds });
  const all = ["key", "download", "ca", "operator"] as const;
  const broken = async (code: string, breakIt: (folder: string) => Promise<void>, now = nowSeconds): Promise<void> => {
    const folder = join(await emptyFolder(t), "copy");
    await cp(source, folder, { recursive: true });
    await breakIt(folder);
    await assert.rejects(run(folder, all, now), coded(code), code);
  };
  await broken("SERVER_NOT_INITIALISED", (folder) => rm(folder, { recursive: true }));
  await broken("SERVER_NOT_INITIALISED", (folder) => rm(join(folder, "data.sqlite")));
  await broken("SERVER_NOT_INITIALISED", (folder) => rm(join(folder, "artefacts"), { recursive: true }));
  await broken("SERVER_FILE_WRONG", (folder) => rm(join(folder, "authority.der")));
  await broken("SERVER_FILE_WRONG", (folder) => writeFile(join(folder, "authority.der"), "x"));
  await broken("SERVER_ROOT_KEY_HERE", (folder) => rm(join(folder, "issuer.der")));
  await broken("SERVER_ROOT_KEY_HERE", (folder) => writeFile(join(folder, "keys", "authority.pem"), ""));
  await broken("SERVER_FILE_WRONG", (folder) => writeFile(join(folder, "storage.key"), new Uint8Array(31)));
  await broken("SERVER_FILE_WRONG", (folder) => writeFile(join(folder, "storage.key"), new Uint8Array(33)));
  await broken("SERVER_FILE_WRONG", (folder) => writeFile(join(folder, "certificates", "server-sign-ed25519.cbor"), ""));
  await broken("SERVER_FILE_WRONG", (folder) => rm(join(folder, "certificates", "server-sign-ed25519.cbor")));
  await broken("KEYSTORE_KEY_MISSING", (folder) => rm(join(folder, "keys", "licence-sign.pem")));
  for (const kind of ["x-wing", "x25519"]) {
    const [agreeing, decrypting] = [`server-agree-${kind}`, `server-decrypt-${kind}`];
    for (const id of [agreeing, decrypting]) await broken("SERVER_FILE_WRONG", (folder) => rm(join(folder, "certificates", `${id}.cbor`)));
    await broken("KEYSTORE_KEY_MISSING", (folder) => rm(join(folder, "keys", `${agreeing}.pem`)));
    const put = async (folder: string, file: (id: string) => string): Promise<void> =>
      await cp(join(folder, file(decrypting)), join(folder, file(agreeing)));
    await broken("SERVER_KEY_MISMATCH", (folder) => put(folder, (id) => join("keys", `${id}.pem`)));
    await broken("SERVER_FILE_WRONG", (folder) => put(folder, (id) => join("certificates", `${id}.cbor`)));
  }
  await broken("SERVER_KEY_MISMATCH", (folder) =>
    cp(join(folder, "keys", "licence-sign.pem"), join(folder, "keys", "server-sign-ed25519.pem")),
  );
  await broken("SERVER_KEY_MISMATCH", (folder) => cp(join(folder, "keys", "server-sign-ed25519.pem"), join(folder, "keys", "issuer.pem")));
  await broken("PKI_CERTIFICATE_EXPIRED", async () => {}, nowSeconds + 366 * 86_400);
  await broken("PKI_CERTIFICATE_NOT_YET_VALID", async () => {}, nowSeconds - 61);
});

test("an address that is taken is told", async (t) => {
  const server = await TestServer.start(t);
  const { port } = new URL(server.url);
  const second = startServer({ folder: server.folder, roles: ["download"], host: "127.0.0.1", port: Number(port), log: silent });
  await assert.rejects(second, coded("SERVER_ADDRESS_UNUSABLE"));
});

test("two processes may serve one folder, each in its roles", async (t) => {
  const server = await TestServer.start(t, { roles: ["key"] });
  const other = await startServer(server.options({ roles: ["ca", "operator"], publicUrl: "http://127.0.0.1:1/base/" }));
  try {
    const headers = { authorization: `Bearer ${server.operatorToken}` };
    assert.equal((await fetch(other.url + routes.terminals, { headers })).status, 200);
    assert.equal((await replyOf(await fetch(server.url + routes.terminals, { headers }))).code, "API_ROUTE_UNKNOWN");
    assert.equal((await replyOf(await fetch(other.url + routes.links, { method: "POST" }))).code, "API_ROUTE_UNKNOWN");
  } finally {
    await other.close();
  }
});

test("a server is migrated when it stands, and one that is not there is refused", async (t) => {
  const folder = join(await emptyFolder(t), "server");
  await assert.rejects(migrateServer({ folder }), coded("SERVER_NOT_INITIALISED"));
  await initServer({ folder, name, nowSeconds });
  await migrateServer({ folder });
  await (await run(folder, ["operator"])).close();
});
