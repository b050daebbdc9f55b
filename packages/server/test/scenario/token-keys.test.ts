import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { routes } from "@sealane/api";
import { Secret, SoftwareKey, standardSuites, suitesNamed, systemRandom } from "@sealane/crypto";
import { openPkcs11KeyStore } from "@sealane/keystore";
import { trustAnchor, verifyCertificate } from "@sealane/pki";
import { createAuthority } from "@sealane/pki/issue";
import { pin, SoftToken, withoutTokens } from "@sealane/testkit/tokens";
import { hasCode, parseName } from "@sealane/wire";
import {
  backupServer,
  initServer,
  issuePublisher,
  moveRoot,
  restoreServer,
  serverFolder,
  serverRoles,
  startServer,
} from "../../src/index.ts";
import { TestServer } from "./test-server.ts";

const suites = suitesNamed(["p256", "rsa3072"]);
const own = { name: parseName("server"), nowSeconds: 1_800_000_000, suites };
const offers = { kind: "offers", module: null, installed: [] } as const;
const askPin = (): Secret => Secret.take("pin", new TextEncoder().encode(pin));
const code = (expected: string) => (error: unknown) => hasCode(error, expected);

async function emptyFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sealane-token-keys-"));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

/** The labels of the private keys in a token, whoever's they are. */
async function labelsIn(token: SoftToken): Promise<readonly string[]> {
  await using store = openPkcs11KeyStore(token.uri());
  return await store.list();
}

async function ready(server: TestServer, headers: Readonly<Record<string, string>> = {}): Promise<readonly [number, unknown]> {
  const reply = await fetch(server.url + routes.ready, { headers });
  return [reply.status, ((await reply.json()) as { code?: string }).code];
}

describe("KSIM: a server whose keys are in a token", { skip: withoutTokens }, () => {
  test("has one in a file, for enrolment; enrols terminals and serves them", async (t) => {
    await using token = new SoftToken();
    const server = await TestServer.init(t, undefined, suites, { token: token.uri("plant") });
    const folder = serverFolder(server.folder);
    assert.deepEqual(await readdir(folder.keys), ["enrol-decrypt.pem"]);
    const uri = (await readFile(folder.token, "utf8")).trim();
    const [, name] = /;object=(plant-[0-9a-f]{8})\?/.exec(uri) ?? [];
    assert.equal(uri, token.uri(name));
    const kinds = { sign: ["p256", "rsa3072"], decrypt: ["p256", "rsa3072"], agree: ["ffdhe3072", "p256"] };
    const ids = Object.entries(kinds).flatMap(([use, of]) => of.map((kind) => `server-${use}-${kind}`));
    assert.deepEqual(await labelsIn(token), ["issuer", "licence-sign", ...ids].map((id) => `${name}-${id}`).sort());
    await server.run();
    const device = await (await server.newDevice("gate-1", "m1", suites)).enrol();
    const [p256] = suites;
    assert.ok(p256);
    const prepared = await server.publish("the software", {}, p256);
    using link = await device.establish({ suite: p256 });
    assert.equal((await device.ask(link, { kind: "authorise", artefactId: prepared.artefactId })).kind, "authorised");
    assert.equal(server.log.join("").includes(pin), false);
  });

  test("goes on when the token goes and comes back: not ready meanwhile, and an enrolment that failed is repeated", async (t) => {
    await using token = new SoftToken();
    const server = await TestServer.init(t, undefined, suites, { token: token.uri() });
    await server.run();
    const fresh = await server.newDevice("gate-1", "m1", suites);
    assert.deepEqual(await ready(server), [200, undefined]);
    token.takeAway();
    assert.deepEqual(await ready(server), [503, "KEYSTORE_TOKEN_GONE"]);
    assert.deepEqual(await ready(server, { "x-forwarded-for": "203.0.113.7" }), [503, "API_SERVER_BUSY"], "to strangers");
    await assert.rejects(fresh.enrol());
    assert.equal(server.codes.includes("KEYSTORE_TOKEN_GONE"), true);
    token.bringBack();
    assert.deepEqual(await ready(server), [200, undefined]);
    await fresh.enrol();
  });

  test("WHO: and whose operator's keys are in another has none in a file; the publishers' authority certifies from there", async (t) => {
    await using token = new SoftToken();
    await using operatorToken = new SoftToken();
    const parent = await emptyFolder(t);
    const folder = join(parent, "server");
    await initServer({ ...own, folder, token: token.uri("plant"), operatorKey: operatorToken.uri("operator") });
    assert.deepEqual(await readdir(join(parent, "operator", "keys")), []);
    const ids = (await labelsIn(operatorToken)).map((label) => label.replace(/^operator-[0-9a-f]{8}-/, ""));
    assert.deepEqual(ids, ["operator", "publishers", "root"]);
    const { publicKey } = SoftwareKey.generate("p256");
    const chain = await issuePublisher({ folder, name: parseName("publisher"), publicKey, nowSeconds: own.nowSeconds });
    const anchors = [trustAnchor(new Uint8Array(await readFile(serverFolder(folder).authority)))];
    assert.ok(verifyCertificate({ chain, anchors, purpose: "release-sign", nowSeconds: own.nowSeconds }));
  });

  test("WHO: of an earlier version keeps its root's key in the token, which is used no more once it is migrated", async (t) => {
    await using token = new SoftToken();
    const parent = await emptyFolder(t);
    const { authority, issuer, token: uriFile } = serverFolder(join(parent, "server"));
    await initServer({ ...own, folder: join(parent, "server"), token: token.uri() });
    await using store = openPkcs11KeyStore((await readFile(uriFile, "utf8")).trim());
    await store.generate("authority", "p256", "sign");
    const key = await store.signingKey("authority");
    const validity = { notBeforeSeconds: own.nowSeconds, notAfterSeconds: own.nowSeconds + 86_400 };
    await writeFile(authority, await createAuthority({ name: own.name, key, ...validity, random: systemRandom }));
    await store.remove("issuer");
    for (const path of [issuer, join(parent, "operator")]) await rm(path, { recursive: true });
    await mkdir(join(parent, "operator"));
    const place = { folder: join(parent, "server"), nowSeconds: own.nowSeconds };
    await assert.rejects(
      startServer({ ...place, roles: serverRoles, host: "127.0.0.1", port: 0, log: { level: "silent", destination: { write: () => {} } } }),
      code("SERVER_ROOT_KEY_HERE"),
    );
    assert.equal(await moveRoot(place), "stays in the token");
    assert.equal(await moveRoot(place), "was away");
    assert.ok((await store.has("issuer")) && (await store.has("authority")));
    assert.deepEqual((await readdir(join(parent, "operator", "keys"))).sort(), ["operator.pem", "publishers.pem"]);
    const { publicKey } = SoftwareKey.generate("p256");
    const chain = await issuePublisher({ ...place, name: parseName("publisher"), publicKey });
    const anchors = [trustAnchor(new Uint8Array(await readFile(authority)))];
    assert.ok(verifyCertificate({ chain, anchors, purpose: "release-sign", nowSeconds: own.nowSeconds }));
  });

  test("is refused suites that the token lacks, before anything is made", async (t) => {
    await using token = new SoftToken();
    const parent = await emptyFolder(t);
    await assert.rejects(
      initServer({ ...own, folder: join(parent, "server"), token: token.uri(), suites: standardSuites }),
      (error) =>
        hasCode(error, "KEYSTORE_TOKEN_KIND_UNSUPPORTED") && error.details["suite"] === "hybrid" && error.details["kind"] === "x-wing",
    );
    for (const wrong of ["pkcs11:id=%01", `${token.uri()}&pin-value=${pin}`]) {
      await assert.rejects(initServer({ ...own, folder: join(parent, "server"), token: wrong }), code("KEYSTORE_TOKEN_URI_WRONG"));
    }
    assert.deepEqual(await readdir(parent), []);
    assert.deepEqual(await labelsIn(token), []);
  });

  test("that could not be made leaves no key, also where the token went meanwhile", async (t) => {
    await using token = new SoftToken();
    const parent = await emptyFolder(t);
    const folder = join(parent, "server");
    const failing = { ...own, folder, token: token.uri(), databaseUrl: "postgres://nobody@127.0.0.1:1/none?schema=s" };
    await assert.rejects(initServer(failing));
    assert.deepEqual([await labelsIn(token), await readdir(parent)], [[], []]);

    let isAway = false;
    const bytes = (length: number): Uint8Array => {
      const isStorageKey = length === 32; // which is made behind all keys
      if (isStorageKey && !isAway) token.takeAway();
      isAway ||= isStorageKey;
      return systemRandom.bytes(length);
    };
    await assert.rejects(initServer({ ...failing, random: { bytes } }));
    const [left = ""] = await readdir(parent);
    assert.deepEqual(await readdir(join(parent, left)), [basename(serverFolder(folder).token)]);
    token.bringBack();
    assert.equal((await labelsIn(token)).length, 8);
    await initServer({ ...own, folder, token: token.uri() });
    assert.deepEqual((await readdir(parent)).sort(), ["operator", "server"]);
    assert.equal((await labelsIn(token)).length, 8, "keys of the one that was not made are there");
  });

  test("that could not be made stands in nobody's way, and says where it is when its PIN is wrong", async (t) => {
    await using token = new SoftToken();
    const parent = await emptyFolder(t);
    const left = join(parent, ".server.init-00");
    await mkdir(left);
    await writeFile(join(left, "token.uri"), token.uriWithoutPin("sealane-00000000"));
    const asked: string[] = [];
    const wrong = (label: string): Secret => {
      asked.push(label);
      return Secret.take("pin", new TextEncoder().encode("0000"));
    };
    await initServer({ ...own, folder: join(parent, "server"), suites: standardSuites, askPin: wrong });
    assert.deepEqual([await readdir(left), asked], [["token.uri"], []], "without a token it asks nobody and touches none");
    for (const made of ["operator", "server"]) await rm(join(parent, made), { recursive: true });
    await assert.rejects(
      initServer({ ...own, folder: join(parent, "server"), token: token.uri(), askPin: wrong }),
      (error) => hasCode(error, "KEYSTORE_TOKEN_PIN_WRONG") && error.details["leftover"] === left,
    );
    assert.deepEqual([await readdir(parent), asked], [[".server.init-00"], [token.label]]);
  });

  test("starts where its PIN can be had, and says so where it cannot", async (t) => {
    await using token = new SoftToken();
    const uri = token.uriWithoutPin();
    const folder = join(await emptyFolder(t), "server");
    await assert.rejects(initServer({ ...own, folder, token: uri }), code("KEYSTORE_TOKEN_PIN_MISSING"));
    const server = await TestServer.init(t, undefined, suites, { token: uri, askPin });
    await assert.rejects(startServer(server.options()), code("KEYSTORE_TOKEN_PIN_MISSING"));
    await startServer(server.options({ roles: ["operator", "download"] })).then((running) => running.close()); // need no key
    await server.run({ askPin });
  });

  test("is backed up without them, and restored where the token is", async (t) => {
    await using token = new SoftToken();
    const server = await TestServer.init(t, {}, suites, { token: token.uri() });
    await server.run();
    const device = await (await server.newDevice("gate-1", "m1", suites)).enrol();
    const folder = await emptyFolder(t);
    const source = join(folder, "backup");
    const made = await backupServer({ ...server.database, folder: server.folder, target: source, withArtefacts: false });
    assert.equal(made.keysInToken, true);
    const files = await readdir(source, { recursive: true });
    assert.deepEqual(
      files.filter((name) => name.endsWith(".pem")),
      ["keys/enrol-decrypt.pem"],
    );
    for (const name of files.filter((each) => !["keys", "certificates"].includes(each))) {
      assert.equal((await readFile(join(source, name))).includes(pin), false, name);
    }
    await server.stop();
    const restored = join(folder, "restored");
    await restoreServer({ folder: restored, source, nowSeconds: server.nowSeconds });
    const running = await startServer({ ...server.options(), folder: restored });
    t.after(() => running.close());
    device.url = running.url;
    server.nowSeconds += 600; // what came before the backup is refused for a minute
    const [p256] = suites;
    assert.ok(p256);
    using link = await device.establish({ suite: p256 });
    assert.equal((await device.ask(link, offers)).kind, "offers");

    await using empty = new SoftToken();
    const elsewhere = join(folder, "elsewhere");
    await cp(restored, elsewhere, { recursive: true });
    await writeFile(serverFolder(elsewhere).token, `${empty.uri("sealane-00000000")}\n`);
    await assert.rejects(startServer({ ...server.options(), folder: elsewhere }), code("KEYSTORE_KEY_MISSING"));
  });
});
