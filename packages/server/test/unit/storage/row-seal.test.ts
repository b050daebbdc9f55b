import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { openUnderKey } from "@sealane/cose";
import { Secret, systemRandom } from "@sealane/crypto";
import { decode, encode, equalBytes, hasCode } from "@sealane/wire";
import { RowSeal } from "../../../src/storage/row-seal.ts";
import { bytes, sampleSeal } from "./samples.ts";

const place = { table: "links", row: bytes("row") };
const secret = Secret.take("saved link", bytes("secret"));

test("a sealed secret opens at its own place only", () => {
  const seal = sampleSeal();
  const sealed = seal.seal(place, secret);
  assert.ok(seal.open(place, sealed, "saved link").use((opened) => equalBytes(opened, bytes("secret"))));
  for (const other of [
    { ...place, table: "pending_links" },
    { ...place, row: bytes("other") },
  ]) {
    assert.throws(
      () => seal.open(other, sealed, "saved link"),
      (error) => hasCode(error, "STORE_SECRET_WRONG"),
    );
  }
});

test("a secret under another storage key, changed or cut is refused", () => {
  const sealed = sampleSeal().seal(place, secret);
  const other = new RowSeal(Secret.take("storage key", bytes("other key")), systemRandom);
  assert.throws(
    () => other.open(place, sealed, "saved link"),
    (error) => hasCode(error, "STORE_SECRET_WRONG"),
  );
  const changed = Array.from(sealed.keys(), (i) => sealed.with(i, (sealed[i] ?? 0) ^ 1));
  const cut = Array.from(sealed.keys(), (length) => sealed.subarray(0, length));
  for (const wrong of [...changed, ...cut]) {
    assert.throws(
      () => sampleSeal().open(place, wrong, "saved link"),
      (error) => hasCode(error, "STORE_SECRET_WRONG"),
    );
  }
});

test("the same secret is sealed to other bytes each time", () => {
  const seal = sampleSeal();
  assert.equal(equalBytes(seal.seal(place, secret), seal.seal(place, secret)), false);
});

test("each row has a key of its own: HKDF-Expand (RFC 5869) of the storage key and the place", () => {
  const sealed = sampleSeal().seal(place, secret);
  const externalAad = encode(["Sealane", 1, "row", place.table, place.row]);
  const key = createHmac("sha256", bytes("storage key")).update(externalAad).update(Uint8Array.of(1)).digest();
  assert.equal(equalBytes(openUnderKey(key, { value: decode(sealed, 1_000), externalAad }), bytes("secret")), true);
});
