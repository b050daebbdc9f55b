import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type DecryptionKey, hpkeSeal, hpkeX25519, type Randomness, SoftwareKey, systemRandom } from "@sealane/crypto";
import { type CborValue, decode, encode } from "@sealane/wire";
import {
  coseAlgorithm,
  decryptWith,
  encodeProtected,
  encryptTo,
  headerLabel,
  maxRecipients,
  openWithPrivateKey,
  parseEncrypt,
  recipientStructure,
  sealToPublicKey,
} from "../../src/index.ts";
import { bytesAt, elementsOf, externalAad, payload, reader, stranger, withElement } from "./structures.ts";

const third = SoftwareKey.generate("x25519");
const everyone = [stranger, reader, third];

function encrypt(keys: readonly SoftwareKey[] = everyone): CborValue {
  return encryptTo(hpkeX25519, keys, systemRandom, { plaintext: payload, externalAad });
}

function open(value: CborValue, key: SoftwareKey = reader): Promise<Uint8Array> {
  return decryptWith(hpkeX25519, key.decryptionKey(), { value, externalAad });
}

function entriesOf(value: CborValue): CborValue[] {
  const entries = elementsOf(value)[3];
  assert.ok(Array.isArray(entries));
  return [...entries];
}

function withEntries(value: CborValue, change: (entries: CborValue[]) => CborValue[]): CborValue {
  return withElement(value, 3, change(entriesOf(value)));
}

describe("a content for several recipients", () => {
  test("is opened by each of them and by nobody else", async () => {
    const value = decode(encode(encrypt()), 2000);
    for (const key of everyone) assert.deepEqual(Buffer.from(await open(value, key)), payload);
    await assert.rejects(open(value, SoftwareKey.generate("x25519")), { code: "CRYPTO_OPEN_FAILED" });
  });

  test("may have one recipient, and the most that the limit allows", async () => {
    assert.deepEqual(Buffer.from(await open(encrypt([reader]))), payload);
    const many = [...new Array<SoftwareKey>(maxRecipients - 1).fill(stranger), reader];
    assert.deepEqual(Buffer.from(await open(encrypt(many))), payload);
  });

  test("is not sent to nobody, nor to more than the limit", async () => {
    assert.throws(() => encrypt([]), { code: "COSE_RECIPIENTS_WRONG" });
    assert.throws(() => encrypt(new Array<SoftwareKey>(maxRecipients + 1).fill(reader)), { code: "COSE_RECIPIENTS_WRONG" });
    const value = encrypt();
    await assert.rejects(open(withEntries(value, () => [])), { code: "COSE_STRUCTURE_WRONG" });
    const [entry = null] = entriesOf(value);
    const bomb = withEntries(value, () => new Array<CborValue>(maxRecipients + 1).fill(entry));
    await assert.rejects(open(bomb), { code: "COSE_STRUCTURE_WRONG" });
  });

  test("is not sent to a key that does not decrypt", () => {
    const signing = SoftwareKey.generate("ed25519");
    assert.throws(() => encrypt([reader, signing]), { code: "CRYPTO_PUBLIC_KEY_WRONG" });
  });

  test("names none of its recipients", () => {
    const bytes = Buffer.from(encode(encrypt()));
    for (const { publicKey } of everyone) assert.ok(!bytes.includes(publicKey.raw));
  });

  test("has a new key, IV and ephemeral keys every time", () => {
    const [a, b] = [encrypt(), encrypt()];
    assert.notDeepEqual(elementsOf(a)[1], elementsOf(b)[1]);
    assert.notDeepEqual(elementsOf(a)[2], elementsOf(b)[2]);
    const keys = [a, b].flatMap(entriesOf).map((entry) => Buffer.from(encode(elementsOf(entry)[1] ?? null)).toString("hex"));
    assert.equal(new Set(keys).size, 6);
  });

  test("shows every recipient that another's entry was changed, removed, added or moved", async () => {
    const value = encrypt();
    const [first = null, second = null, last = null] = entriesOf(value);
    const [foreign = null] = entriesOf(encrypt([third]));
    const changes: Readonly<Record<string, readonly CborValue[]>> = {
      removed: [first, second],
      "removed in front": [second, last],
      moved: [second, first, last],
      doubled: [first, second, last, last],
      added: [first, second, last, foreign],
      replaced: [foreign, second, last],
      "its own replaced": [first, foreign, last],
      "its own removed": [first, last],
    };
    for (const [what, entries] of Object.entries(changes)) {
      await assert.rejects(open(withEntries(value, () => [...entries])), { code: "CRYPTO_OPEN_FAILED" }, what);
    }
  });

  test("does not take an entry of the right key from another message", async () => {
    const [entry = null] = entriesOf(encrypt([reader]));
    await assert.rejects(open(withEntries(encrypt([stranger]), () => [entry])), { code: "CRYPTO_OPEN_FAILED" });
  });

  test("is opened by the first entry that is for the key", async () => {
    assert.deepEqual(Buffer.from(await open(encrypt([reader, reader]))), payload);
  });

  test("refuses entries with other headers than its own", async () => {
    const value = encrypt([reader]);
    const [entry = null] = entriesOf(value);
    const header = elementsOf(entry)[1];
    assert.ok(header instanceof Map);
    const others: readonly CborValue[] = [
      withElement(entry, 0, encodeProtected(new Map([[headerLabel.alg, hpkeX25519.coseId]]))), // integrated encryption
      withElement(entry, 0, encodeProtected(new Map([[headerLabel.alg, -6]]))), // direct
      withElement(entry, 0, new Uint8Array()),
      withElement(
        entry,
        0,
        encodeProtected(
          new Map<number, CborValue>([
            [headerLabel.alg, -65540],
            [headerLabel.kid, Buffer.from("11")],
          ]),
        ),
      ),
      withElement(entry, 1, new Map()),
      withElement(entry, 1, new Map([...header, [headerLabel.kid, Buffer.from("11")]])),
      withElement(entry, 1, new Map([[headerLabel.kid, Buffer.from("11")]])),
    ];
    for (const other of others) await assert.rejects(open(withEntries(value, () => [other])), { code: "COSE_HEADER_WRONG" });
    const two = withEntries(encrypt([reader, reader]), (entries) => [entries[0] ?? null, others[1] ?? null]);
    await assert.rejects(open(two), { code: "COSE_HEADER_WRONG" }, "also behind its own entry");
  });

  test("refuses entries of another form", async () => {
    const value = encrypt([reader]);
    const [entry = null] = entriesOf(value);
    const others: readonly CborValue[] = [
      null,
      [],
      elementsOf(entry).slice(0, 2),
      [...elementsOf(entry), [entry]], // a second layer of recipients
      withElement(entry, 1, new Map([[headerLabel.ek, null]])),
      withElement(entry, 1, new Map([[headerLabel.ek, "text"]])),
      withElement(entry, 2, null),
      encode(entry),
    ];
    for (const other of others) await assert.rejects(open(withEntries(value, () => [other])), { code: "COSE_STRUCTURE_WRONG" });
  });

  test("refuses an IV of another length", async () => {
    const value = encrypt([reader]);
    for (const length of [0, 11, 13, 16]) {
      const other = withElement(value, 1, new Map([[headerLabel.iv, new Uint8Array(length)]]));
      await assert.rejects(open(other), { code: "COSE_HEADER_WRONG" });
    }
    await assert.rejects(open(withElement(value, 1, new Map([[headerLabel.iv, 12]]))), { code: "COSE_STRUCTURE_WRONG" });
  });

  test("refuses a content key of another length in an entry that opens", async () => {
    const protectedBytes = encodeProtected(new Map([[headerLabel.alg, hpkeX25519.keyEncryptionCoseId]]));
    const info = recipientStructure({ nextLayerAlgorithm: coseAlgorithm.a256gcm, protectedBytes, extraInfo: externalAad });
    for (const length of [0, 16, 31, 33]) {
      const recipient = { publicKey: reader.publicKey, random: systemRandom };
      const sealed = hpkeSeal(hpkeX25519.hpke, recipient, { info, aad: new Uint8Array(), plaintext: new Uint8Array(length) });
      const entry: CborValue = [protectedBytes, new Map([[headerLabel.ek, sealed.encapsulated]]), sealed.ciphertext];
      await assert.rejects(open(withEntries(encrypt(), () => [entry])), { code: "CRYPTO_OPEN_FAILED" });
    }
  });

  test("wipes the content key and the seeds of the ephemeral keys", () => {
    const given: Uint8Array[] = [];
    const watched: Randomness = {
      bytes(length) {
        const bytes = systemRandom.bytes(length);
        given.push(bytes);
        return bytes;
      },
    };
    const value = encryptTo(hpkeX25519, [reader], watched, { plaintext: payload, externalAad });
    const [contentKey, seed, iv] = given;
    assert.equal(given.length, 3);
    assert.deepEqual([contentKey, seed], [new Uint8Array(32), new Uint8Array(32)]);
    const header = elementsOf(value)[1];
    assert.ok(header instanceof Map);
    assert.deepEqual(header.get(headerLabel.iv), iv);
  });

  test("tells the failure of a token as it is", async () => {
    const gone: DecryptionKey = { ...reader.decryptionKey(), decapsulate: () => Promise.reject(new Error("the token was pulled out")) };
    const opening = decryptWith(hpkeX25519, gone, { value: encrypt(), externalAad });
    await assert.rejects(opening, { message: "the token was pulled out" });
  });
});

describe("the two modes of HPKE", () => {
  test("are not mistaken for each other", async () => {
    const integrated = sealToPublicKey(
      hpkeX25519,
      { publicKey: reader.publicKey, random: systemRandom },
      { plaintext: payload, externalAad },
    );
    const value = encrypt([reader]);
    await assert.rejects(open(integrated), { code: "COSE_STRUCTURE_WRONG" });
    const key = reader.decryptionKey();
    await assert.rejects(openWithPrivateKey(hpkeX25519, key, { value, externalAad }), { code: "COSE_STRUCTURE_WRONG" });
    const [entry = null] = entriesOf(value); // has the form of a COSE_Encrypt0, and an algorithm of its own
    await assert.rejects(openWithPrivateKey(hpkeX25519, key, { value: entry, externalAad }), { code: "COSE_HEADER_WRONG" });
  });

  test("are read without judging", () => {
    const { content, recipients, recipientValues } = parseEncrypt(encrypt());
    assert.equal(recipients.length, 3);
    assert.equal(recipientValues.length, 3);
    assert.equal(content.protectedHeader.get(headerLabel.alg), 3);
    assert.deepEqual(bytesAt(recipientValues[0] ?? null, 0), recipients[0]?.protectedBytes);
  });
});
