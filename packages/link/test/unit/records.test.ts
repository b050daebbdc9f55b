import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret, defaultSuite as suite, systemRandom } from "@sealane/crypto";
import { type Established, establish, makePair, makeParty, originatorContext, recipientContext, testNowSeconds } from "@sealane/testkit";
import { artefactId, digest } from "@sealane/wire";
import { acceptMessage, ConfidentialLink, mechanisms, type UnconfirmedLink } from "../../src/index.ts";
import { flips } from "../changed-bytes.ts";
import { code } from "../codes.ts";

const now = testNowSeconds;
const data = new TextEncoder().encode("data");
const pair = await makePair();
const wish = { mechanism: "signed-transport", suite, originator: "terminal" } as const;

/** Both ends before the first record. */
async function begun(): Promise<{ readonly near: ConfidentialLink; readonly unconfirmed: UnconfirmedLink }> {
  const sent = await mechanisms["signed-transport"].originate(originatorContext(pair.terminal, pair.server), { suite });
  const accepted = await acceptMessage(recipientContext(pair.server, pair.authority), sent.message);
  assert.ok(sent.kind === "sent" && accepted.kind === "answered");
  const { link: near } = await sent.awaited.receive(recipientContext(pair.terminal, pair.authority), accepted.reply);
  assert.ok(near instanceof ConfidentialLink);
  return { near, unconfirmed: accepted.link };
}

async function linked(): Promise<{ readonly near: ConfidentialLink; readonly far: ConfidentialLink }> {
  const { originator: near, recipient: far }: Established = await establish(pair, wish);
  return { near, far };
}

test("EQ5: the first record must prove the originator's key and stand first", async () => {
  const { near, unconfirmed } = await begun();
  const first = near.seal(data, now);
  const second = near.seal(data, now);
  assert.throws(() => unconfirmed.confirm(second, now), code("LINK_RECORD_OUT_OF_ORDER"));
  for (const { changed } of flips(first, 1)) {
    assert.throws(() => unconfirmed.confirm(changed, now), code(/^(WIRE|LINK)_/));
  }
  const { link: far } = unconfirmed.confirm(first, now);
  assert.equal(Buffer.from(far.open(second, now)).toString(), "data");
});

test("FAST: records are taken in order, once, and only from the other side", async () => {
  const { near, far } = await linked();
  const one = near.seal(data, now);
  const two = near.seal(data, now);
  assert.throws(() => far.open(two, now), code("LINK_RECORD_OUT_OF_ORDER"));
  far.open(one, now);
  assert.throws(() => far.open(one, now), code("LINK_RECORD_OUT_OF_ORDER"));
  far.open(two, now);
  const reply = far.seal(data, now);
  const copy = ConfidentialLink.load(far.save());
  assert.throws(() => copy.open(reply, now), code(/^LINK_RECORD/));
  near.open(reply, now);
});

test("FAST: a record that fails leaves the link as it was", async () => {
  const { near, far } = await linked();
  const record = near.seal(data, now);
  for (const { changed } of flips(record, 1)) {
    assert.throws(() => far.open(changed, now), code(/^(WIRE|LINK_RECORD)_/));
  }
  for (let length = 0; length < record.length; length++) {
    assert.throws(() => far.open(record.subarray(0, length), now), code("WIRE_TRUNCATED"));
  }
  far.open(record, now);
});

test("FAST: a record of another link is refused", async () => {
  const one = await linked();
  const two = await linked();
  one.near.seal(data, now);
  assert.throws(() => two.far.open(one.near.seal(data, now), now), code(/^LINK_RECORD_(WRONG|OUT_OF_ORDER)$/));
  assert.throws(() => two.far.open(one.far.seal(data, now), now), code(/^LINK_RECORD_(WRONG|OUT_OF_ORDER)$/));
});

test("FAST: a record has a largest size", async () => {
  const { near, far } = await linked();
  assert.equal(far.open(near.seal(new Uint8Array(262_144), now), now).length, 262_144);
  assert.throws(() => near.seal(new Uint8Array(262_145), now), code("LINK_RECORD_TOO_LARGE"));
  assert.throws(() => far.open(new Uint8Array(270_000), now), code("WIRE_SIZE_EXCEEDED"));
});

test("UNI: a wrapped content key opens on its own link, for its own artefact and licence only", async () => {
  const { near, far } = await linked();
  const { near: stranger } = await linked();
  const contentKey = Secret.copy("content key", new Uint8Array(32).fill(9));
  const binding = {
    artefactId: artefactId(new Uint8Array(32).fill(1)),
    licenceDigest: digest(new Uint8Array(32).fill(2)),
    nowSeconds: now,
  };
  const wrap = far.wrap(contentKey, { ...binding, random: systemRandom });
  near.unwrap(wrap, binding).use((bytes) => assert.deepEqual(Buffer.from(bytes), Buffer.alloc(32, 9)));
  assert.throws(() => stranger.unwrap(wrap, binding), code("CRYPTO_OPEN_FAILED"));
  assert.throws(() => far.unwrap(wrap, binding), code("CRYPTO_OPEN_FAILED"));
  assert.throws(() => near.unwrap(wrap, { ...binding, artefactId: artefactId(new Uint8Array(32)) }), code("CRYPTO_OPEN_FAILED"));
  assert.throws(() => near.unwrap(wrap, { ...binding, licenceDigest: digest(new Uint8Array(32)) }), code("CRYPTO_OPEN_FAILED"));
  for (let length = 0; length < wrap.length; length++) {
    assert.throws(() => near.unwrap(wrap.subarray(0, length), binding), code(/^WIRE_/));
  }
});

test("KREP: a wiped link gives nothing any more", async () => {
  const { near } = await linked();
  near[Symbol.dispose]();
  assert.throws(() => near.seal(data, now), code("CRYPTO_SECRET_GONE"));
  assert.throws(() => near.save(), code("CRYPTO_SECRET_GONE"));
});

test("EQ5: two links of one pair never share a key or an id", async () => {
  const other = await makeParty(pair.authority, { name: "terminal-2", role: "terminal" });
  pair.server.known.push(other.signing);
  const ids = new Set<string>();
  for (const from of [pair.terminal, pair.terminal, other]) {
    const { message } = await mechanisms["signed-transport"].originate(originatorContext(from, pair.server), { suite });
    const accepted = await acceptMessage(recipientContext(pair.server, pair.authority), message);
    assert.ok(accepted.kind === "answered");
    ids.add(accepted.link.id.toHex());
  }
  assert.equal(ids.size, 3);
});
