import assert from "node:assert/strict";
import { test } from "node:test";
import { sha256 } from "@sealane/crypto";
import { type CborValue, decodeAs, digest, encode, encodeAs, hasCode, thumbprint } from "@sealane/wire";
import { type Credential, credentialCodec, credentialOf, equalCredentials, trustAnchor, verifyCertificate } from "../../src/index.ts";
import { forge, forgeAuthority, validNowSeconds } from "../forged-certificate.ts";

const ones = new Uint8Array(32).fill(1);
const certificate: Credential = { kind: "certificate", thumbprint: thumbprint(ones) };
const pinned: Credential = { kind: "pinned", spkiDigest: digest(ones) };
const bounds = { maxBytes: 100, what: "credential" };

test("KDIR: credentials are [0, digest] and [1, digest]", () => {
  for (const [number, credential] of [certificate, pinned].entries()) {
    const bytes = encodeAs(credentialCodec, credential);
    assert.equal(Buffer.compare(bytes, encode([number, ones])), 0);
    assert.deepEqual(decodeAs(credentialCodec, bytes, bounds), credential);
  }
});

test("KDIR: other shapes of a credential are refused", () => {
  const wrong: readonly CborValue[] = [
    null,
    [],
    [0],
    [1],
    [2, ones],
    ["0", ones],
    [0, ones, 1],
    [1, "x"],
    [0, new Uint8Array(31)],
    ones,
    0,
  ];
  for (const value of wrong) {
    assert.throws(
      () => decodeAs(credentialCodec, encode(value), bounds),
      (error) => hasCode(error, "WIRE_SHAPE_WRONG"),
    );
  }
});

test("KDIR: credentials are equal when kind and digest are", () => {
  assert(equalCredentials(certificate, { kind: "certificate", thumbprint: thumbprint(Uint8Array.from(ones)) }));
  assert(!equalCredentials(certificate, pinned));
  assert(!equalCredentials(pinned, { kind: "pinned", spkiDigest: digest(new Uint8Array(32)) }));
});

test("KDIR: the credential of a certificate is the SHA-256 of its DER", async () => {
  const der = await forge();
  const anchors = [trustAnchor(await forgeAuthority())];
  const proven = verifyCertificate({ chain: [der], anchors, purpose: "terminal-sign", nowSeconds: validNowSeconds });
  assert(equalCredentials(credentialOf(proven), { kind: "certificate", thumbprint: thumbprint(sha256(der)) }));
});
