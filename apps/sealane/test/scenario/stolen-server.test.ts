import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type EnrolToken, formatEnrolToken, pathOf, routes } from "@sealane/api";
import { SoftwareKey, sha256, systemRandom } from "@sealane/crypto";
import { FileKeyStore } from "@sealane/keystore";
import { createAuthority } from "@sealane/pki/issue";
import { type ReleaseContent, sealBytes, signRelease } from "@sealane/software";
import { decode, exitCodes, parseName } from "@sealane/wire";
import { codeOf, freePort, run } from "./command.ts";

/** An operator's profile, and in the place of its server a thief's, which answers what a test says. */
interface Robbed {
  readonly folder: string;
  readonly state: readonly string[];
  readonly url: string;
  /** The operator's root certificate. */
  readonly root: Uint8Array;
  readonly answers: Map<string, unknown>;
}

async function robbed(t: TestContext): Promise<Robbed> {
  const folder = await mkdtemp(join(tmpdir(), "sealane-robbed-"));
  const url = `http://127.0.0.1:${await freePort()}`;
  const state = ["--state", join(folder, "state"), "--json"];
  const made = await run("sealane", ["init", "--url", url, ...state]);
  assert.equal(made.exitCode, 0, made.stdout);
  const answers = new Map<string, unknown>();
  const thief = createServer((request, response) => {
    response.setHeader("content-type", "application/json").end(JSON.stringify(answers.get(request.url ?? "")));
  });
  await once(thief.listen(Number(new URL(url).port), "127.0.0.1"), "listening");
  t.after(async () => {
    thief.closeAllConnections();
    thief.close();
    await rm(folder, { recursive: true });
  });
  const root = new Uint8Array(await readFile(join(folder, "state", "operator", "authority.der")));
  return { folder, state, url, root, answers };
}

async function anotherRoot(): Promise<Uint8Array> {
  const key = SoftwareKey.generate("ed25519").signingKey();
  const validity = { notBeforeSeconds: 1_700_000_000, notAfterSeconds: 4_000_000_000 };
  return await createAuthority({ name: parseName("sealane-server"), key, ...validity, random: systemRandom });
}

test("WHO: a token that names another root, terminal or model than the operator's is not handed out", async (t) => {
  const { folder, state, url, root, answers } = await robbed(t);
  const right: EnrolToken = {
    url,
    fingerprint: sha256(root),
    tokenId: new Uint8Array(8),
    tokenSecret: new Uint8Array(32),
    name: parseName("gateway-1"),
    model: "gw",
  };
  const out = join(folder, "token");
  const ask = async (token: EnrolToken): Promise<readonly [number | null, unknown]> => {
    answers.set(routes.tokens, { token: formatEnrolToken(token), expiresAtSeconds: 2_000_000_000 });
    const ended = await run("sealane", ["terminal", "token", "gateway-1", "--model", "gw", "--out", out, ...state]);
    return [ended.exitCode, codeOf(ended)];
  };
  const wrong: readonly EnrolToken[] = [
    { ...right, fingerprint: sha256(await anotherRoot()) },
    { ...right, name: parseName("gateway-2") },
    { ...right, model: "other" },
  ];
  for (const token of wrong) assert.deepEqual(await ask(token), [exitCodes.notTrusted, "TOKEN_SERVER_WRONG"]);
  assert.equal((await readdir(folder)).includes("token"), false);
  assert.deepEqual(await ask(right), [0, undefined]);
  assert.equal((await readFile(out, "utf8")).trim(), formatEnrolToken(right));
});

test("WHO: a login keeps the root that the operator knows, and takes another only where its fingerprint is given", async (t) => {
  const { folder, state, url, root, answers } = await robbed(t);
  const tokenFile = join(folder, "operator.token");
  await writeFile(tokenFile, "A".repeat(43), { mode: 0o600 });
  const profile = join(folder, "state", "operator", "profile.json");
  const before = await readFile(profile, "utf8");
  const another = await anotherRoot();
  const login = async (
    authority: Uint8Array,
    fingerprint: Uint8Array,
    ...more: readonly string[]
  ): Promise<readonly [number | null, unknown]> => {
    const view = {
      name: "sealane-server",
      fingerprint: fingerprint.toHex(),
      decryptionChains: [],
      authority: authority.toBase64(),
      version: "1",
    };
    answers.set(routes.server, view);
    const ended = await run("sealane", ["login", "--url", url, "--token-file", tokenFile, ...state, ...more]);
    return [ended.exitCode, codeOf(ended)];
  };
  const refused = [exitCodes.notTrusted, "LOGIN_ROOT_WRONG"];
  assert.deepEqual(await login(another, sha256(another)), refused);
  assert.deepEqual(await login(another, sha256(root)), refused, "a certificate with another's fingerprint");
  assert.deepEqual(await login(root, sha256(root), "--fingerprint", sha256(another).toHex()), refused);
  assert.equal(await readFile(profile, "utf8"), before);
  assert.deepEqual(await login(root, sha256(root)), [0, undefined]);
  const named = ["--fingerprint", sha256(another).toHex()];
  assert.deepEqual(await login(another, sha256(another), ...named), refused, "where this root's keys are");
  await rm(profile);
  assert.deepEqual(await login(another, sha256(another)), refused, "where this root's keys are and the profile is lost");
  assert.deepEqual(await login(root, sha256(root)), [0, undefined]);
  const elsewhere = ["--state", join(folder, "elsewhere")];
  assert.deepEqual(await login(another, sha256(another), ...named, ...elsewhere), [0, undefined]);
  assert.deepEqual(await login(root, sha256(root), ...elsewhere), refused);
  assert.deepEqual(await login(root, sha256(root), "--fingerprint", sha256(root).toHex(), ...elsewhere), [0, undefined]);
});

/** A publisher's releases at a thief's server: what he lists, what he gives as the statement, and what was signed here in the end. */
async function robbedReleases(t: TestContext) {
  const { folder, state, root, answers } = await robbed(t);
  const operator = join(folder, "state", "operator");
  const key = await new FileKeyStore(join(operator, "keys")).signingKey("publisher");
  const chain = decode(await readFile(join(operator, "publisher.cbor")), 16_384) as readonly Uint8Array[];
  const { artefactId, listDigest, sha256: digest, plaintextBytes, segmentBytes } = sealBytes(new Uint8Array(9)).sealed;
  const release: ReleaseContent = {
    ...{ artefactId, listDigest, sha256: digest, plaintextBytes, segmentBytes },
    ...{ module: "app", version: "3", sequence: 3, grade: "confidential" },
    models: [],
    softwareClass: "application",
    format: "file",
    entry: null,
    publisher: parseName("publisher"),
    publishedAtSeconds: Math.floor(Date.now() / 1000),
  };
  const id = artefactId.toHex();
  const certificates = join(folder, "state", "server", "certificates");
  const decryption = (await readdir(certificates)).filter((name) => name.startsWith("server-decrypt"));
  const chains = await Promise.all(
    decryption.map(async (name) => decode(await readFile(join(certificates, name)), 16_384) as readonly Uint8Array[]),
  );
  const decryptionChains = chains.map((each) => each.map((der) => der.toBase64()));
  answers.set(routes.server, { fingerprint: sha256(root).toHex(), authority: root.toBase64(), decryptionChains });
  answers.set(routes.artefacts, { fileBytes: 9 });
  /** The thief lists one release and gives the statement of what may be another. */
  const give = async (listed: Partial<ReleaseContent>, signed: Partial<ReleaseContent>): Promise<void> => {
    const { module, sequence, grade, sha256: bytes, publishedAtSeconds } = { ...release, ...listed };
    answers.set(routes.releases, [{ artefactId: id, module, sequence, grade, sha256: bytes.toHex(), publishedAtSeconds }]);
    const statement = await signRelease({ key, chain, release: { ...release, ...signed } });
    answers.set(pathOf(routes.release, id), { statement: statement.toBase64() });
  };
  return { folder, state, release, give };
}

test("WHO: whoever has the server does not choose which release its publisher signs anew", async (t) => {
  const { state, release, give } = await robbedReleases(t);
  const { sha256: digest, artefactId, publishedAtSeconds } = release;
  const old = { version: "2", sequence: 2 };
  const otherBytes = { sha256: sha256(new Uint8Array(1)) };
  const earlier = { publishedAtSeconds: publishedAtSeconds - 1 };
  let shown: Readonly<Record<string, unknown>> | undefined;
  const renew = async (...names: readonly string[]): Promise<readonly unknown[]> => {
    const ended = await run("sealane", ["release", "renew", ...names, "--floor", "2", ...state]);
    shown = ended.events.at(-1);
    return [ended.exitCode, codeOf(ended)];
  };
  const named = `app@3:${digest.toHex()}`;
  const refused = [exitCodes.notTrusted, "RELEASE_SERVER_WRONG"];
  for (const signed of [old, { module: "brakes" }, otherBytes, earlier]) {
    await give({}, signed);
    assert.deepEqual(await renew(named), refused, `the list is right, the statement is not: ${JSON.stringify(signed)}`);
  }
  for (const both of [old, { module: "brakes" }, otherBytes]) {
    await give(both, both);
    assert.deepEqual(await renew(named), [exitCodes.usage, "RELEASE_UNKNOWN"], `both lie: ${JSON.stringify(both)}`);
  }
  await give({}, {});
  for (const unnamed of ["app", "app@3", "app@:3", `app@3:${digest.toHex().slice(2)}`])
    assert.deepEqual(await renew(named, unnamed), [exitCodes.usage, "CLI_USAGE_WRONG"], unnamed);
  assert.deepEqual(await renew(named, `app@2:${digest.toHex()}`), [exitCodes.usage, "RELEASE_UNKNOWN"], "one of two is not there");
  assert.equal(shown?.["event"], "error");
  assert.deepEqual(await renew(named.toUpperCase().replace("APP", "app")), [0, undefined]);
  // The thief answers the publication with the list from above, which has no version: what was signed is shown, not what he says.
  const seen = [shown?.["version"], shown?.["sha256"], shown?.["artefactId"], shown?.["floorSequence"], shown?.["firstPublishedAtSeconds"]];
  assert.deepEqual(seen, ["3", digest.toHex(), artefactId.toHex(), 2, publishedAtSeconds]);
});

test("WHO NEWEST: the floor of a release that is signed anew is its publisher's, whichever of his statements the server gives", async (t) => {
  const { state, release, give } = await robbedReleases(t);
  await give({}, { floorSequence: 1 });
  const renew = ["release", "renew", `app@3:${release.sha256.toHex()}`];
  const unsaid = await run("sealane", [...renew, ...state]);
  assert.deepEqual([unsaid.exitCode, codeOf(unsaid)], [exitCodes.usage, "CLI_USAGE_WRONG"]);
  const said = await run("sealane", [...renew, "--floor", "3", ...state]);
  assert.deepEqual([said.exitCode, said.events.at(-1)?.["floorSequence"]], [0, 3]);
});

test("WHO NEWEST: whoever has the server does not make up the sequence that a new release counts from", async (t) => {
  const { folder, state, give } = await robbedReleases(t);
  const file = join(folder, "software");
  await writeFile(file, "software");
  const publish = async (...more: readonly string[]): Promise<readonly [number | null, unknown]> => {
    const ended = await run("sealane", ["publish", file, "--name", "app", "--version", "4", ...more, ...state]);
    return [ended.exitCode, codeOf(ended) ?? ended.events.at(-1)?.["sequence"]];
  };
  await give({ sequence: 1_000_000 }, {});
  assert.deepEqual(await publish(), [exitCodes.notTrusted, "RELEASE_SERVER_WRONG"]);
  await give({}, {});
  assert.deepEqual(await publish(), [0, 4]);
  assert.deepEqual(await publish("--sequence", "7"), [0, 7]);
});
