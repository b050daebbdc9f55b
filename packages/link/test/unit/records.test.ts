import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret, defaultSuite as suite, systemRandom } from "@sealane/crypto";
import { makePair, makeParty, originatorContext, recipientContext, testNowSeconds } from "@sealane/testkit";
import { artefactId, digest, SealaneError } from "@sealane/wire";
import { acceptMessage, ConfidentialLink, mechanisms } from "../../src/index.ts";

const now = testNowSeconds;
const data = new TextEncoder().encode("data");

function code(expected: RegExp): (error: unknown) => boolean {
  return (error) => (error instanceof SealaneError && expected.test(error.code) ? true : assert.fail(String(error)));
}

async function establish() {
  const pair = await makePair();
  const { message, awaited } = await mechanisms["signed-transport"].originate(originatorContext(pair.terminal, pair.server), { suite });
  const { answer, link: unconfirmed } = await acceptMessage(recipientContext(pair.server, pair.authority), message);
  return { pair, near: awaited.receive(answer, now), unconfirmed };
}

async function establishConfirmed() {
  const { near, unconfirmed } = await establish();
  const { link: far } = unconfirmed.confirm(near.seal(data, now), now);
  return { near, far };
}

test("EQ5: the first record must prove the originator's key and stand first", async () => {
  const { near, unconfirmed } = await establish();
  const first = near.seal(data, now);
  const second = near.seal(data, now);
  assert.throws(() => unconfirmed.confirm(second, now), code(/^LINK_RECORD_OUT_OF_ORDER$/));
  for (let bit = 0; bit < first.length * 8; bit++) {
    const changed = Uint8Array.from(first);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.throws(() => unconfirmed.confirm(changed, now), code(/^(WIRE|LINK)_/));
  }
  const { link: far } = unconfirmed.confirm(first, now);
  assert.equal(Buffer.from(far.open(second, now)).toString(), "data");
});

test("FAST: records are taken in order, once, and only from the other side", async () => {
  const { near, far } = await establishConfirmed();
  const one = near.seal(data, now);
  const two = near.seal(data, now);
  assert.throws(() => far.open(two, now), code(/^LINK_RECORD_OUT_OF_ORDER$/));
  far.open(one, now);
  assert.throws(() => far.open(one, now), code(/^LINK_RECORD_OUT_OF_ORDER$/));
  far.open(two, now);
  const reply = far.seal(data, now);
  const copy = ConfidentialLink.load(far.save());
  assert.throws(() => copy.open(reply, now), code(/^LINK_RECORD/));
  near.open(reply, now);
});

test("FAST: a record that fails leaves the link as it was", async () => {
  const { near, far } = await establishConfirmed();
  const record = near.seal(data, now);
  const changed = Uint8Array.from(record);
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
  assert.throws(() => far.open(changed, now), code(/^LINK_RECORD_WRONG$/));
  far.open(record, now);
});

test("FAST: a record of another link is refused", async () => {
  const one = await establishConfirmed();
  const two = await establishConfirmed();
  assert.throws(() => two.far.open(one.near.seal(data, now), now), code(/^LINK_RECORD_WRONG$/));
});

test("FAST: a record has a largest size", async () => {
  const { near, far } = await establishConfirmed();
  assert.equal(far.open(near.seal(new Uint8Array(65_536), now), now).length, 65_536);
  assert.throws(() => near.seal(new Uint8Array(65_537), now), code(/^LINK_RECORD_TOO_LARGE$/));
  assert.throws(() => far.open(new Uint8Array(70_000), now), code(/^WIRE_SIZE_EXCEEDED$/));
});

test("UNI: a wrapped content key opens on its own link, for its own artefact and licence only", async () => {
  const { near, far } = await establishConfirmed();
  const { near: stranger } = await establishConfirmed();
  const contentKey = Secret.copy("content key", new Uint8Array(32).fill(9));
  const binding = {
    artefactId: artefactId(new Uint8Array(32).fill(1)),
    licenceDigest: digest(new Uint8Array(32).fill(2)),
    nowSeconds: now,
  };
  const wrap = far.wrap(contentKey, { ...binding, random: systemRandom });
  near.unwrap(wrap, binding).use((bytes) => assert.deepEqual(Buffer.from(bytes), Buffer.alloc(32, 9)));
  assert.throws(() => stranger.unwrap(wrap, binding), code(/^CRYPTO_OPEN_FAILED$/));
  assert.throws(() => far.unwrap(wrap, binding), code(/^CRYPTO_OPEN_FAILED$/));
  assert.throws(() => near.unwrap(wrap, { ...binding, artefactId: artefactId(new Uint8Array(32)) }), code(/^CRYPTO_OPEN_FAILED$/));
  assert.throws(() => near.unwrap(wrap, { ...binding, licenceDigest: digest(new Uint8Array(32)) }), code(/^CRYPTO_OPEN_FAILED$/));
  for (let length = 0; length < wrap.length; length++) {
    assert.throws(() => near.unwrap(wrap.subarray(0, length), binding), code(/^WIRE_/));
  }
});

test("KREP: a wiped link gives nothing any more", async () => {
  const { near } = await establishConfirmed();
  near[Symbol.dispose]();
  assert.throws(() => near.seal(data, now), code(/^CRYPTO_SECRET_GONE$/));
  assert.throws(() => near.save(), code(/^CRYPTO_SECRET_GONE$/));
});

test("EQ5: two links of one pair never share a key or an id", async () => {
  const pair = await makePair();
  const other = await makeParty(pair.authority, { name: "terminal-2", role: "terminal" });
  pair.server.known.push(other.signing);
  const ids = new Set<string>();
  for (const from of [pair.terminal, pair.terminal, other]) {
    const { message } = await mechanisms["signed-transport"].originate(originatorContext(from, pair.server), { suite });
    const { link } = await acceptMessage(recipientContext(pair.server, pair.authority), message);
    ids.add(link.id.toHex());
  }
  assert.equal(ids.size, 3);
});
