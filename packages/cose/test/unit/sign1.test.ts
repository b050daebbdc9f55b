import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PublicKey, type SigningKey, SoftwareKey } from "@sealane/crypto";
import { type CborValue, encode } from "@sealane/wire";
import {
  coseTag,
  encodeProtected,
  headerLabel,
  parseSign1,
  recoverSign1,
  requireForm,
  sign1,
  signRecoverably,
  verifySign1,
} from "../../src/index.ts";
import { bytesAt, elementsOf, externalAad, payload, reader, recoveredBytes, recovery, signer, withElement } from "./structures.ts";

const publicKey = signer.publicKey;
const certificate = Uint8Array.of(0x30, 1, 0);

describe("COSE_Sign1", () => {
  test("signs the protected parameters that it was given, and they are read when they are expected", async () => {
    const value = await sign1(signer.signingKey(), { payload, externalAad, protectedAlso: new Map([[headerLabel.x5chain, certificate]]) });
    const expected = { publicKey, externalAad, protectedAlso: [headerLabel.x5chain] };
    assert.deepEqual(Buffer.from(verifySign1(value, expected)), payload);
    assert.deepEqual(
      parseSign1(value).protectedHeader,
      new Map<number, CborValue>([
        [headerLabel.alg, -19],
        [headerLabel.x5chain, certificate],
      ]),
    );
    assert.throws(() => verifySign1(value, { publicKey, externalAad }), { code: "COSE_HEADER_WRONG" });
    const replaced = withElement(
      value,
      0,
      encodeProtected(
        new Map<number, CborValue>([
          [1, -19],
          [headerLabel.x5chain, Buffer.from("other")],
        ]),
      ),
    );
    assert.throws(() => verifySign1(replaced, expected), { code: "CRYPTO_SIGNATURE_WRONG" });
    const absent = await sign1(signer.signingKey(), { payload, externalAad });
    verifySign1(absent, expected);
  });

  test("with its payload attached is none with it detached, and the reverse", async () => {
    const attached = await sign1(signer.signingKey(), { payload, externalAad });
    const detached = await sign1(signer.signingKey(), { payload, externalAad, detached: true });
    assert.equal(elementsOf(detached)[2], null);
    assert.deepEqual(elementsOf(detached)[3], elementsOf(attached)[3]);
    assert.throws(() => verifySign1(attached, { publicKey, externalAad, detachedPayload: payload }), { code: "COSE_STRUCTURE_WRONG" });
    assert.throws(() => verifySign1(detached, { publicKey, externalAad }), { code: "COSE_STRUCTURE_WRONG" });
    const other = { publicKey, externalAad, detachedPayload: Buffer.from("other") };
    assert.throws(() => verifySign1(detached, other), { code: "CRYPTO_SIGNATURE_WRONG" });
    const none = withElement(attached, 2, new Uint8Array());
    assert.throws(() => verifySign1(none, { publicKey, externalAad }), { code: "CRYPTO_SIGNATURE_WRONG" });
  });

  test("does not let payload and external_aad change places", async () => {
    const value = await sign1(signer.signingKey(), { payload: externalAad, externalAad: payload });
    const swapped = withElement(value, 2, payload);
    assert.throws(() => verifySign1(swapped, { publicKey, externalAad }), { code: "CRYPTO_SIGNATURE_WRONG" });
  });

  test("is not made or checked by a key that does not sign", async () => {
    const value = await sign1(signer.signingKey(), { payload, externalAad });
    assert.throws(() => verifySign1(value, { publicKey: reader.publicKey, externalAad }), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
    const odd: SigningKey = { purpose: "sign", publicKey: reader.publicKey, sign: () => new Uint8Array(64) };
    await assert.rejects(sign1(odd, { payload, externalAad }), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
  });

  test("is made by a handle that answers later", async () => {
    const key = SoftwareKey.generate("ed25519").signingKey();
    const later: SigningKey = { ...key, sign: async (message) => await key.sign(message) };
    const value = await sign1(later, { payload, externalAad });
    assert.deepEqual(Buffer.from(verifySign1(value, { publicKey: PublicKey.fromSpki(key.publicKey.spki), externalAad })), payload);
  });
});

describe("COSE_Sign1 that gives its payload back", () => {
  const expected = { publicKey, externalAad };
  const protectedAlso = new Map<number, CborValue>([[headerLabel.x5chain, certificate]]);

  test("carries what the signature has no room for, also when that is nothing", async () => {
    const value = await signRecoverably(recovery, signer.signingKey(), { payload, externalAad });
    assert.deepEqual(elementsOf(value)[2], payload.subarray(recoveredBytes));
    const short = await signRecoverably(recovery, signer.signingKey(), { payload: payload.subarray(0, recoveredBytes), externalAad });
    assert.equal(bytesAt(short, 2).length, 0);
    assert.deepEqual(Buffer.from(recoverSign1(recovery, short, expected)), payload.subarray(0, recoveredBytes));
  });

  test("covers the protected parameters that it was given, which are read when they are expected", async () => {
    const value = await signRecoverably(recovery, signer.signingKey(), { payload, externalAad, protectedAlso });
    const also = { ...expected, protectedAlso: [headerLabel.x5chain, headerLabel.x5t] };
    assert.deepEqual(Buffer.from(recoverSign1(recovery, value, also)), payload);
    assert.throws(() => recoverSign1(recovery, value, expected), { code: "COSE_HEADER_WRONG" });
    const replaced = new Map<number, CborValue>([
      [headerLabel.alg, recovery.coseId],
      [headerLabel.x5chain, Buffer.from("other")],
    ]);
    assert.throws(() => recoverSign1(recovery, withElement(value, 0, encodeProtected(replaced)), also), { code: "CRYPTO_SIGNATURE_WRONG" });
  });

  test("is refused where payload or signature is missing or no byte string, and where an element is missing or too many", async () => {
    const value = await signRecoverably(recovery, signer.signingKey(), { payload, externalAad });
    for (const [at, element] of [2, 3].flatMap((at) => [null, "text", 5, []].map((element) => [at, element] as const))) {
      assert.throws(() => recoverSign1(recovery, withElement(value, at, element), expected), { code: "COSE_STRUCTURE_WRONG" });
    }
    for (const items of [elementsOf(value).slice(0, 3), [...elementsOf(value), null], []]) {
      assert.throws(() => recoverSign1(recovery, items, expected), { code: "COSE_STRUCTURE_WRONG" });
    }
  });

  test("is none of a signature beside its payload, and the reverse", async () => {
    const plain = await sign1(signer.signingKey(), { payload, externalAad });
    assert.throws(() => recoverSign1(recovery, plain, expected), { code: "COSE_HEADER_WRONG" });
    const recovering = await signRecoverably(recovery, signer.signingKey(), { payload, externalAad });
    assert.throws(() => verifySign1(recovering, expected), { code: "COSE_HEADER_WRONG" });
  });
});

describe("parts of a structure", () => {
  test("an empty protected header is covered as the empty string, however it is sent (RFC 9052, section 4.4)", () => {
    for (const sent of [new Uint8Array(), Uint8Array.of(0xa0)]) {
      assert.deepEqual(parseSign1([sent, new Map(), null, new Uint8Array()]).protectedBytes, new Uint8Array());
    }
    assert.deepEqual(encodeProtected(new Map()), new Uint8Array());
    assert.deepEqual(encodeProtected(new Map([[1, 5]])), encode(new Map([[1, 5]])));
  });

  test("a protected header longer than any certificate chain is refused", () => {
    const long = encode(new Map([[headerLabel.x5chain, new Uint8Array(33_024)]]));
    assert.throws(() => parseSign1([long, new Map(), null, new Uint8Array()]), { code: "COSE_STRUCTURE_WRONG" });
  });

  test("form is a tag or none", () => {
    assert.throws(() => requireForm([], { tag: coseTag.sign1, tagged: true }), { code: "COSE_STRUCTURE_WRONG" });
    requireForm([], { tag: coseTag.sign1, tagged: false });
  });
});
