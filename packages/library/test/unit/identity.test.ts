import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  Authority,
  FileKeyStore,
  makeKeys,
  makeSigningKey,
  openKeys,
  type PartyKeys,
  PublicKey,
  type SigningKey,
  trustAnchor,
  verifyCertificate,
} from "../../src/identity.ts";
import { Party } from "../../src/index.ts";
import { addressOf, code, newWorld } from "../world.ts";

test("an authority certifies keys for one purpose, also after it was loaded again", async () => {
  const { environment } = await newWorld();
  const key = makeSigningKey();
  const made = await Authority.create({ name: "authority", key, environment });
  const authority = Authority.load({ certificate: made.anchor.der, key, environment });
  const { certificate } = await authority.certify(makeSigningKey(), { name: "studio", purpose: "licence-sign", lifeSeconds: 100 });
  const trust = [made.anchor];
  const proven = verifyCertificate(certificate.chain, { trust, purpose: "licence-sign", name: "studio", environment });
  assert.deepEqual([proven.name, proven.notAfterSeconds], ["studio", environment.clock.now + 100]);
  const verify = (input: object) => () => verifyCertificate(certificate.chain, { trust, purpose: "licence-sign", environment, ...input });
  assert.throws(verify({ purpose: "server-sign" }), code("PKI_PURPOSE_WRONG"));
  assert.throws(verify({ name: "other" }), code("PKI_NAME_WRONG"));
  assert.throws(verify({ name: "Not a name" }), code("LIBRARY_ARGUMENT_WRONG"));
  assert.throws(verify({ trust: (await newWorld()).office.trust }), code("PKI_SIGNATURE_WRONG"));
  environment.clock.now += 101;
  assert.throws(verify({}), code("PKI_CERTIFICATE_EXPIRED"));
  await assert.rejects(authority.certify(makeSigningKey(), { name: "studio", purpose: "server-decrypt" }), code("PKI_KEY_WRONG"));
  await assert.rejects(Authority.create({ name: "", environment }), code("LIBRARY_ARGUMENT_WRONG"));
});

test("an authority is trusted by its fingerprint", async () => {
  const { authority } = await newWorld();
  const { der, thumbprint } = authority.anchor;
  assert.deepEqual(trustAnchor(der, { fingerprint: thumbprint }).thumbprint, thumbprint);
  assert.throws(() => trustAnchor(der, { fingerprint: thumbprint.toReversed() }), code("PKI_FINGERPRINT_WRONG"));
  assert.throws(() => trustAnchor(der, { fingerprint: thumbprint.subarray(1) }), code("LIBRARY_ARGUMENT_WRONG"));
});

test("keys in a store are made once", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "sealane-library-"));
  t.after(() => rm(folder, { recursive: true }));
  const first = await openKeys(new FileKeyStore(folder), "gateway-1");
  const second = await openKeys(new FileKeyStore(folder), "gateway-1");
  for (const purpose of ["signing", "decryption", "agreement"] as const) {
    assert.deepEqual(
      second[purpose].map(({ publicKey }) => publicKey.spki),
      first[purpose].map(({ publicKey }) => publicKey.spki),
    );
  }
  const kinds = ["x-wing", "x25519"];
  const ids = ["agree", "decrypt"].flatMap((purpose) => kinds.map((kind) => `gateway-1-${purpose}-${kind}`));
  assert.deepEqual(await new FileKeyStore(folder).list(), [...ids, "gateway-1-sign-ed25519"]);
  await assert.rejects(openKeys(new FileKeyStore(folder), "Gateway 1"), code("KEYSTORE_ID_WRONG"));
});

test("an identity has a certificate of its own for each purpose and kind of key, and no key twice", async () => {
  const { office, gateway } = await newWorld();
  for (const { identity } of [office, gateway]) {
    const { role, signing, decryption, agreement } = identity;
    const all = [...signing, ...decryption, ...agreement];
    assert.deepEqual(
      all.map(({ key, certificate }) => [key.publicKey.kind, certificate.purpose]),
      [
        ["ed25519", `${role}-sign`],
        ["x-wing", `${role}-decrypt`],
        ["x25519", `${role}-decrypt`],
        ["x-wing", `${role}-agree`],
        ["x25519", `${role}-agree`],
      ],
    );
    assert.equal(new Set(all.map(({ certificate }) => certificate.publicKey.spki.toHex())).size, all.length);
    for (const { key, certificate } of all) assert.deepEqual(certificate.publicKey.spki, key.publicKey.spki);
  }
});

test("EQ1 KDIR: a party has keys for the suites that it names, and links on each", async () => {
  const world = await newWorld();
  assert.throws(() => makeKeys([]), code("CRYPTO_SUITE_UNKNOWN"));
  const keys = (): PartyKeys => makeKeys(["pq", "x25519"]);
  const [office, gateway] = [
    { ...world.office, identity: await world.authority.issueIdentity(keys(), { name: "office", role: "server" }) },
    { ...world.gateway, identity: await world.authority.issueIdentity(keys(), { name: "gateway-1", role: "terminal" }) },
  ];
  assert.deepEqual(
    office.identity.signing.map(({ key }) => key.publicKey.kind),
    ["ml-dsa-65", "ed25519"],
  );
  for (const [suite, number] of [
    ["pq", 7],
    ["x25519", 1],
  ] as const) {
    const { message } = await new Party(office).originate(addressOf(gateway), { suite });
    const { link } = await new Party(gateway).accept(message);
    assert.deepEqual([message[5], link.peer], [number, "office"]); // of six small items
  }
  const standard = new Party(world.office).originate(addressOf(world.gateway), { suite: "pq" });
  await assert.rejects(standard, code("CRYPTO_SUITE_UNKNOWN"));
});

test("a key of the user's own, such as a token, serves as an authority's", async () => {
  const { environment } = await newWorld();
  const inside = makeSigningKey();
  const token: SigningKey = {
    purpose: "sign",
    publicKey: PublicKey.fromSpki(inside.publicKey.spki),
    sign: async (message) => await inside.sign(message),
  };
  const authority = await Authority.create({ name: "authority", key: token, environment });
  assert.equal((await authority.issueIdentity(makeKeys(), { name: "a", role: "server" })).role, "server");
});
