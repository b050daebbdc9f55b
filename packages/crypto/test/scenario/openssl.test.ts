import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { hkdfExpand, hkdfExtract, hmac, PublicKey, SoftwareKey, systemRandom, verifySignature } from "../../src/index.ts";

const version = spawnSync("openssl", ["version"], { encoding: "utf8" });
const missing = version.status === 0 ? false : "The openssl command is not installed: it is the independent oracle of these tests.";
if (missing !== false && process.env["CI"] === "true") throw new Error(missing);

const folder = mkdtempSync(join(tmpdir(), "sealane-openssl-"));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes, { mode: 0o600 });
  return path;
}

/** Runs the command and gives its output; `ok` tells whether it succeeded. */
function openssl(...args: readonly string[]): { readonly ok: boolean; readonly output: Buffer } {
  const { status, stdout } = spawnSync("openssl", args, { cwd: folder });
  return { ok: status === 0, output: stdout };
}

function output(...args: readonly string[]): Buffer {
  const done = openssl(...args);
  assert.ok(done.ok, args.join(" "));
  return done.output;
}

const message = Buffer.from("a message between two implementations");
const der = ["-keyform", "DER"];

describe("the openssl command", { skip: missing }, () => {
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

  for (const kind of ["ed25519", "x25519"] as const) {
    test(`reads our ${kind} keys and writes the same bytes`, () => {
      const key = SoftwareKey.generate(kind);
      const { spki } = key.publicKey;
      const pkcs8 = Buffer.from(key.toPkcs8());
      const publicFile = file(`${kind}.spki`, spki);
      const privateFile = file(`${kind}.pkcs8`, pkcs8);
      const [fromDer, toDer] = [
        ["-inform", "DER"],
        ["-outform", "DER"],
      ];
      assert.deepEqual(output("pkey", "-pubin", "-in", publicFile, ...fromDer, ...toDer), Buffer.from(spki));
      assert.deepEqual(output("pkey", "-in", privateFile, ...fromDer, "-pubout", ...toDer), Buffer.from(spki));
      assert.deepEqual(output("pkey", "-in", privateFile, ...fromDer, ...toDer), pkcs8);
    });

    test(`makes ${kind} keys that we read`, () => {
      const pkcs8 = output("genpkey", "-algorithm", kind, "-outform", "DER");
      const spki = output("pkey", "-in", file("theirs.pkcs8", pkcs8), "-inform", "DER", "-pubout", "-outform", "DER");
      const key = SoftwareKey.fromPkcs8(pkcs8);
      assert.equal(key.publicKey.kind, kind);
      assert.deepEqual(Buffer.from(key.publicKey.spki), spki);
      assert.deepEqual(PublicKey.fromSpki(spki).raw, key.publicKey.raw);
      assert.deepEqual(Buffer.from(key.toPkcs8()), pkcs8);
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
