import assert from "node:assert/strict";
import { test } from "node:test";
import { SoftwareKey, systemRandom } from "@sealane/crypto";
import { trustAnchor, type VerifiedCertificate, verifyCertificate } from "@sealane/pki";
import { createAuthority, issueCertificate } from "@sealane/pki/issue";
import { decode, encode, encodeAs, hasCode, parseName } from "@sealane/wire";
import { inboxStatementCodec, maxInboxRequestBytes, openInboxRequest, sealInboxRequest } from "../../src/index.ts";

const request = { signingThumbprint: new Uint8Array(32).fill(4), signature: [new Uint8Array(4), new Map(), null, new Uint8Array(64)] };

/** A server's key that requests are encrypted to. */
async function serverKey(
  kind: "x-wing" | "x25519" | "rsa4096",
): Promise<{ readonly key: SoftwareKey; readonly certificate: VerifiedCertificate }> {
  const authority = SoftwareKey.generate("ed25519").signingKey();
  const name = parseName("server");
  const validity = { notBeforeSeconds: 1_800_000_000, notAfterSeconds: 1_900_000_000, random: systemRandom };
  const certificate = await createAuthority({ name, key: authority, ...validity });
  const key = SoftwareKey.generate(kind);
  const subject = { name, purpose: "server-decrypt", publicKey: key.publicKey } as const;
  const leaf = await issueCertificate({ authority: { certificate, key: authority }, subject, ...validity });
  const anchors = [trustAnchor(certificate)];
  return { key, certificate: verifyCertificate({ chain: [leaf], anchors, purpose: "server-decrypt", nowSeconds: 1_800_000_001 }) };
}

test("an inbox request reads back with the one of the server's keys that it names", async () => {
  const keys = [await serverKey("x-wing"), await serverKey("x25519")];
  const own = keys.map(({ key, certificate }) => ({ key: key.decryptionKey(), certificate }));
  for (const { certificate } of keys) {
    const body = sealInboxRequest(request, { server: certificate, random: systemRandom });
    assert.deepEqual(Buffer.from((await openInboxRequest(own, body)).signingThumbprint), Buffer.from(request.signingThumbprint));
  }
});

test("KDIR: the longest request, with an ML-DSA-65 signature and names of 128 bytes, is below the bound", async () => {
  const name = parseName("n".repeat(128));
  const statement = encodeAs(inboxStatementCodec, { terminal: name, server: name, issuedAtSeconds: 2 ** 53 - 1 });
  for (const kind of ["x-wing", "rsa4096"] as const) {
    const { key, certificate } = await serverKey(kind);
    const signature = [new Uint8Array(6), new Map(), statement, new Uint8Array(3_309)];
    const body = sealInboxRequest({ ...request, signature }, { server: certificate, random: systemRandom });
    assert.ok(body.length < maxInboxRequestBytes, `${body.length} bytes`);
    await openInboxRequest([{ key: key.decryptionKey(), certificate }], body);
  }
});

test("two requests of one terminal have nothing in common but the server's hint", async () => {
  const { certificate } = await serverKey("x-wing");
  const [one, two] = [0, 1].map(() => Buffer.from(sealInboxRequest(request, { server: certificate, random: systemRandom })));
  assert.ok(one !== undefined && two !== undefined);
  assert.equal(one.includes(Buffer.from(request.signingThumbprint)), false);
  const heads = 32; // array, version, hint, and what says which algorithm
  for (let at = heads; at + 16 <= one.length; at++) assert.equal(two.includes(one.subarray(at, at + 16)), false, `at ${at}`);
});

test("a request of another version is told apart from one that is wrong, without any key", async () => {
  const { key, certificate } = await serverKey("x25519");
  const own = [{ key: key.decryptionKey(), certificate }];
  const body = sealInboxRequest(request, { server: certificate, random: systemRandom });
  const [, hint, encrypted] = decode(body, maxInboxRequestBytes) as [number, Uint8Array, unknown[]];
  const wrong = [
    [encode([1, hint, null]), "API_VERSION_UNSUPPORTED"],
    [encode([3, hint, null, null]), "API_VERSION_UNSUPPORTED"],
    [encode([new Uint8Array(32), []]), "API_VERSION_UNSUPPORTED"],
    [encode([2, hint]), "WIRE_SHAPE_WRONG"],
    [encode(["2", hint, null]), "WIRE_SHAPE_WRONG"],
    [encode([2, new Uint8Array(8), null]), "LINK_RECIPIENT_WRONG"],
    [encode([2, hint, null]), "COSE_STRUCTURE_WRONG"],
    [encode([2, hint.subarray(1), null]), "WIRE_SHAPE_WRONG"],
  ] as const;
  assert.equal(encrypted.length, 3);
  for (const [bytes, code] of wrong) await assert.rejects(openInboxRequest(own, bytes), (error) => hasCode(error, code), code);
});
