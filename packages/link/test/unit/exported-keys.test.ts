import assert from "node:assert/strict";
import { test } from "node:test";
import { type Secret, standardSuites } from "@sealane/crypto";
import { type Established, establish, makePair, testNowSeconds } from "@sealane/testkit";
import { concatBytes } from "@sealane/wire";
import { expandKey } from "../../src/key-schedule.ts";
import { purpose } from "../../src/labels.ts";
import { loadLinkState } from "../../src/link-state.ts";
import { code } from "../codes.ts";

const now = testNowSeconds;
const pair = await makePair();
const utf8 = new TextEncoder();

async function linked(keyLifeSeconds = 3_600): Promise<Established> {
  const [suite] = standardSuites;
  assert.ok(suite !== undefined);
  return await establish(pair, { mechanism: "signed-transport", suite, originator: "terminal", options: { keyLifeSeconds } });
}

function hex(key: Secret): string {
  return key.use((bytes) => Buffer.from(bytes).toString("hex"));
}

test("KDER: label, context and length each give another key, at both ends the same", async () => {
  const { originator, recipient } = await linked();
  const seen = new Map<string, string>();
  for (const label of ["", "a", "ab", "exporter", "link id", "content wrap key"]) {
    for (const context of ["", "a", "b", "ba", "\u0000"]) {
      for (const length of [16, 31, 32, 33, 64, 8_160]) {
        const input = { label, context: utf8.encode(context), length, nowSeconds: now };
        const [one, other] = [originator.exportKey(input), recipient.exportKey(input)];
        assert.equal(one.length, length);
        assert.equal(hex(one), hex(other));
        // Not even a beginning is shared: the shortest has 16 bytes.
        const beginning = hex(one).slice(0, 32);
        assert.equal(seen.get(beginning), undefined, `${label} ${context} ${length}`);
        seen.set(beginning, label);
      }
    }
  }
});

test("KDER: an exported key is none of the keys of the link", async () => {
  const { originator } = await linked();
  const state = loadLinkState(originator.save());
  const names = [
    ...Object.values(purpose.recordKey),
    ...Object.values(purpose.recordIv),
    ...Object.values(purpose.confirmation),
    purpose.wrapKey,
    purpose.linkId,
    purpose.seriesSeed,
    purpose.exporter,
  ];
  const keys = state.prk.use((prk) =>
    names.map((name) => Buffer.from(expandKey(prk, { purpose: name, suite: state.suite, th: state.th, length: 32 })).toString("hex")),
  );
  assert.equal(new Set(keys).size, names.length);
  const secret = state.prk.use((prk) => Buffer.from(prk).toString("hex"));
  for (const label of names) {
    for (const context of [new Uint8Array(0), utf8.encode(label), concatBytes(utf8.encode(label), Uint8Array.of(0))]) {
      const exported = hex(originator.exportKey({ label, context, length: 32, nowSeconds: now }));
      assert.ok(!keys.includes(exported) && exported !== secret);
    }
  }
  assert.ok(!keys.includes(hex(originator.series(now).next(now).key)));
});

test("KDER KLIFE: no key is exported after the link's end, nor of a length that cannot be", async () => {
  const { originator } = await linked(100);
  const input = { label: "a", context: new Uint8Array(0), length: 32 };
  originator.exportKey({ ...input, nowSeconds: now + 100 });
  for (const nowSeconds of [now + 101, Number.NaN]) {
    assert.throws(() => originator.exportKey({ ...input, nowSeconds }), code("LINK_EXPIRED"));
  }
  for (const length of [0, -1, 8_161, 0.5, Number.NaN]) {
    assert.throws(() => originator.exportKey({ ...input, length, nowSeconds: now }), code("CRYPTO_LENGTH_EXCEEDED"), `${length}`);
  }
  originator[Symbol.dispose]();
  assert.throws(() => originator.exportKey({ ...input, nowSeconds: now }), code("CRYPTO_SECRET_GONE"));
});
