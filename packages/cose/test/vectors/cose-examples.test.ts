import assert from "node:assert/strict";
import { createCipheriv, createDecipheriv, createHmac, verify } from "node:crypto";
import { describe, test } from "node:test";
import { type AeadName, aeadOpen, hmac, hpkeX25519, SoftwareKey } from "@sealane/crypto";
import { describeVectors, jsonFiles } from "@sealane/testkit";
import { type CborValue, decode, SealaneError, Tagged } from "@sealane/wire";
import {
  type CoseStructure,
  claimLabel,
  coseTag,
  coveredBytes,
  decodeClaims,
  decryptWith,
  openUnderKey,
  parseEncrypt,
  parseEncrypt0,
  parseMac0,
  parseSign1,
  parseStructure,
  requireBytes,
  verifyMac0,
  verifySign1,
} from "../../src/index.ts";
import { type Example, loadExample } from "./example.ts";

const ample = 10_000;
const folders = [
  "sign1-tests",
  "eddsa-examples",
  "ecdsa-examples",
  "mac0-tests",
  "encrypted-tests",
  "enveloped-tests",
  "aes-gcm-examples",
  "RFC8152",
  "CWT",
  "x509-examples",
];

/** Recipients with header labels out of order, which no Sealane decoder reads. */
const notDeterministic = new Set(["B", "C_3_1", "C_3_2", "C_3_3", "C_3_4"].map((part) => `RFC8152/Appendix_${part}.json`));

/** The only ones that are as strict as Sealane's own: alg alone and protected, an algorithm of ours, nothing else unprotected. */
const oursToo = new Set(["mac0-tests/HMac-01.json", "aes-gcm-examples/aes-gcm-enc-03.json"]);

const signatureHashes: Readonly<Record<string, string | null>> = { ES256: "sha256", ES384: "sha384", ES512: "sha512", EdDSA: null };
const gcm: Readonly<Record<string, AeadName>> = { A128GCM: "aes-128-gcm", A192GCM: "aes-192-gcm", A256GCM: "aes-256-gcm" };

type SingleKind = "sign0" | "mac0" | "encrypted" | "enveloped";

/** What is covered, by our own code. */
function coveredBy(kind: SingleKind, structure: CoseStructure, externalAad: Uint8Array): Uint8Array {
  const { protectedBytes, rest } = structure;
  if (kind === "sign0") return coveredBytes("Signature1", protectedBytes, externalAad, requireBytes(rest[0]));
  if (kind === "mac0") return coveredBytes("MAC0", protectedBytes, externalAad, requireBytes(rest[0]));
  return coveredBytes(kind === "encrypted" ? "Encrypt0" : "Encrypt", protectedBytes, externalAad);
}

function parse(kind: SingleKind, value: CborValue): CoseStructure {
  if (kind === "sign0") return parseSign1(value);
  if (kind === "mac0") return parseMac0(value);
  return kind === "encrypted" ? parseEncrypt0(value) : parseStructure(value, { tag: coseTag.encrypt, length: 4 });
}

/** Checks the signature, tag or encryption over `covered`, by node:crypto or our own crypto package, and gives the content or null. */
function contentOf(example: Example, structure: CoseStructure, covered: Uint8Array): Uint8Array | null {
  const [first, second] = structure.rest;
  const { algorithm, contentKey } = example;
  if (example.kind === "sign0") {
    const hash = signatureHashes[algorithm];
    assert.ok(hash !== undefined, algorithm);
    const key = { key: example.publicKey(), dsaEncoding: "ieee-p1363" } as const;
    return verify(hash, covered, key, requireBytes(second)) ? requireBytes(first) : null;
  }
  if (example.kind === "mac0") {
    return Buffer.compare(macOf(algorithm, contentKey, covered), requireBytes(second)) === 0 ? requireBytes(first) : null;
  }
  const sent = structure.unprotectedHeader.get(5);
  const nonce = sent instanceof Uint8Array ? sent : example.unsentIv;
  return decrypt(algorithm, { key: contentKey, nonce, aad: covered }, requireBytes(first));
}

function macOf(algorithm: string, key: Uint8Array, covered: Uint8Array): Uint8Array {
  if (algorithm === "HS256") return hmac(key, covered);
  if (algorithm === "HS256/64") return createHmac("sha256", key).update(covered).digest().subarray(0, 8);
  assert.equal(algorithm, "AES-MAC-256/64");
  const cbc = createCipheriv("aes-256-cbc", key, new Uint8Array(16)).setAutoPadding(false);
  return cbc.update(Buffer.concat([covered, new Uint8Array(-covered.length & 15)])).subarray(-16, -8);
}

function decrypt(
  algorithm: string,
  input: { readonly key: Uint8Array; readonly nonce: Uint8Array; readonly aad: Uint8Array },
  sealed: Uint8Array,
): Uint8Array | null {
  const aead = gcm[algorithm];
  try {
    if (aead !== undefined) return aeadOpen({ ...input, aead }, sealed);
  } catch (error) {
    assert.ok(error instanceof SealaneError && error.code === "CRYPTO_OPEN_FAILED");
    return null;
  }
  assert.equal(algorithm, "AES-CCM-16-128/64");
  const plaintextLength = sealed.length - 8;
  const ccm = createDecipheriv("aes-128-ccm", input.key, input.nonce, { authTagLength: 8 });
  ccm.setAuthTag(sealed.subarray(plaintextLength)).setAAD(input.aad, { plaintextLength });
  return ccm.update(sealed.subarray(0, plaintextLength));
}

/** Hands the message to the function of ours that reads such messages. */
async function readStrictly(example: Example, value: CborValue): Promise<Uint8Array> {
  const { kind, contentKey, externalAad } = example;
  if (kind === "mac0") return verifyMac0(contentKey, value, externalAad);
  if (kind === "encrypted") return openUnderKey(contentKey, { value, externalAad });
  if (kind === "enveloped") return await decryptWith(hpkeX25519, SoftwareKey.generate("x25519").decryptionKey(), { value, externalAad });
  const { publicKey } = SoftwareKey.generate("ed25519");
  return verifySign1(value, { publicKey, externalAad, tagged: value instanceof Tagged });
}

describeVectors("the examples of the COSE working group", "cose", (path) => {
  for (const folder of folders) {
    describe(folder, () => {
      for (const file of jsonFiles(`${path}/${folder}`)) declareExample(loadExample(file));
    });
  }
});

function declareExample(example: Example): void {
  const { name, kind, message, fail } = example;
  const wrongTag = fail && name.endsWith("fail-01.json");
  if (kind === "sign" || kind === "mac" || wrongTag || notDeterministic.has(name)) {
    test(`${name}: is not read, for its tag or its encoding`, () => {
      assert.throws(() => decode(message, ample), { code: "WIRE_NOT_DETERMINISTIC" });
      if (notDeterministic.has(name)) assertSameCovered(example);
    });
    return;
  }

  test(`${name}: ${fail ? "is refused" : "is read, covers the same bytes and is verified"}`, async () => {
    const value = decode(message, ample);
    const structure = parse(kind, value);
    const covered = coveredBy(kind, structure, example.externalAad);
    const content = contentOf(example, structure, covered);
    if (fail) {
      assert.equal(content, null);
    } else {
      assert.ok(example.covered !== null && content !== null);
      assert.equal(Buffer.from(covered).toString("hex"), Buffer.from(example.covered).toString("hex"));
      assert.deepEqual(Buffer.from(content), Buffer.from(example.plaintext));
    }
    if (kind === "enveloped") assert.equal(parseEncrypt(value).recipients.length, 1);
  });

  if (oursToo.has(name)) {
    test(`${name}: is read by our strict functions`, async () => {
      assert.deepEqual(Buffer.from(await readStrictly(example, decode(message, ample))), Buffer.from(example.plaintext));
    });
  } else {
    test(`${name}: is refused by our strict functions`, async () => {
      await assert.rejects(readStrictly(example, decode(message, ample)), (error: unknown) => {
        assert.ok(error instanceof SealaneError);
        assert.ok(["COSE_STRUCTURE_WRONG", "COSE_HEADER_WRONG", "CRYPTO_MAC_WRONG", "CRYPTO_OPEN_FAILED"].includes(error.code), error.code);
        return true;
      });
    });
  }
}

/** What is covered, built from its own parts where the message around it cannot be read. */
function assertSameCovered(example: Example): void {
  assert.ok(example.covered !== null);
  const parts = decode(example.covered, ample);
  assert.ok(Array.isArray(parts) && parts.length === 3 && parts[0] === "Encrypt");
  assert.deepEqual(coveredBytes("Encrypt", requireBytes(parts[1]), example.externalAad), example.covered);
}

describeVectors("the tokens of RFC 8392, appendix A", "cose/CWT", (path) => {
  const known = Object.values(claimLabel);
  const expected = new Map<number, CborValue>([
    [claimLabel.issuer, "coap://as.example.com"],
    [claimLabel.subject, "erikw"],
    [claimLabel.audience, "coap://light.example.com"],
    [claimLabel.expiresAt, 1_444_064_944],
    [claimLabel.notBefore, 1_443_944_944],
    [claimLabel.issuedAt, 1_443_944_944],
    [claimLabel.tokenId, Uint8Array.of(0x0b, 0x71)],
  ]);

  test("carry the claims of appendix A.1", () => {
    for (const file of ["A_3.json", "A_4.json", "A_5.json"]) {
      const { plaintext } = loadExample(`${path}/${file}`);
      assert.deepEqual(decodeClaims(plaintext, { maxBytes: ample, known }), expected);
    }
  });

  test("are refused with a time that is a float", () => {
    const { plaintext } = loadExample(`${path}/A_7.json`);
    assert.throws(() => decodeClaims(plaintext, { maxBytes: ample, known }), { code: "WIRE_NOT_DETERMINISTIC" });
  });

  test("are read inside each other", () => {
    const inner = loadExample(`${path}/A_3.json`);
    const { plaintext } = loadExample(`${path}/A_6.json`);
    const structure = parseSign1(decode(plaintext, ample));
    const content = contentOf(inner, structure, coveredBy("sign0", structure, new Uint8Array()));
    assert.deepEqual(decodeClaims(content ?? new Uint8Array(), { maxBytes: ample, known }), expected);
  });
});
