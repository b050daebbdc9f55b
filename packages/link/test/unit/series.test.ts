import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Secret, standardSuites } from "@sealane/crypto";
import { type Established, establish, makePair, testNowSeconds } from "@sealane/testkit";
import { ConfidentialLink, KeySeries } from "../../src/index.ts";
import { flips } from "../changed-bytes.ts";
import { code } from "../codes.ts";
import { type Way, waysOf } from "../ways.ts";

const now = testNowSeconds;
const pair = await makePair();

async function linked(way?: Way, options: { readonly keyLifeSeconds?: number } = {}): Promise<Established> {
  const suite = way?.suite ?? standardSuites[1] ?? assert.fail();
  const mechanism = way?.mechanism.name ?? "signed-transport";
  const originator = way?.originator ?? "terminal";
  return await establish(pair, { mechanism, suite, originator, options: { ...way?.options, ...options } });
}

async function seriesOf(): Promise<{ readonly sender: KeySeries; readonly receiver: KeySeries }> {
  const { originator, recipient } = await linked();
  return { sender: originator.series(now), receiver: recipient.series(now) };
}

function hex(key: Secret): string {
  return key.use((bytes) => Buffer.from(bytes).toString("hex"));
}

function asHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function saved(series: KeySeries): string {
  return hex(series.save());
}

describe("EQ1 EQ2 EQ4 EQ5 EQ6 EQ7 EQ7S EQ8 EQ11 EQ14 KSER KDER: both ends", () => {
  for (const way of waysOf(({ mechanism, form }) => !mechanism.broadcast && form !== "unsigned")) {
    test(`${way.ids} KSER KDER: both ends make the same series and exported keys, like nobody else (${way.title})`, async () => {
      const seen = new Set<string>();
      for (const { originator, recipient } of [await linked(way), await linked(way)]) {
        const [sender, receiver] = [originator.series(now), recipient.series(now)];
        for (let i = 0; i < 5; i++) {
          const { index, key } = sender.next(now);
          assert.equal(index, i);
          assert.equal(receiver.use(index, now, asHex), hex(key));
          assert.ok(!seen.has(hex(key)));
          seen.add(hex(key));
        }
        const input = { label: "app", context: Uint8Array.of(1), length: 32, nowSeconds: now };
        const [one, other] = [originator.exportKey(input), recipient.exportKey(input)];
        assert.equal(hex(one), hex(other));
        assert.ok(!seen.has(hex(one)));
        seen.add(hex(one));
      }
    });
  }
});

test("KSER: a receiver follows a jump of at most 64, and never goes back", async () => {
  const { sender, receiver } = await seriesOf();
  const keys = Array.from({ length: 200 }, () => hex(sender.next(now).key));
  assert.throws(() => receiver.use(65, now, asHex), code("LINK_SERIES_OUT_OF_STEP"));
  assert.equal(receiver.use(64, now, asHex), keys[64]);
  assert.equal(receiver.index, 65);
  for (const behind of [64, 63, 0, -1, 0.5, Number.NaN, 2 ** 53, 65 + 65]) {
    assert.throws(() => receiver.use(behind, now, asHex), code("LINK_SERIES_OUT_OF_STEP"), `${behind}`);
  }
  assert.equal(receiver.use(65, now, asHex), keys[65]);
  assert.equal(receiver.use(66 + 64, now, asHex), keys[130]);
  assert.equal(new Set(keys).size, 200);
});

test("KSER: a message that does not open changes nothing", async () => {
  const { sender, receiver } = await seriesOf();
  const before = saved(receiver);
  for (const index of [0, 1, 64]) {
    assert.throws(
      () =>
        receiver.use(index, now, () => {
          throw new Error("forged");
        }),
      /forged/,
    );
    assert.equal(saved(receiver), before);
  }
  assert.equal(receiver.use(0, now, asHex), hex(sender.next(now).key));
});

test("KSER: a key is lent: what kept it holds zeros", async () => {
  const { sender, receiver } = await seriesOf();
  const kept = receiver.use(0, now, (key) => key);
  assert.deepEqual(Buffer.from(kept), Buffer.alloc(32));
  sender[Symbol.dispose]();
  assert.throws(() => sender.next(now), code("CRYPTO_SECRET_GONE"));
  assert.throws(() => sender.save(), code("CRYPTO_SECRET_GONE"));
});

test("KSER: a series saved after each key never gives one twice, across any number of restarts", async () => {
  const { sender, receiver } = await seriesOf();
  let [from, to] = [sender, receiver];
  const seen = new Set<string>();
  for (let i = 0; i < 100; i++) {
    const { index, key } = from.next(now);
    from = KeySeries.load(from.save());
    assert.equal(from.index, i + 1);
    assert.ok(!seen.has(hex(key)));
    seen.add(hex(key));
    if (i % 3 === 0) assert.equal(to.use(index, now, asHex), hex(key));
    to = KeySeries.load(to.save());
  }
});

test("KSER: a link gives its series once, also after it was saved", async () => {
  const { originator, recipient } = await linked();
  originator.series(now);
  assert.throws(() => originator.series(now), code("LINK_EXHAUSTED"));
  assert.throws(() => ConfidentialLink.load(originator.save()).series(now), code("LINK_EXHAUSTED"));
  ConfidentialLink.load(recipient.save()).series(now);
});

test("KSER: what was used cannot be found from what is kept", async () => {
  const { sender } = await seriesOf();
  const used = Array.from({ length: 70 }, () => hex(sender.next(now).key));
  const state = saved(sender);
  for (const key of used) assert.ok(!state.includes(key));
  // Going on from the kept state gives later keys only.
  const later = KeySeries.load(sender.save());
  for (let i = 0; i < 64; i++) assert.ok(!used.includes(hex(later.next(now).key)));
});

test("KSER KLIFE: a series ends with its link, to the second, and after its last index", async () => {
  const { originator, recipient } = await linked(undefined, { keyLifeSeconds: 100 });
  const [sender, receiver] = [originator.series(now + 100), recipient.series(now)];
  const { key } = sender.next(now + 100);
  assert.equal(receiver.use(0, now + 100, asHex), hex(key));
  for (const late of [now + 101, Number.NaN]) {
    assert.throws(() => sender.next(late), code("LINK_EXPIRED"));
    assert.throws(() => receiver.use(1, late, asHex), code("LINK_EXPIRED"));
    assert.throws(() => recipient.series(late), code("LINK_EXPIRED"));
  }
  const { sender: other } = await seriesOf();
  const bytes = other.save().use((held) => Uint8Array.from(held));
  // [kind, suite, th, ratchet, index, expiry]: the index 0 stands as one byte before the expiry of five.
  const at = bytes.length - 6;
  assert.equal(bytes[at], 0);
  const atEnd = Uint8Array.from([...bytes.subarray(0, at), 0x1a, 0xff, 0xff, 0xff, 0xff, ...bytes.subarray(at + 1)]);
  const last = KeySeries.load(Secret.take("saved series", atEnd));
  assert.equal(last.index, 2 ** 32 - 1);
  assert.equal(last.next(now).index, 2 ** 32 - 1);
  assert.throws(() => last.next(now), code("LINK_EXHAUSTED"));
  assert.throws(() => last.use(2 ** 32, now, asHex), code("LINK_EXHAUSTED"));
});

test("KSER: a saved series that was damaged does not load, or is another one", async () => {
  const { sender } = await seriesOf();
  const bytes = sender.save().use((held) => Uint8Array.from(held));
  const own = hex(KeySeries.load(sender.save()).next(now).key);
  for (const { changed } of flips(bytes, 1)) {
    try {
      const series = KeySeries.load(Secret.copy("saved series", changed));
      // The store is trusted to keep it whole: what changed it has changed its keys, its index or its end.
      const isSame = series.index === 0 && hex(series.next(0).key) === own;
      const isEnd = isSame && saved(series) !== saved(sender);
      assert.ok(!isSame || isEnd);
    } catch (error) {
      assert.ok(code("LINK_STATE_WRONG")(error));
    }
  }
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => KeySeries.load(Secret.copy("saved series", bytes.subarray(0, length))), code("LINK_STATE_WRONG"));
  }
  const { originator } = await linked();
  const other = originator.save().use((held) => Secret.copy("saved series", held));
  assert.throws(() => KeySeries.load(other), code("LINK_STATE_WRONG"));
});
