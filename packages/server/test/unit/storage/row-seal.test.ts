import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { openUnderKey, sealUnderKey } from "@sealane/cose";
import { Secret, systemRandom } from "@sealane/crypto";
import { type CborValue, decode, encode, equalBytes, hasCode } from "@sealane/wire";
import type { RowSeal } from "../../../src/storage/row-seal.ts";
import { bytes, now, sampleFile, sampleSeal, sealOf } from "./samples.ts";

const place = { table: "links", row: bytes("row") };
const secret = Secret.take("saved link", bytes("secret"));

function refuses(seal: RowSeal, sealed: Uint8Array, at = place): void {
  assert.throws(
    () => seal.open(at, sealed, "saved link"),
    (error) => hasCode(error, "STORE_SECRET_WRONG"),
  );
}

function isSecret(opened: Secret | null): boolean {
  return opened?.use((value) => equalBytes(value, bytes("secret"))) === true;
}

test("KREP: a sealed secret opens at its own place only", () => {
  const sealed = sampleSeal.seal(place, secret, now + 100);
  assert.ok(isSecret(sampleSeal.open(place, sealed, "saved link")));
  refuses(sampleSeal, sealed, { ...place, table: "pending_links" });
  refuses(sampleSeal, sealed, { ...place, row: bytes("other") });
});

test("KREP: a secret under another storage key or other row keys, changed or cut is refused", async () => {
  const sealed = sampleSeal.seal(place, secret, now + 100);
  refuses(await sealOf("other key"), sealed);
  refuses(await sealOf("storage key", "other.key"), sealed);
  const cut = Array.from(sealed.keys(), (length) => sealed.subarray(0, length));
  for (const wrong of cut) refuses(sampleSeal, wrong);
  for (const i of sealed.keys()) {
    const changed = sealed.with(i, (sealed[i] ?? 0) ^ 1);
    // The period is in clear: of one that is over, or too far ahead, there is no key.
    const opened = opening(() => sampleSeal.open(place, changed, "saved link"));
    assert.ok(opened === "STORE_SECRET_WRONG" || opened === null, `byte ${i}`);
  }
});

function opening(work: () => Secret | null): Secret | string | null {
  try {
    return work();
  } catch (error) {
    return hasCode(error, "STORE_SECRET_WRONG") ? "STORE_SECRET_WRONG" : "another error";
  }
}

test("KREP: the same secret is sealed to other bytes each time", () => {
  assert.equal(equalBytes(sampleSeal.seal(place, secret, now), sampleSeal.seal(place, secret, now)), false);
});

test("KREP: a secret opens until its period is over, and with nothing that is left afterwards", async () => {
  const seal = await sealOf("storage key", "forgetting.key");
  const end = now + 3_600;
  const sealed = seal.seal(place, secret, end);
  const longer = seal.seal(place, secret, end + 86_400);
  await seal.forget(end);
  assert.ok(isSecret(seal.open(place, sealed, "saved link")));
  await seal.forget(end + 600);
  assert.equal(seal.open(place, sealed, "saved link"), null);
  assert.ok(isSecret(seal.open(place, longer, "saved link")));
  // Whoever takes the folder now, and sets his clock back, has no more.
  const thief = await sealOf("storage key", "forgetting.key");
  assert.equal(thief.open(place, sealed, "saved link"), null);
  assert.ok(isSecret(thief.open(place, longer, "saved link")));
  // What ended already is sealed all the same, for as long as this period lasts.
  assert.ok(isSecret(seal.open(place, seal.seal(place, secret, now), "saved link")));
});

test("KREP: each row has a key of its own: HKDF (RFC 5869) of the storage key, the period's key and the place", async () => {
  const seal = await sealOf("storage key", "first.key");
  const { period, value } = parts(seal.seal(place, secret, now + 1_200));
  const { key: first, period: firstPeriod } = await keyFile("first.key");
  assert.equal(period, Math.floor((now + 1_200) / 600));
  assert.equal(firstPeriod, Math.floor(now / 600));
  const next = encode(["Sealane", 1, "row key", "next"]);
  let periodKey: Uint8Array = first;
  for (let at = firstPeriod; at < period; at++) periodKey = createHmac("sha256", periodKey).update(next).update(Uint8Array.of(1)).digest();
  const externalAad = encode(["Sealane", 2, "row", place.table, place.row, period]);
  const extracted = createHmac("sha256", periodKey).update(bytes("storage key")).digest();
  const key = createHmac("sha256", extracted).update(externalAad).update(Uint8Array.of(1)).digest();
  assert.equal(equalBytes(openUnderKey(key, { value, externalAad }), bytes("secret")), true);
});

test("KREP: what the version before sealed under the storage key alone still opens", () => {
  const externalAad = encode(["Sealane", 1, "row", place.table, place.row]);
  const key = createHmac("sha256", bytes("storage key")).update(externalAad).update(Uint8Array.of(1)).digest();
  const sealed = encode(sealUnderKey(key, systemRandom, { plaintext: bytes("secret"), externalAad }));
  assert.ok(isSecret(sampleSeal.open(place, sealed, "saved link")));
  refuses(sampleSeal, sealed, { ...place, table: "pending_links" });
});

function parts(sealed: Uint8Array): { readonly period: number; readonly value: CborValue } {
  const decoded = decode(sealed, 1_000);
  assert.ok(Array.isArray(decoded) && decoded.length === 2);
  const [period, value] = decoded;
  assert.ok(typeof period === "number" && value !== undefined);
  return { period, value };
}

async function keyFile(name: string): Promise<{ readonly period: number; readonly key: Uint8Array }> {
  const decoded = decode(await sampleFile(name), 64);
  assert.ok(Array.isArray(decoded));
  const [, period, key] = decoded;
  assert.ok(typeof period === "number" && key instanceof Uint8Array);
  return { period, key };
}
