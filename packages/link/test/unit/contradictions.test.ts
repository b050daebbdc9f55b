import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  acceptingContext,
  certify,
  continuingContext,
  externalAadOf,
  makeGroup,
  makePair,
  openPart,
  type Party,
  sealPart,
  testNowSeconds,
  withBody,
  withHeader,
} from "@sealane/testkit";
import { type CborValue, decode, encode } from "@sealane/wire";
import { acceptMessage, decodeMessage, mainSigning, type RecipientContext } from "../../src/index.ts";
import { roleNumbers } from "../../src/labels.ts";
import { pad, unpad } from "../../src/padding.ts";
import { codeOf } from "../codes.ts";
import { changedItems, payloadOf, signedBy } from "../mallory.ts";
import { begin, partiesOf, run, type Way, waysOf } from "../ways.ts";

/** What an originator or recipient with right keys may say that contradicts itself, its certificates or the mechanism. */
const pair = await makePair();
const now = testNowSeconds;

/** M1 of recovered-transport with other claims under a right signature: [k, claims..., recipient's credential]. */
async function claiming(way: Way, change: (claims: readonly CborValue[]) => readonly CborValue[]): Promise<Uint8Array> {
  const { from, to } = partiesOf(pair, way);
  const { message } = await begin(pair, way);
  const opened = await openPart(message, to);
  const payload = changedItems(payloadOf(decode(opened, opened.length)), change);
  const signature = await signedBy(mainSigning(from.self), { payload, externalAad: externalAadOf(message) });
  return sealPart(message, { plaintext: encode(signature), to });
}

const place = {
  secret: 0,
  originator: 1,
  originatorCredential: 2,
  recipient: 3,
  issuedAt: 4,
  challenge: 5,
  expiresAt: 6,
  nonce: 7,
  keyExpiresAt: 8,
  receiveOnly: 9,
  licence: 10,
  recipientCredential: 11,
} as const;

describe("EQ2 EQ5 FTIME FCLOCK: claims under a right signature", () => {
  const challenge = new Uint8Array(32).fill(1);
  const cases: readonly (readonly [string, Partial<Record<keyof typeof place, CborValue>>, string])[] = [
    ["as they were", {}, "accepted"],
    ["for somebody else", { recipient: "other" }, "LINK_RECIPIENT_WRONG"],
    ["of somebody else", { originator: "other" }, "LINK_PEER_WRONG"],
    ["of a link that only receives", { receiveOnly: true }, "LINK_FIELD_WRONG"],
    ["with time and challenge", { challenge }, "LINK_FIELD_WRONG"],
    ["with neither", { issuedAt: null }, "LINK_FIELD_WRONG"],
    ["with an end before the beginning", { expiresAt: now - 1 }, "LINK_FIELD_WRONG"],
    ["of a time to come", { issuedAt: now + 61 }, "LINK_MESSAGE_FUTURE"],
    ["of the last second there is", { issuedAt: 2 ** 53 - 1 }, "LINK_MESSAGE_FUTURE"],
    ["of a negative time", { issuedAt: -1 }, "WIRE_SHAPE_WRONG"],
    ["of a key that has ended", { keyExpiresAt: now - 1 }, "LINK_MESSAGE_EXPIRED"],
    ["of a key that outlives its certificates", { keyExpiresAt: now + 366 * 86_400 }, "LINK_FIELD_WRONG"],
    ["with an empty licence", { licence: new Uint8Array(0) }, "WIRE_SHAPE_WRONG"],
    ["with a short nonce", { nonce: new Uint8Array(15) }, "WIRE_SHAPE_WRONG"],
    ["with a short number", { secret: new Uint8Array(31) }, "WIRE_SHAPE_WRONG"],
    ["with a long number", { secret: new Uint8Array(33) }, "WIRE_SHAPE_WRONG"],
    ["with a name that is none", { recipient: "Server" }, "WIRE_SHAPE_WRONG"],
    ["for another key", { recipientCredential: [0, new Uint8Array(32)] }, "LINK_RECIPIENT_WRONG"],
    ["for a pinned key", { recipientCredential: [1, new Uint8Array(32)] }, "LINK_RECIPIENT_WRONG"],
  ];
  for (const way of waysOf(({ mechanism, suite }) => mechanism.name === "recovered-transport" && suite.name === "x25519")) {
    for (const [title, change, expected] of cases) {
      test(`${way.ids}: claims ${title} end as ${expected} (begun by the ${way.originator})`, async () => {
        const { to } = partiesOf(pair, way);
        to.replay.entries.clear();
        const message = await claiming(way, (claims) => {
          const changed = [...claims];
          for (const [name, value] of Object.entries(change)) changed[place[name as keyof typeof place]] = value;
          return changed;
        });
        assert.equal(await codeOf(() => acceptMessage(acceptingContext(pair, way.originator), message)), expected);
        assert.equal(to.replay.entries.size, expected === "accepted" ? 1 : 0);
      });
    }

    test(`${way.ids}: claims with a field more or less are refused (begun by the ${way.originator})`, async () => {
      for (const change of [(claims: readonly CborValue[]) => [...claims, null], (claims: readonly CborValue[]) => claims.slice(0, -1)]) {
        const message = await claiming(way, change);
        assert.equal(await codeOf(() => acceptMessage(acceptingContext(pair, way.originator), message)), "WIRE_SHAPE_WRONG");
      }
    });

    test(`${way.ids}: originator and recipient of one name have no link (begun by the ${way.originator})`, async () => {
      const { to } = partiesOf(pair, way);
      // A server and a terminal may have certificates of one name; a link is between two.
      const own = await certify(pair.authority, { name: to.self.name, purpose: `${way.originator}-sign` });
      to.known.push(own.certificate);
      const signing = { key: own.key.signingKey(), certificate: own.certificate };
      const self = { ...partiesOf(pair, way).from.self, signing: [signing] };
      const sent = await begin(
        way.originator === "server" ? { ...pair, server: { ...pair.server, self } } : { ...pair, terminal: { ...pair.terminal, self } },
        way,
      );
      const opened = await openPart(sent.message, to);
      const payload = changedItems(payloadOf(decode(opened, opened.length)), (claims) => claims.with(place.originator, to.self.name));
      const signature = await signedBy(signing, { payload, externalAad: externalAadOf(sent.message) });
      const message = sealPart(sent.message, { plaintext: encode(signature), to });
      assert.equal(await codeOf(() => acceptMessage(acceptingContext(pair, way.originator), message)), "LINK_FIELD_WRONG");
    });
  }
});

describe("EQ3 EQ4 BCAST: claims of a broadcast under a right signature", () => {
  const cases: readonly (readonly [string, number, CborValue, string])[] = [
    ["as they were", 2, "same", "accepted"],
    ["of somebody else", 2, "other", "LINK_PEER_WRONG"],
    ["without an end", 6, null, "LINK_FIELD_WRONG"],
    ["without a time", 4, null, "LINK_FIELD_WRONG"],
    ["of a key that outlives its certificates", 8, now + 366 * 86_400, "LINK_FIELD_WRONG"],
    ["without a licence", 9, null, "WIRE_SHAPE_WRONG"],
    ["with an empty licence", 9, new Uint8Array(0), "WIRE_SHAPE_WRONG"],
    ["for one party", 1, "terminal-1", "WIRE_SHAPE_WRONG"],
  ];
  for (const way of waysOf(({ mechanism }) => mechanism.broadcast)) {
    test(`${way.ids} BCAST: what contradicts itself is refused, and remembered is nothing (${way.title})`, async () => {
      const { from, to } = partiesOf(pair, way);
      const group = makeGroup(way.suite, { expiresAtSeconds: now + 400 * 86_400 });
      const { message } = await begin(pair, way, { group });
      const original = payloadOf(decodeMessage(message).body);
      for (const [title, at, value, expected] of cases) {
        to.replay.entries.clear();
        const payload = changedItems(original, (claims) => (expected === "accepted" ? claims : claims.with(at, value)));
        const signature = await signedBy(mainSigning(from.self), { payload, externalAad: externalAadOf(message) });
        const context = { ...acceptingContext(pair, way.originator), groups: group.memberships };
        assert.equal(await codeOf(() => acceptMessage(context, withBody(message, signature))), expected, title);
        assert.equal(to.replay.entries.size, expected === "accepted" ? 1 : 0, title);
      }
    });
  }
});

describe("EQ1 EQ2 EQ4 EQ5 EQ6 EQ7 EQ7S EQ8 EQ11 EQ14 ANON: hints", () => {
  const ways = waysOf(
    ({ mechanism, form }) => !mechanism.broadcast && form !== "one-way" && (mechanism.name !== "mutual-agreement" || form === "signed"),
  );
  for (const way of ways) {
    test(`${way.ids} ANON: a terminal's key is never hinted at, a server's always (${way.title})`, async () => {
      const { steps } = await run(pair, way);
      for (const { message, name, give } of steps) {
        const hints = hintsOf(message);
        const isToServer = (name === "M1" || name === "M3") === (way.originator === "terminal");
        for (const hint of hints) assert.equal(hint !== null, isToServer, name);
        for (const [i] of hints.entries()) {
          const changed = withHint(message, i, isToServer ? null : new Uint8Array(8));
          const code = await codeOf(() => give(changed));
          assert.equal(
            code,
            way.mechanism.name === "mutual-certified" && code !== "LINK_FIELD_WRONG" ? "CRYPTO_SIGNATURE_WRONG" : "LINK_FIELD_WRONG",
            name,
          );
        }
      }
    });
  }

  /** A hint is a value of null or 8 bytes before P_X, or first in an agreement. */
  function hintsOf(message: Uint8Array): readonly CborValue[] {
    return placesOf(decodeMessage(message).body).map((path) => valueAt(decodeMessage(message).body, path));
  }

  function withHint(message: Uint8Array, index: number, hint: Uint8Array | null): Uint8Array {
    const { body } = decodeMessage(message);
    return withBody(message, exchanged(body, placesOf(body)[index] ?? assert.fail(), hint));
  }

  function placesOf(value: CborValue, path: readonly number[] = []): readonly (readonly number[])[] {
    if (!Array.isArray(value)) return [];
    const items = value as readonly CborValue[];
    return items.flatMap((item, at) => {
      const next = items[at + 1];
      const isHint =
        (item === null || (item instanceof Uint8Array && item.length === 8)) &&
        (next === "plain" || next === "encrypted" || isEncrypted(next));
      return isHint ? [[...path, at]] : placesOf(item, [...path, at]);
    });
  }

  function isEncrypted(value: CborValue | undefined): boolean {
    return Array.isArray(value) && value.length === 3 && value[1] instanceof Map && value[2] instanceof Uint8Array;
  }

  function valueAt(value: CborValue, path: readonly number[]): CborValue {
    return path.reduce((inner, at) => (inner as readonly CborValue[])[at] ?? null, value);
  }

  function exchanged(value: CborValue, [at, ...rest]: readonly number[], by: CborValue): CborValue {
    if (at === undefined) return by;
    const items = value as readonly CborValue[];
    return items.with(at, exchanged(items[at] ?? null, rest, by));
  }
});

describe("EQ1 EQ2 EQ5 EQ8 EQ11 EQ14: another key of the same party", () => {
  /** The party with a second decryption key, the one before its current one. */
  async function withSecondKey(party: Party): Promise<{ readonly both: Party; readonly second: Party }> {
    const { role, name } = party.self;
    const made = await certify(pair.authority, { name, purpose: `${role}-decrypt`, kind: "x25519" });
    const key = { key: made.key.decryptionKey(), certificate: made.certificate };
    const [first] = party.self.decryption.filter((own) => own.key.publicKey.kind === "x25519");
    const both = { ...party, self: { ...party.self, decryption: [first ?? assert.fail(), key] } };
    return { both, second: { ...party, self: { ...party.self, decryption: [key] }, certificates: [made.certificate] } };
  }

  const bound: Readonly<Record<string, string>> = {
    "signed-transport": "CRYPTO_SIGNATURE_WRONG",
    "recovered-transport": "LINK_RECIPIENT_WRONG",
    "mutual-certified": "CRYPTO_SIGNATURE_WRONG",
  };
  for (const way of waysOf(({ mechanism, suite }) => suite.name === "x25519" && bound[mechanism.name] !== undefined)) {
    test(`${way.ids}: M1 is signed for the key that it is encrypted to (${way.title})`, async () => {
      const { to } = partiesOf(pair, way);
      const { both, second } = await withSecondKey(to);
      const { message } = await begin(pair, way);
      const moved = sealPart(message, { plaintext: await openPart(message, both), to: second });
      const context: RecipientContext = { ...acceptingContext(pair, way.originator), self: both.self };
      assert.equal(await codeOf(() => acceptMessage(context, moved)), bound[way.mechanism.name]);
      assert.equal(await codeOf(() => acceptMessage(context, message)), "accepted");
    });
  }

  for (const way of waysOf(
    ({ mechanism, suite, form }) => suite.name === "x25519" && (mechanism.name === "mutual-nonce" || form === "signed"),
  )) {
    test(`${way.ids}: M2 is for the key that M1 named (${way.title})`, async () => {
      const { from } = partiesOf(pair, way);
      const { both, second } = await withSecondKey(from);
      const { steps, sent } = await run(pair, way);
      assert.ok(sent.kind === "sent");
      const message = steps[1]?.message ?? assert.fail();
      const moved = sealPart(message, { plaintext: await openPart(message, both), to: second });
      const near = {
        ...continuingContext(pair, { mechanism: way.mechanism.name, suite: way.suite, originator: way.originator }),
        self: both.self,
      };
      assert.equal(await codeOf(() => sent.awaited.receive(near, moved)), "LINK_RECIPIENT_WRONG");
      assert.equal(await codeOf(() => sent.awaited.receive(near, message)), "accepted");
    });

    test(`${way.ids}: each field of M2 is the one that M1 asked for (${way.title})`, async () => {
      const { from } = partiesOf(pair, way);
      const { steps } = await run(pair, way);
      const second = steps[1] ?? assert.fail();
      const plaintext = await openPart(second.message, from);
      const fields = decode(plaintext, plaintext.length) as readonly CborValue[];
      // What the recipient chooses: k2, or its share and nonce, and its time.
      const chosen = way.mechanism.name === "mutual-nonce" ? [4, 6] : [3, 6, 7];
      for (const [at, field] of fields.entries()) {
        if (chosen.includes(at)) continue;
        const forged = sealPart(second.message, { plaintext: encode(fields.with(at, otherThan(field))), to: from });
        assert.equal(await codeOf(() => second.give(forged)), "LINK_ANSWER_WRONG", `field ${at}`);
      }
    });
  }

  function otherThan(value: CborValue): CborValue {
    if (typeof value === "string") return "other";
    if (typeof value === "number") return value - 1;
    if (value instanceof Uint8Array) return value.map((byte, at) => (at === 0 ? byte ^ 1 : byte));
    return (value as readonly CborValue[]).map((item) => (item instanceof Uint8Array ? otherThan(item) : item));
  }
});

test("EQ6 DIR: a server that sends anonymous-transport to a terminal is refused", async () => {
  for (const way of waysOf(({ mechanism }) => mechanism.name === "anonymous-transport")) {
    const { message } = await begin(pair, way, { options: { omit: ["recipient"] } });
    const content = unpad(await openPart(message, pair.server));
    const mirrored = withHeader(message, { sender: roleNumbers.server });
    const forged = sealPart(mirrored, { plaintext: pad(content), to: pair.terminal });
    assert.equal(await codeOf(() => acceptMessage(acceptingContext(pair, "server"), forged)), "LINK_MECHANISM_UNKNOWN");
    const named = changedItems(content, (items) => items.with(1, "other"));
    const other = sealPart(message, { plaintext: pad(named), to: pair.server });
    assert.equal(await codeOf(() => acceptMessage(acceptingContext(pair, "terminal"), other)), "LINK_RECIPIENT_WRONG");
  }
});

test("EQ7 DIR: an anonymous value that is meant for another name is refused", async () => {
  for (const way of waysOf(({ mechanism, form }) => mechanism.name === "anonymous-agreement" && form === "encrypted")) {
    const { to } = partiesOf(pair, way);
    const { message } = await begin(pair, way);
    const named = changedItems(unpad(await openPart(message, to)), (items) => items.with(1, "other"));
    const forged = sealPart(message, { plaintext: pad(named), to });
    assert.equal(await codeOf(() => acceptMessage(acceptingContext(pair, way.originator), forged)), "LINK_RECIPIENT_WRONG");
  }
});

test("EQ8 DIR: an originator of the recipient's own name is refused", async () => {
  for (const way of waysOf(
    ({ mechanism, form }) => mechanism.name === "mutual-nonce" || (mechanism.name === "mutual-agreement" && form === "signed"),
  )) {
    const { to } = partiesOf(pair, way);
    const { message } = await begin(pair, way);
    const named = changedItems(await openPart(message, to), (items) => items.with(0, to.self.name));
    const forged = sealPart(message, { plaintext: named, to });
    assert.equal(await codeOf(() => acceptMessage(acceptingContext(pair, way.originator), forged)), "LINK_FIELD_WRONG");
  }
});
