import assert from "node:assert/strict";
import { test } from "node:test";
import { parseName, SealaneError } from "@sealane/wire";
import fc from "fast-check";
import { parseCertificate, pkiErrors, trustAnchor, verifyCertificate } from "../../src/index.ts";
import { createAuthority, issueCertificate } from "../../src/issue/index.ts";
import { leafKey, rootKey, validNowSeconds } from "../forged-certificate.ts";
import { seededRandom } from "../seeded-random.ts";

const seed = Number(process.env["SEALANE_TEST_SEED"] ?? Date.now() & 0x7fffffff);
const random = seededRandom("property");
const key = rootKey.signingKey();
const validity = { notBeforeSeconds: validNowSeconds - 10, notAfterSeconds: validNowSeconds + 10 };
const root = await createAuthority({ name: parseName("authority"), key, ...validity, random });
const anchors = [trustAnchor(root)];
const leaf = await issueCertificate({
  authority: { certificate: root, key },
  subject: { name: parseName("terminal:1"), purpose: "terminal-sign", publicKey: leafKey.publicKey },
  ...validity,
  random,
});
const verify = (der: Uint8Array): unknown =>
  verifyCertificate({ chain: [der], anchors, purpose: "terminal-sign", nowSeconds: validNowSeconds });

const listed = (error: unknown): boolean => error instanceof SealaneError && Object.hasOwn(pkiErrors.entries, error.code);

test("KCERT: every truncation of a certificate is refused with a listed code", () => {
  for (let length = 0; length < leaf.length; length++) assert.throws(() => verify(leaf.subarray(0, length)), listed);
});

test("KCERT: every flipped bit of a certificate is refused with a listed code", () => {
  verify(leaf);
  for (let bit = 0; bit < leaf.length * 8; bit++) {
    const flipped = Uint8Array.from(leaf);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.throws(() => verify(flipped), listed, `bit ${bit}`);
  }
});

test("KCERT: a root with a flipped bit is never trusted", () => {
  for (let bit = 0; bit < root.length * 8; bit++) {
    const flipped = Uint8Array.from(root);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.throws(() => trustAnchor(flipped), listed, `bit ${bit}`);
  }
});

test("KCERT: bytes that are inserted, removed or exchanged are refused with a listed code", () => {
  const edit = fc.tuple(fc.nat(leaf.length), fc.nat(8), fc.uint8Array({ maxLength: 8 }));
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
      const changed = edits.reduce<readonly number[]>(
        (bytes, [at, removed, inserted]) => [...bytes.slice(0, at), ...inserted, ...bytes.slice(at + removed)],
        [...leaf],
      );
      fc.pre(Buffer.compare(Uint8Array.from(changed), leaf) !== 0);
      assert.throws(() => verify(Uint8Array.from(changed)), listed);
    }),
    { seed, verbose: true },
  );
});

test("KCERT: any bytes are refused with a listed code", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
      assert.throws(() => parseCertificate(bytes), listed);
    }),
    { seed, verbose: true },
  );
});
