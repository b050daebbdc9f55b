import assert from "node:assert/strict";
import { createPrivateKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { inspect } from "node:util";
import { formatEnrolToken } from "@sealane/api";
import { digest, parseName } from "@sealane/wire";
import { demandNoSecret, secretsBelow } from "../../src/scenarios/secrets.ts";

function enrolToken(): string {
  const fingerprint = digest(Uint8Array.from(randomBytes(32)));
  const [tokenId, tokenSecret] = [Uint8Array.from(randomBytes(8)), Uint8Array.from(randomBytes(32))];
  return formatEnrolToken({ url: "http://127.0.0.1:7440", fingerprint, tokenId, tokenSecret, name: parseName("gateway-1"), model: "m1" });
}

const secret = randomBytes(32);
const inside = Buffer.concat([Buffer.from([1, 2]), secret, Buffer.from([3])]);

const forms: Readonly<Record<string, string>> = {
  hex: secret.toString("hex"),
  "upper-case hex": secret.toString("hex").toUpperCase(),
  base64: secret.toString("base64"),
  base64url: secret.toString("base64url"),
  "base64 of more": inside.toString("base64"),
  "base64url of more": inside.subarray(1).toString("base64url"),
  "a printed Buffer": inspect(secret),
  "a printed Uint8Array": inspect(Uint8Array.from(secret)),
  "a Buffer in JSON": JSON.stringify(secret),
  "broken lines of base64": secret.toString("base64").replace(/(.{20})/, "$1\n"),
};

for (const [name, form] of Object.entries(forms)) {
  test(`a secret is found as ${name}`, () => {
    const texts = [{ from: "a command", text: `before ${form} behind` }];
    assert.throws(() => demandNoSecret(texts, [{ name: "key", bytes: secret }]));
    demandNoSecret(texts, [{ name: "another key", bytes: randomBytes(32) }]);
  });
}

test("the secrets of a folder are its private keys, storage keys and tokens", () => {
  const folder = mkdtempSync(join(tmpdir(), "sealane-secrets-"));
  try {
    const key = generateKeyPairSync("ed25519").privateKey;
    const storage = randomBytes(32);
    writeFileSync(join(folder, "signing.pem"), key.export({ type: "pkcs8", format: "pem" }));
    writeFileSync(join(folder, "storage.key"), storage);
    writeFileSync(join(folder, "enrol.token"), `${enrolToken()}\n`);
    writeFileSync(join(folder, "public.der"), randomBytes(100));
    const found = secretsBelow(folder);
    const seed = Buffer.from(createPrivateKey(key.export({ type: "pkcs8", format: "pem" })).export({ format: "jwk" }).d ?? "", "base64url");
    assert.deepEqual(found.map(({ name }) => name).sort(), ["enrol.token", "signing.pem", "storage.key", "the bytes of enrol.token"]);
    assert.ok(found.some(({ bytes }) => Buffer.compare(bytes, seed) === 0));
    assert.ok(found.some(({ bytes }) => Buffer.compare(bytes, storage) === 0));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
