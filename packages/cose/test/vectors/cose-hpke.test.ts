import assert from "node:assert/strict";
import { createDecipheriv } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { type AeadName, aeadOpen, hpkeAes128Gcm, hpkeOpen, hpkeP256, hpkeX25519, SoftwareKey, x25519Kem } from "@sealane/crypto";
import { describeVectors } from "@sealane/testkit";
import { type CborMap, decode } from "@sealane/wire";
import * as oracle from "hpke";
import {
  type CoseStructure,
  coveredBytes,
  decryptWith,
  openWithPrivateKey,
  parseEncrypt,
  parseEncrypt0,
  recipientStructure,
  requireBytes,
} from "../../src/index.ts";

/** Vectors of draft-ietf-cose-hpke, appendix C: base mode, all suites. "external" stands for one of these texts. */
const plaintext = Buffer.from("hpke test payload");
const externalTexts = { aad: "external-aad", info: "external-info", hpkeAad: "external-hpke-aad" };

interface Vector {
  readonly title: string;
  /** HPKE-0 to HPKE-7. */
  readonly suite: string;
  readonly keyEncryption: boolean;
  readonly key: CborMap;
  readonly message: Uint8Array;
  readonly aad: Uint8Array;
  readonly info: Uint8Array;
  readonly hpkeAad: Uint8Array;
}

type OracleSuite = ConstructorParameters<typeof oracle.CipherSuite>;

const { KDF_HKDF_SHA256: sha256, KDF_HKDF_SHA384: sha384, KDF_HKDF_SHA512: sha512 } = oracle;
const { AEAD_AES_128_GCM: aes128, AEAD_AES_256_GCM: aes256, AEAD_ChaCha20Poly1305: chacha } = oracle;

/** npm `hpke`, which opens every suite with the structures that we build (the draft's section 4). */
const oracleSuites: Readonly<Record<string, OracleSuite>> = {
  "HPKE-0": [oracle.KEM_DHKEM_P256_HKDF_SHA256, sha256, aes128],
  "HPKE-1": [oracle.KEM_DHKEM_P384_HKDF_SHA384, sha384, aes256],
  "HPKE-2": [oracle.KEM_DHKEM_P521_HKDF_SHA512, sha512, aes256],
  "HPKE-3": [oracle.KEM_DHKEM_X25519_HKDF_SHA256, sha256, aes128],
  "HPKE-4": [oracle.KEM_DHKEM_X25519_HKDF_SHA256, sha256, chacha],
  "HPKE-5": [oracle.KEM_DHKEM_X448_HKDF_SHA512, sha512, aes256],
  "HPKE-6": [oracle.KEM_DHKEM_X448_HKDF_SHA512, sha512, chacha],
  "HPKE-7": [oracle.KEM_DHKEM_P256_HKDF_SHA256, sha256, aes256],
};

interface HpkeInput {
  readonly encapsulated: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly info: Uint8Array;
  readonly aad: Uint8Array;
}

describeVectors("the vectors of draft-ietf-cose-hpke", "hpke/cose-hpke-testvectors.txt", (path) => {
  const vectors = parseVectors(readFileSync(path, "utf8"));

  test("are there for every suite and mode", () => {
    for (const suite of Object.keys(oracleSuites)) {
      assert.equal(vectors.filter((vector) => vector.suite === suite && vector.keyEncryption).length, 8);
      assert.equal(vectors.filter((vector) => vector.suite === suite && !vector.keyEncryption).length, 4);
    }
  });

  describe("are opened by our HPKE (X25519, AES-128-GCM)", () => {
    for (const vector of vectors.filter(({ suite }) => suite === "HPKE-3")) {
      test(vector.title, async () => {
        const key = softwareKey(vector).decryptionKey();
        const configuration = { kem: x25519Kem, aead: hpkeAes128Gcm };
        const opened = await openVector(vector, (input) => hpkeOpen(configuration, key, input));
        assert.deepEqual(Buffer.from(opened), plaintext);
      });
    }
  });

  describe("are opened by our HPKE (P-256, AES-256-GCM)", () => {
    for (const vector of vectors.filter(({ suite }) => suite === "HPKE-7")) {
      test(vector.title, async () => {
        const key = softwareKey(vector).decryptionKey();
        const opened = await openVector(vector, (input) => hpkeOpen(hpkeP256.hpke, key, input));
        assert.deepEqual(Buffer.from(opened), plaintext);
      });
    }
  });

  describe("are opened by another HPKE with the structures that we build", () => {
    for (const vector of vectors.filter(({ suite }) => suite !== "HPKE-3" && suite !== "HPKE-7")) {
      test(vector.title, async () => {
        const suite = new oracle.CipherSuite(...(oracleSuites[vector.suite] ?? assert.fail()));
        const key = await suite.DeserializePrivateKey(Uint8Array.from(requireBytes(vector.key.get(-4))), false);
        const opened = await openVector(vector, async ({ encapsulated, ciphertext, info, aad }) =>
          suite.Open(key, encapsulated, ciphertext, { info, aad }),
        );
        assert.deepEqual(Buffer.from(opened), plaintext);
      });
    }
  });

  test("are refused by our strict functions, for their key ids and algorithms", async () => {
    const key = SoftwareKey.generate("x25519").decryptionKey();
    for (const { message, aad, keyEncryption } of vectors) {
      const value = decode(message, 1000);
      const opening = keyEncryption
        ? decryptWith(hpkeX25519, key, { value, externalAad: aad })
        : openWithPrivateKey(hpkeX25519, key, { value: untagged(value), externalAad: aad });
      await assert.rejects(opening, { code: "COSE_HEADER_WRONG" });
    }
  });
});

/** Opens a message with our structures and the HPKE that is given. */
async function openVector(vector: Vector, open: (input: HpkeInput) => Promise<Uint8Array>): Promise<Uint8Array> {
  const value = decode(vector.message, 1000);
  if (!vector.keyEncryption) {
    const structure = parseEncrypt0(value);
    const aad = coveredBytes("Encrypt0", structure.protectedBytes, vector.aad);
    return await open({ ...sealedPart(structure), info: vector.info, aad });
  }
  const { content, recipients } = parseEncrypt(value);
  const [recipient] = recipients;
  const algorithm = content.protectedHeader.get(1);
  assert.ok(recipient !== undefined && recipients.length === 1 && typeof algorithm === "number");
  const { protectedBytes } = recipient;
  const info = recipientStructure({ nextLayerAlgorithm: algorithm, protectedBytes, extraInfo: vector.info });
  const key = await open({ ...sealedPart(recipient), info, aad: vector.hpkeAad });
  const aad = coveredBytes("Encrypt", content.protectedBytes, vector.aad);
  const nonce = requireBytes(content.unprotectedHeader.get(5));
  return openContent(algorithm, { key, nonce, aad }, requireBytes(content.rest[0]));
}

function sealedPart(structure: CoseStructure): Pick<HpkeInput, "encapsulated" | "ciphertext"> {
  return { encapsulated: requireBytes(structure.unprotectedHeader.get(-4)), ciphertext: requireBytes(structure.rest[0]) };
}

function openContent(
  algorithm: number,
  input: { readonly key: Uint8Array; readonly nonce: Uint8Array; readonly aad: Uint8Array },
  sealed: Uint8Array,
): Uint8Array {
  const gcm = new Map<number, AeadName>([
    [1, "aes-128-gcm"],
    [3, "aes-256-gcm"],
  ]).get(algorithm);
  if (gcm !== undefined) return aeadOpen({ ...input, aead: gcm }, sealed);
  assert.equal(algorithm, 24);
  const plaintextLength = sealed.length - 16;
  const decipher = createDecipheriv("chacha20-poly1305", input.key, input.nonce, { authTagLength: 16 });
  decipher.setAAD(input.aad, { plaintextLength }).setAuthTag(sealed.subarray(plaintextLength));
  return Buffer.concat([decipher.update(sealed.subarray(0, plaintextLength)), decipher.final()]);
}

/** PKCS #8 up to the private key: X25519 (RFC 8410), and P-256 without the public key (RFC 5915). */
const pkcs8Prefixes: Readonly<Record<string, string>> = {
  "HPKE-3": "302e020100300506032b656e04220420",
  "HPKE-7": "3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420",
};

function softwareKey({ suite, key }: Vector): SoftwareKey {
  const prefix = Buffer.from(pkcs8Prefixes[suite] ?? assert.fail(), "hex");
  const made = SoftwareKey.fromPkcs8(Buffer.concat([prefix, requireBytes(key.get(-4))]));
  const coordinates = [-2, -3].flatMap((label) => (key.has(label) ? [requireBytes(key.get(label))] : []));
  const uncompressed = suite === "HPKE-7" ? [Buffer.of(4)] : [];
  assert.deepEqual(Buffer.from(made.publicKey.raw), Buffer.concat([...uncompressed, ...coordinates]));
  return made;
}

function untagged(value: ReturnType<typeof decode>): ReturnType<typeof decode> {
  const { protectedBytes, unprotectedHeader, rest } = parseEncrypt0(value);
  return [protectedBytes, unprotectedHeader, ...rest];
}

/** Reads keys and messages; those with a pre-shared key are left out, for we have no such mode. */
function parseVectors(text: string): readonly Vector[] {
  const vectors: Vector[] = [];
  let key: CborMap = new Map();
  let pending: Omit<Vector, "message"> | null = null;
  for (const line of text.split("\n").map((raw) => raw.trim())) {
    const [, keyHex] = /^HPKE-\d(?:-KE)? COSE_Key::? ([0-9a-f]+)$/.exec(line) ?? [];
    const [, hex] = /^Ciphertext: ([0-9a-f]+)$/.exec(line) ?? [];
    if (keyHex !== undefined) {
      const decoded = decode(Buffer.from(keyHex, "hex"), 1000);
      assert.ok(decoded instanceof Map);
      key = decoded;
    } else if (hex !== undefined) {
      if (pending !== null) vectors.push({ ...pending, message: Uint8Array.from(Buffer.from(hex, "hex")) });
      pending = null;
    } else if (line.includes(" with ")) {
      pending = line.includes("PSK") ? null : pendingVector(line, key);
    }
  }
  assert.ok(vectors.length > 0, "there are vectors");
  return vectors;
}

function pendingVector(title: string, key: CborMap): Omit<Vector, "message"> {
  const given = (words: string, text: string): Uint8Array => (title.includes(words) ? Buffer.from(text) : new Uint8Array());
  return {
    title,
    suite: title.slice(0, 6),
    keyEncryption: title.startsWith("-KE", 6),
    key,
    aad: given("external aad", externalTexts.aad),
    info: given("external info", externalTexts.info),
    hpkeAad: given("external hpke aad", externalTexts.hpkeAad),
  };
}
