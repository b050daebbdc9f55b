import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { routes, type ServerView } from "@sealane/api";
import { SoftwareKey, systemRandom } from "@sealane/crypto";
import { FileKeyStore } from "@sealane/keystore";
import { type Purpose, parseCertificate, type TrustAnchor, trustAnchor, verifyCertificate } from "@sealane/pki";
import { type Authority, createAuthority, issueAuthority, issueCertificate } from "@sealane/pki/issue";
import { parseName } from "@sealane/wire";
import { issuePublisher, serverFolder } from "../../src/index.ts";
import { TestServer } from "./test-server.ts";

/** What a thief has: everything in the server's folder, its database, and this code with whatever checks he likes to leave out. */
interface Thief {
  readonly server: TestServer;
  /** What terminals that enrolled before the theft trust. */
  readonly anchor: TrustAnchor;
  readonly issuer: Authority;
}

async function steal(t: TestContext): Promise<Thief> {
  const server = await TestServer.init(t);
  const folder = serverFolder(server.folder);
  const anchor = trustAnchor(new Uint8Array(await readFile(folder.authority)));
  const key = await new FileKeyStore(folder.keys).signingKey("issuer");
  return { server, anchor, issuer: { key, certificate: new Uint8Array(await readFile(folder.issuer)) } };
}

/**
 * The issuing key under a certificate of the thief's own making, with its name and without its limits, whose signature is of no use but to
 * have our code sign what it refuses to sign with the true one.
 */
async function unlimited({ issuer, server }: Thief): Promise<Authority> {
  const key = SoftwareKey.generate("ed25519").signingKey();
  const root = await createAuthority({ name: parseName("root"), key, ...validity(server), random: systemRandom });
  const certificate = await issueAuthority({
    authority: { key, certificate: root },
    commonName: "issuer of server",
    publicKey: issuer.key.publicKey,
    purposes: ["release-sign", "order-sign"],
    ...validity(server),
    random: systemRandom,
  });
  assert.deepEqual(parseCertificate(certificate).subject, parseCertificate(issuer.certificate).subject);
  const noneBelow = Buffer.from("30060101ff020100", "hex"); // basic constraints: CA, path length 0
  certificate.set([1], Buffer.from(certificate).indexOf(noneBelow) + noneBelow.length - 1);
  return { key: issuer.key, certificate };
}

function validity({ nowSeconds }: TestServer): { readonly notBeforeSeconds: number; readonly notAfterSeconds: number } {
  return { notBeforeSeconds: nowSeconds - 60, notAfterSeconds: nowSeconds + 86_400 };
}

async function leafBy(authority: Authority, { server }: Thief, purpose: Purpose): Promise<Uint8Array> {
  const { publicKey } = SoftwareKey.generate("ed25519");
  const subject = { name: parseName("publisher"), purpose, publicKey };
  return await issueCertificate({ authority, subject, ...validity(server), random: systemRandom });
}

describe("WHO: with everything that a server has, a thief", () => {
  const refuses = ({ anchor, server }: Thief, chain: readonly Uint8Array[], purpose: Purpose, code: string): void =>
    assert.throws(() => verifyCertificate({ chain, anchors: [anchor], purpose, nowSeconds: server.nowSeconds }), { code });

  test("certifies terminals, which is what the issuing key is for", async (t) => {
    const thief = await steal(t);
    const leaf = await leafBy(thief.issuer, thief, "terminal-sign");
    const chain = [leaf, thief.issuer.certificate];
    assert.ok(verifyCertificate({ chain, anchors: [thief.anchor], purpose: "terminal-sign", nowSeconds: thief.server.nowSeconds }));
  });
  for (const purpose of ["release-sign", "order-sign"] as const) {
    test(`makes no certificate for ${purpose}`, async (t) => {
      const thief = await steal(t);
      const leaf = await leafBy(await unlimited(thief), thief, purpose);
      refuses(thief, [leaf, thief.issuer.certificate], purpose, "PKI_ISSUER_PURPOSE_WRONG");
      refuses(thief, [leaf], purpose, "PKI_CHAIN_UNTRUSTED");
      await assert.rejects(leafBy(thief.issuer, thief, purpose), { code: "PKI_ISSUER_PURPOSE_WRONG" });
    });
    test(`makes no authority that certifies ${purpose}`, async (t) => {
      const thief = await steal(t);
      const own = SoftwareKey.generate("ed25519").signingKey();
      const certificate = await issueAuthority({
        authority: await unlimited(thief),
        commonName: "publishers of server",
        publicKey: own.publicKey,
        purposes: [purpose],
        ...validity(thief.server),
        random: systemRandom,
      });
      const leaf = await leafBy({ certificate, key: own }, thief, purpose);
      refuses(thief, [leaf, certificate, thief.issuer.certificate], purpose, "PKI_PATH_TOO_LONG");
    });
    test(`has no root whose ${purpose} certificate is accepted`, async (t) => {
      const thief = await steal(t);
      const key = SoftwareKey.generate("ed25519").signingKey();
      const name = thief.anchor.name ?? assert.fail();
      const certificate = await createAuthority({ name, key, ...validity(thief.server), random: systemRandom });
      refuses(thief, [await leafBy({ certificate, key }, thief, purpose)], purpose, "PKI_SIGNATURE_WRONG");
      assert.throws(() => trustAnchor(certificate, { fingerprint: thief.anchor.thumbprint }), { code: "PKI_FINGERPRINT_WRONG" });
    });
  }
  test("finds neither the root's key, nor a publisher's, nor the operator's", async (t) => {
    const { server } = await steal(t);
    const { publicKey } = SoftwareKey.generate("ed25519");
    const ofPublisher = await issuePublisher({
      folder: server.folder,
      name: parseName("publisher"),
      publicKey,
      nowSeconds: server.nowSeconds,
    });
    assert.equal(ofPublisher.length, 2);
    const operatorKeys = join(server.folder, "..", "operator", "keys");
    for (const name of await readdir(operatorKeys)) {
      const secret = (await readFile(join(operatorKeys, name), "latin1")).split("\n")[1] ?? assert.fail();
      for (const entry of await readdir(server.folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue;
        const path = join(entry.parentPath, entry.name);
        assert.equal((await readFile(path, "latin1")).includes(secret), false, `${name} is in ${path}`);
      }
    }
  });
  test("can only name the true root where an operator compares it", async (t) => {
    const { server, anchor } = await steal(t);
    await server.run();
    const view = (await server.operator.get(routes.server)) as ServerView;
    assert.equal(view.fingerprint, anchor.thumbprint.toHex());
  });
});
