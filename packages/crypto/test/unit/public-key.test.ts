import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, createSecretKey, generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import { type KeyKind, PublicKey, SoftwareKey, systemRandom, verifySignature, x25519Kem } from "../../src/index.ts";
import {
  encodePoint,
  fromLittleEndian,
  identity,
  invert,
  ladder,
  littleEndian,
  mod,
  multiply,
  p,
  pointOf,
  smallOrderPoints,
} from "./edwards.ts";
import { der, ffdheKinds } from "./finite-field.ts";
import { explicitP256, isOnP256, p256Spki, secondEncodingOfX, wrongPoints } from "./p256-points.ts";

const ed25519Prefix = Buffer.from("302a300506032b6570032100", "hex");
const x25519Prefix = Buffer.from("302a300506032b656e032100", "hex");

function withTopBit(bytes: Uint8Array): Uint8Array {
  const set = Uint8Array.from(bytes);
  set[31] = (set[31] ?? 0) ^ 0x80;
  return set;
}

/** Every 32-byte string that stands for one of these y-coordinates, whether it is the canonical one or not. */
function encodingsOf(coordinates: readonly bigint[]): readonly Uint8Array[] {
  return coordinates
    .flatMap((coordinate) => [coordinate, coordinate + p])
    .filter((coordinate) => coordinate < 2n ** 255n)
    .map(littleEndian)
    .flatMap((bytes) => [bytes, withTopBit(bytes)]);
}

/** DER in other encodings of its outermost length, cut or with something behind it. */
function otherDer(der: Buffer): readonly Buffer[] {
  const headerBytes = (der[1] ?? 0) < 0x80 ? 2 : 4;
  const [header, content] = [der.subarray(0, headerBytes), der.subarray(headerBytes)];
  const longer = headerBytes === 2 ? [0x30, 0x81, ...header.subarray(1)] : [0x30, 0x83, 0, ...header.subarray(2)];
  return [
    Buffer.alloc(0),
    Buffer.concat([der, Buffer.alloc(1)]),
    der.subarray(0, -1),
    Buffer.concat([Buffer.from(longer), content]), // a length in one byte more
    Buffer.concat([Buffer.from("3080", "hex"), content, Buffer.alloc(2)]), // BER
  ];
}

const kinds: readonly Exclude<KeyKind, "x-wing">[] = ["ed25519", "x25519", "p256", ...ffdheKinds];
const rawBytes: Readonly<Partial<Record<KeyKind, number>>> = { p256: 65, ffdhe2048: 256, ffdhe3072: 384, ffdhe4096: 512 };

describe("a public key", () => {
  for (const kind of kinds) {
    const { publicKey } = SoftwareKey.generate(kind);

    test(`${kind}: is the same from SPKI, raw bytes and node:crypto`, () => {
      const again = [
        PublicKey.fromSpki(publicKey.spki),
        PublicKey.fromRaw(kind, publicKey.raw),
        PublicKey.fromObject(publicKey.native),
        PublicKey.fromObject(createPublicKey({ key: Buffer.from(publicKey.spki), format: "der", type: "spki" })),
      ];
      for (const key of again) assert.deepEqual([key.kind, key.spki, key.raw], [kind, publicKey.spki, publicKey.raw]);
    });

    test(`${kind}: is read from bytes anywhere in a larger buffer`, () => {
      const padded = Buffer.concat([Buffer.alloc(5), publicKey.spki, Buffer.alloc(5)]);
      const view = new Uint8Array(padded.buffer, padded.byteOffset + 5, publicKey.spki.length);
      assert.deepEqual(PublicKey.fromSpki(view).raw, publicKey.raw);
    });

    test(`${kind}: has no other DER`, () => {
      const others: readonly Uint8Array[] = [
        ...otherDer(Buffer.from(publicKey.spki)),
        SoftwareKey.generate(kind).toPkcs8(),
        Buffer.from(publicKey.native.export({ format: "pem", type: "spki" })),
      ];
      for (const other of others) assert.throws(() => PublicKey.fromSpki(other), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
    });

    test(`${kind}: has raw bytes of one length`, () => {
      const { raw } = publicKey;
      assert.equal(raw.length, rawBytes[kind] ?? 32);
      for (const other of [raw.subarray(1), raw.subarray(0, -1), Buffer.concat([raw, Buffer.of(0)]), Buffer.concat([Buffer.of(0), raw])]) {
        assert.throws(() => PublicKey.fromRaw(kind, other), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
      }
    });
  }

  for (const kind of ["ed25519", "x25519"] as const) {
    const prefix = kind === "ed25519" ? ed25519Prefix : x25519Prefix;
    const { publicKey } = SoftwareKey.generate(kind);

    test(`${kind}: has no other parameters and no unused bits`, () => {
      const spki = Buffer.from(publicKey.spki);
      assert.deepEqual(spki, Buffer.concat([prefix, publicKey.raw]));
      const others = [
        Buffer.concat([Buffer.from("302c300706032b65", "hex"), spki.subarray(8, 9), Buffer.from("0500032100", "hex"), publicKey.raw]), // NULL
        Buffer.concat([spki.subarray(0, 11), Buffer.from([1]), spki.subarray(12)]),
      ];
      for (const other of others) assert.throws(() => PublicKey.fromSpki(other), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
    });

    test(`${kind}: has 32 raw bytes`, () => {
      for (const length of [0, 31, 33, 64]) {
        assert.throws(() => PublicKey.fromRaw(kind, new Uint8Array(length).fill(9)), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
      }
    });

    test(`KGRP: ${kind}: has no second encoding of its coordinate`, () => {
      for (let over = p; over < 2n ** 255n; over++) {
        for (const raw of [littleEndian(over), withTopBit(littleEndian(over))]) {
          assert.throws(() => PublicKey.fromRaw(kind, raw), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
          assert.throws(() => PublicKey.fromSpki(Buffer.concat([prefix, raw])), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
        }
      }
      assert.equal(PublicKey.fromRaw(kind, littleEndian(p - 2n)).kind, kind);
    });
  }

  test("KGRP: p256: is an uncompressed point on the named curve, and no other form of one", () => {
    const key = SoftwareKey.generate("p256").publicKey;
    assert.ok(isOnP256(key.raw));
    for (const wrong of wrongPoints(key.raw)) {
      assert.throws(() => PublicKey.fromRaw("p256", wrong), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
      assert.throws(() => PublicKey.fromSpki(p256Spki(wrong)), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
    }
    assert.deepEqual(p256Spki(key.raw), Buffer.from(key.spki));
    const pkcs8 = SoftwareKey.generate("p256").toPkcs8();
    assert.throws(() => PublicKey.fromSpki(p256Spki(Uint8Array.of(0))), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
    assert.equal(SoftwareKey.fromPkcs8(pkcs8).publicKey.kind, "p256", "the refusal leaves no error behind");
    const { point } = secondEncodingOfX();
    assert.equal(PublicKey.fromRaw("p256", point).raw.toHex(), point.toHex());
  });

  test("KGRP: p256: with the curve spelled out is refused, though OpenSSL takes it, public and private", () => {
    const { publicKey } = SoftwareKey.generate("p256");
    const spelledOut = p256Spki(publicKey.raw, explicitP256);
    assert.deepEqual(createPublicKey({ key: spelledOut, format: "der", type: "spki" }).asymmetricKeyDetails, { namedCurve: "prime256v1" });
    assert.throws(() => PublicKey.fromSpki(spelledOut), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
    const scalar = der.sequence(der.integer(1n), der.element(4, Buffer.alloc(32, 7)));
    const pkcs8 = der.sequence(der.integer(0n), explicitP256, der.element(4, scalar));
    assert.equal(createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" }).asymmetricKeyType, "ec");
    assert.throws(() => SoftwareKey.fromPkcs8(pkcs8), { code: "CRYPTO_PRIVATE_KEY_WRONG" });
  });

  test("of another kind is refused", () => {
    const others = [
      generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey,
      generateKeyPairSync("x448").publicKey,
      generateKeyPairSync("ed448").publicKey,
    ];
    for (const object of others) {
      assert.throws(() => PublicKey.fromObject(object), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
      assert.throws(() => PublicKey.fromSpki(object.export({ format: "der", type: "spki" })), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
    }
    assert.throws(() => PublicKey.fromObject(createSecretKey(Buffer.alloc(32))), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
  });

  test("taken from a private key has no private half", () => {
    const { privateKey } = generateKeyPairSync("ed25519");
    assert.equal(PublicKey.fromObject(privateKey).native.type, "public");
  });

  test("as X25519 with the ignored bit set is refused: it would be the same key under another thumbprint", () => {
    const { publicKey } = SoftwareKey.generate("x25519");
    assert.throws(() => PublicKey.fromRaw("x25519", withTopBit(publicKey.raw)), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
  });
});

describe("KGRP: points of small order", () => {
  const points = smallOrderPoints();

  test("are eight, by arithmetic of our own", () => {
    assert.equal(new Set(points.map(({ x, y }) => `${x} ${y}`)).size, 8);
    for (const point of points) assert.deepEqual(multiply(8n, point), identity);
  });

  test("are refused as Ed25519 keys in every encoding", () => {
    const encodings = encodingsOf(points.map(({ y }) => y));
    assert.equal(new Set(encodings.map((raw) => Buffer.from(raw).toString("hex"))).size, 2 * (5 + 2));
    for (const raw of encodings) {
      assert.throws(() => PublicKey.fromRaw("ed25519", raw), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
      assert.throws(() => PublicKey.fromSpki(Buffer.concat([ed25519Prefix, raw])), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
    }
  });

  const coordinates = [
    ...points.filter(({ y }) => y !== 1n).map(({ y }) => mod((1n + y) * invert(1n - y))),
    1n, // order 4, on the curve
    p - 1n, // order 4, on the twist
    0n,
  ];

  test("give zero on X25519, by arithmetic of our own", () => {
    assert.equal(new Set(coordinates).size, 5);
    for (const u of coordinates) assert.equal(ladder(8n, u), 0n);
  });

  test("are refused as X25519 keys and as encapsulated keys in every encoding", () => {
    const key = SoftwareKey.generate("x25519").decryptionKey();
    for (const raw of encodingsOf(coordinates)) {
      assert.throws(() => PublicKey.fromRaw("x25519", raw), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
      assert.throws(() => PublicKey.fromSpki(Buffer.concat([x25519Prefix, raw])), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
      assert.throws(() => key.decapsulate(raw), { code: "CRYPTO_OPEN_FAILED" });
    }
  });

  test("are refused by the key agreement itself, should one get through", () => {
    const raw = littleEndian(0n);
    const native = createPublicKey({ key: Buffer.concat([x25519Prefix, raw]), format: "der", type: "spki" });
    const forged: PublicKey = Object.create(PublicKey.prototype, { raw: { value: raw }, native: { value: native } });
    assert.throws(() => x25519Kem.encapsulate(forged, systemRandom), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
  });
});

describe("an Ed25519 key that is no point of the curve", () => {
  test("verifies nothing", () => {
    let y = 2n;
    while (pointOf(y) !== null) y++;
    const key = PublicKey.fromRaw("ed25519", littleEndian(y));
    assert.equal(fromLittleEndian(key.raw), y);
    const signature = Buffer.concat([encodePoint(identity), Buffer.alloc(32)]);
    assert.throws(() => verifySignature(key, Buffer.from("a"), signature), { code: "CRYPTO_SIGNATURE_WRONG" });
  });
});
