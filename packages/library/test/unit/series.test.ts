import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { KeySeries, Secret } from "../../src/index.ts";
import { bytesOf, code, linkedPair, newWorld } from "../world.ts";

const lend = (key: Uint8Array): Uint8Array => Uint8Array.from(key);

describe("the series of session keys of a link", () => {
  test("KSER: both parties have the same keys, each another one, and a link gives them once", async () => {
    const { office, gateway } = await linkedPair(await newWorld());
    using sending = office.series();
    using receiving = gateway.series();
    const keys: string[] = [];
    for (let i = 0; i < 3; i++) {
      const { index, key } = sending.next();
      assert.equal(index, i);
      assert.deepEqual(receiving.use(index, lend), bytesOf(key));
      keys.push(bytesOf(key).toHex());
    }
    assert.equal(new Set(keys).size, 3);
    assert.deepEqual([sending.index, receiving.index], [3, 3]);
    assert.throws(() => office.series(), code("LINK_EXHAUSTED")); // it would give every key again
  });

  test("KSER: jumps forward by 64 and never back, and stays where it was when its user fails", async () => {
    const { office } = await linkedPair(await newWorld());
    using series = office.series();
    const fail = (): never => {
      throw new Error("forged");
    };
    assert.throws(() => series.use(5, fail), /forged/);
    assert.throws(() => series.use(65, lend), code("LINK_SERIES_OUT_OF_STEP"));
    series.use(64, lend);
    assert.equal(series.index, 65);
    assert.throws(() => series.use(64, lend), code("LINK_SERIES_OUT_OF_STEP"));
  });

  test("KSER KLIFE: is saved and loaded, ends with the link's key, and is wiped", async () => {
    const world = await newWorld();
    const { clock } = world.environment;
    const { office, gateway } = await linkedPair(world);
    const series = office.series();
    series.next();
    using there = KeySeries.load(series.save(), clock);
    assert.deepEqual(bytesOf(there.next().key), gateway.series().use(1, lend));
    series[Symbol.dispose]();
    assert.throws(() => series.next(), code("CRYPTO_SECRET_GONE"));
    assert.throws(() => KeySeries.load(Secret.take("saved series", new Uint8Array(1)), clock), code("LINK_STATE_WRONG"));
    clock.now = office.expiresAtSeconds + 1;
    assert.throws(() => there.next(), code("LINK_EXPIRED"));
    assert.throws(() => office.series(), code("LINK_EXPIRED"));
  });
});

test("KDER: both parties export the same key for a label and a context, and another one for others", async () => {
  const world = await newWorld();
  const { office, gateway } = await linkedPair(world);
  const inputs = [{ label: "disk" }, { label: "disk", context: new Uint8Array(1) }, { label: "disk", bytes: 64 }, { label: "radio" }];
  const keys = inputs.map((input) => bytesOf(office.exportKey(input)));
  assert.deepEqual(
    keys,
    inputs.map((input) => bytesOf(gateway.exportKey(input))),
  );
  assert.deepEqual(
    keys.map(({ length }) => length),
    [32, 32, 64, 32],
  );
  assert.equal(new Set(keys.map((key) => key.subarray(0, 32).toHex())).size, 4); // a longer one begins otherwise, too
  assert.throws(() => office.exportKey({ label: "disk", bytes: 8_161 }), code("CRYPTO_LENGTH_EXCEEDED"));
  world.environment.clock.now = office.expiresAtSeconds + 1;
  assert.throws(() => office.exportKey({ label: "disk" }), code("LINK_EXPIRED"));
});
