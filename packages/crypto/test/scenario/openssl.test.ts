import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { without } from "@sealane/testkit/tools";
import {
  ffdheAgreement,
  hkdfExpand,
  hkdfExtract,
  hmac,
  PublicKey,
  p256Agreement,
  SoftwareKey,
  systemRandom,
  verifySignature,
  x25519Agreement,
} from "../../src/index.ts";
import { asPkcs8, assertReadAndWritten, der, file, openssl, output } from "../openssl-command.ts";

const message = Buffer.from("a message between two implementations");

/** How the command is asked for a key of a kind; finite-field groups by their names, which node:crypto does not know. */
const keyOptions = {
  ed25519: ["-algorithm", "ed25519"],
  x25519: ["-algorithm", "x25519"],
  p256: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
  ffdhe2048: ["-algorithm", "DH", "-pkeyopt", "group:ffdhe2048"],
  ffdhe3072: ["-algorithm", "DH", "-pkeyopt", "group:ffdhe3072"],
  ffdhe4096: ["-algorithm", "DH", "-pkeyopt", "group:ffdhe4096"],
} as const;

function generated(options: readonly string[]): Buffer {
  return asPkcs8(file("generated", output("genpkey", ...options, "-outform", "DER")));
}

const groups = [
  { kind: "x25519", options: keyOptions.x25519, agreement: x25519Agreement },
  { kind: "p256", options: keyOptions.p256, agreement: p256Agreement },
  ...(["ffdhe2048", "ffdhe3072", "ffdhe4096"] as const).map((kind) => ({
    kind,
    options: keyOptions[kind],
    agreement: ffdheAgreement(kind),
  })),
] as const;

describe("the openssl command", { skip: without("openssl") }, () => {
  test("accepts our Ed25519 signatures and refuses them on another message", async () => {
    const key = SoftwareKey.generate("ed25519").signingKey();
    const signature = file("ours.sig", await key.sign(message));
    const verify = [
      "pkeyutl",
      "-verify",
      "-pubin",
      "-inkey",
      file("ours.spki", key.publicKey.spki),
      ...der,
      "-rawin",
      "-sigfile",
      signature,
    ];
    assert.ok(openssl(...verify, "-in", file("message", message)).ok);
    assert.ok(!openssl(...verify, "-in", file("other", Buffer.from("another"))).ok);
  });

  test("makes the Ed25519 signatures that we make and accept", async () => {
    const key = SoftwareKey.generate("ed25519");
    const pkcs8 = file("signer.pkcs8", key.toPkcs8());
    const signature = output("pkeyutl", "-sign", "-inkey", pkcs8, ...der, "-rawin", "-in", file("message", message));
    verifySignature(key.publicKey, message, signature);
    assert.deepEqual(Buffer.from(await key.signingKey().sign(message)), signature);
  });

  for (const [kind, options] of Object.entries(keyOptions) as [keyof typeof keyOptions, readonly string[]][]) {
    test(`reads our ${kind} keys and writes the same bytes`, () => assertReadAndWritten(kind, SoftwareKey.generate(kind)));

    test(`makes ${kind} keys that we read`, () => {
      const pkcs8 = generated(options);
      const spki = output("pkey", "-in", file("theirs.pkcs8", pkcs8), "-inform", "DER", "-pubout", "-outform", "DER");
      const key = SoftwareKey.fromPkcs8(pkcs8);
      assert.equal(key.publicKey.kind, kind);
      assert.deepEqual(Buffer.from(key.publicKey.spki), spki);
      assert.deepEqual(PublicKey.fromSpki(spki).raw, key.publicKey.raw);
      assert.deepEqual(Buffer.from(key.toPkcs8()), pkcs8);
    });
  }

  for (const { kind, options, agreement } of groups) {
    test(`KGRP: agrees by ${kind} on what we agree on, whoever owns g^x`, async () => {
      const theirs = generated(options);
      const theirKey = file("agree.pkcs8", theirs);
      const padding = kind.startsWith("ffdhe") ? ["-pkeyopt", "dh_pad:1"] : []; // else the command drops leading zeros
      const theirSpki = output("pkey", "-in", theirKey, "-inform", "DER", "-pubout", "-outform", "DER");
      const derive = (peer: PublicKey): Buffer =>
        output("pkeyutl", "-derive", "-inkey", theirKey, ...der, "-peerkey", file("peer.spki", peer.spki), "-peerform", "DER", ...padding);
      const { raw, kind: theirKind } = PublicKey.fromSpki(theirSpki);
      assert.equal(theirKind, kind);

      const ours = SoftwareKey.generate(kind).agreementKey();
      const agreed = await ours.agree(raw);
      agreed.use((bytes) => assert.deepEqual(Buffer.from(bytes), derive(ours.publicKey)));

      const { value, shared } = agreement.respond(raw, systemRandom);
      shared.use((bytes) => assert.deepEqual(Buffer.from(bytes), derive(PublicKey.fromRaw(kind, value))));

      const { publicValue, seed } = agreement.generate(systemRandom);
      const completed = agreement.complete(seed, raw);
      completed.use((bytes) => assert.deepEqual(Buffer.from(bytes), derive(PublicKey.fromRaw(kind, publicValue))));
    });
  }

  test("derives the same keys by HKDF", () => {
    for (const saltBytes of [0, 1, 32, 100]) {
      const [keyMaterial, salt, info] = [systemRandom.bytes(32), systemRandom.bytes(saltBytes), systemRandom.bytes(20)];
      const options = { hexkey: keyMaterial, hexsalt: salt, hexinfo: info };
      const flags = Object.entries(options).flatMap(([name, bytes]) =>
        bytes.length === 0 ? [] : ["-kdfopt", `${name}:${Buffer.from(bytes).toString("hex")}`],
      );
      const theirs = output("kdf", "-binary", "-keylen", "77", "-kdfopt", "digest:SHA256", ...flags, "HKDF");
      assert.deepEqual(Buffer.from(hkdfExpand(hkdfExtract(salt, keyMaterial), info, 77)), theirs);
    }
  });

  test("computes the same HMAC", () => {
    for (const keyBytes of [1, 32, 64, 65, 200]) {
      const key = systemRandom.bytes(keyBytes);
      const flags = ["-macopt", `hexkey:${Buffer.from(key).toString("hex")}`, "-in", file("message", message)];
      assert.deepEqual(Buffer.from(hmac(key, message)), output("mac", "-binary", "-digest", "SHA256", ...flags, "HMAC"));
    }
  });

  test("would take one signature for every message under a key of small order, which we refuse", () => {
    const identity = Buffer.concat([Buffer.of(1), Buffer.alloc(31)]); // R = A = the identity and s = 0: sB = R + hA for any h
    const spki = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), identity]);
    assert.throws(() => PublicKey.fromSpki(spki), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
    const flags = [
      "-inkey",
      file("identity.spki", spki),
      ...der,
      "-sigfile",
      file("zero.sig", Buffer.concat([identity, Buffer.alloc(32)])),
    ];
    const accepted = ["version 1", "version 2"].map((text) => {
      return openssl("pkeyutl", "-verify", "-pubin", ...flags, "-rawin", "-in", file("text", Buffer.from(text))).ok;
    });
    assert.equal(accepted[0], accepted[1]); // true with OpenSSL 3.0; a later one may refuse it too
  });
});
