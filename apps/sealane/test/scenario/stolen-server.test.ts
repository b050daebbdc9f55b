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

test("WHO: whoever has the server does not choose which release its publisher signs anew", async (t) => {
  const { folder, state, root, answers } = await robbed(t);
  const operator = join(folder, "state", "operator");
  const key = await new FileKeyStore(join(operator, "keys")).signingKey("publisher");
  const chain = decode(await readFile(join(operator, "publisher.cbor")), 16_384) as readonly Uint8Array[];
  const { artefactId, listDigest, sha256: digest, plaintextBytes, segmentBytes } = sealBytes(new Uint8Array(9)).sealed;
  const nowSeconds = Math.floor(Date.now() / 1000);
  const asked = { module: "app", version: "3", sequence: 3, grade: "confidential" as const };
  const release: ReleaseContent = {
    ...{ artefactId, listDigest, sha256: digest, plaintextBytes, segmentBytes },
    ...asked,
    models: [],
    softwareClass: "application",
    format: "file",
    entry: null,
    publisher: parseName("publisher"),
    publishedAtSeconds: nowSeconds,
  };
  const id = artefactId.toHex();
  answers.set(routes.server, { fingerprint: sha256(root).toHex(), authority: root.toBase64() });
  answers.set(routes.releases, [{ ...asked, artefactId: id, publishedAtSeconds: nowSeconds }]);
  let shown: Readonly<Record<string, unknown>> | undefined;
  const renew = async (changes: Partial<ReleaseContent>): Promise<readonly unknown[]> => {
    const statement = await signRelease({ key, chain, release: { ...release, ...changes } });
    answers.set(pathOf(routes.release, id), { statement: statement.toBase64() });
    const ended = await run("sealane", ["release", "renew", "app", ...state]);
    shown = ended.events.at(-1);
    return [ended.exitCode, codeOf(ended)];
  };
  const refused = [exitCodes.notTrusted, "RENEW_SERVER_WRONG"];
  assert.deepEqual(await renew({ sequence: 2, version: "2" }), refused, "an older one");
  assert.deepEqual(await renew({ module: "brakes" }), refused, "another module");
  assert.deepEqual(await renew({ publishedAtSeconds: nowSeconds - 1 }), refused, "judged as of a time that the publisher did not sign");
  assert.deepEqual(await renew({}), [0, undefined]);
  // The thief answers the publication with the list from above, which has no digest: what was signed is shown, not what he says.
  assert.deepEqual([shown?.["version"], shown?.["sha256"], shown?.["artefactId"]], ["3", digest.toHex(), id]);
});
