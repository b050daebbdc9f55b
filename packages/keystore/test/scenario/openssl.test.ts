import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Secret } from "@sealane/crypto";
import { without } from "@sealane/testkit/tools";
import { FileKeyStore } from "../../src/index.ts";

describe("key files are those of openssl", { skip: without("openssl") }, () => {
  let folder = "";
  const openssl = (...args: readonly string[]): Buffer => execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  const password = (): Secret => Secret.take("password", new TextEncoder().encode("horse"));

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "sealane-keys-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const encrypted of [false, true]) {
    const kind = encrypted ? "encrypted" : "plain";
    const store = (): FileKeyStore => new FileKeyStore(folder, encrypted ? { password: password() } : {});

    test(`openssl reads ${kind} ones`, async () => {
      const publicKey = await store().generate(`ours-${kind}`, "ed25519");
      const spki = openssl("pkey", "-in", `ours-${kind}.pem`, "-passin", "pass:horse", "-pubout", "-outform", "DER");
      assert.equal(Buffer.compare(spki, publicKey.spki), 0);
    });

    test(`openssl writes ${kind} ones`, async () => {
      const cipher = encrypted ? ["-aes-256-cbc", "-pass", "pass:horse"] : [];
      openssl("genpkey", "-algorithm", "X25519", "-out", `theirs-${kind}.pem`, ...cipher);
      chmodSync(join(folder, `theirs-${kind}.pem`), 0o600);
      const spki = openssl("pkey", "-in", `theirs-${kind}.pem`, "-passin", "pass:horse", "-pubout", "-outform", "DER");
      assert.equal(Buffer.compare((await store().decryptionKey(`theirs-${kind}`)).publicKey.spki, spki), 0);
    });
  }
});
