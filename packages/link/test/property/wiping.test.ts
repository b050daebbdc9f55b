import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import { type MaybePromise, type Randomness, type SigningKey, suites, systemRandom } from "@sealane/crypto";
import { continuingContext, makeGroup, makePair, originate, type Pair } from "@sealane/testkit";
import { type AcceptedLink, acceptMessage, type OriginatedLink, type Role } from "../../src/index.ts";
import { accepting, licence, thirdContent, waysOf, wishOf } from "../ways.ts";

/** Randomness that keeps what it gave out, so that a test sees whether it was wiped. */
class Watched implements Randomness {
  readonly given: Uint8Array[] = [];

  bytes(length: number): Uint8Array {
    const bytes = systemRandom.bytes(length);
    this.given.push(bytes);
    return bytes;
  }

  /** What was given out with 32 bytes (numbers, seeds, ephemeral keys), is still there and is in none of the messages. */
  leftover(messages: readonly Uint8Array[]): number {
    const secrets = this.given.filter((bytes) => bytes.length === 32 && bytes.some((byte) => byte !== 0));
    return secrets.filter((bytes) => !messages.some((message) => Buffer.from(message).includes(bytes))).length;
  }
}

const pair = await makePair(suites);

const failed = (): never => {
  throw new Error("the token is gone");
};

/** The pair with other handles of one party's signing keys. */
function pairWith(role: Role, change: (key: SigningKey) => SigningKey): Pair {
  const party = pair[role];
  const signing = party.self.signing.map(({ key, certificate }) => ({ key: change(key), certificate }));
  return { ...pair, [role]: { ...party, self: { ...party.self, signing } } };
}

test("EQ2 EQ5 KREP: a signature that gives the number back is wiped with it", async () => {
  for (const way of waysOf(({ mechanism }) => mechanism.name === "recovered-transport", suites)) {
    const made: Uint8Array[] = [];
    const keeping = (sign: (input: Uint8Array) => MaybePromise<Uint8Array>) => async (input: Uint8Array) => {
      const signature = await sign(input);
      made.push(signature);
      return signature;
    };
    const watched = pairWith(way.originator, (key) => {
      const { sign, signBlock } = key;
      return { ...key, sign: keeping(sign), ...(signBlock === undefined ? {} : { signBlock: keeping(signBlock) }) };
    });
    await originate(watched, wishOf(way));
    assert.equal(made.length, 1);
    assert.ok(
      made[0]?.every((byte) => byte === 0),
      way.title,
    );
  }
});

describe("EQ1 EQ2 EQ3 EQ4 EQ5 EQ6 EQ7 EQ7S EQ8 EQ11 EQ14 KREP: what is left of secrets", () => {
  for (const way of waysOf(() => true, suites)) {
    test(`${way.ids} KREP: of the numbers and exponents behind a link nothing is left at either end (${way.title})`, async () => {
      const group = makeGroup(way.suite);
      const [near, far] = [new Watched(), new Watched()];
      const wish = wishOf(way, { licence, group: group.record });
      const sent: OriginatedLink = await originate(pair, wish, { random: near });
      const accepted: AcceptedLink = await acceptMessage(accepting(pair, way, { group, moment: { random: far } }), sent.message);
      const messages = [sent.message];
      if (sent.kind !== "broadcast" && accepted.kind !== "broadcast") {
        const { message } = await sent.awaited.receive(continuingContext(pair, wish, { random: near }), accepted.reply, thirdContent);
        messages.push(accepted.reply, ...(message === null ? [] : [message]));
        if (accepted.kind === "waiting") {
          await accepted.awaited.receive(accepting(pair, way, { moment: { random: far } }), message ?? assert.fail());
        }
      }
      assert.ok(near.given.length > 0);
      assert.equal(near.leftover(messages), 0, "at the originator");
      assert.equal(far.leftover(messages), 0, "at the recipient");
    });

    test(`${way.ids} KREP: what a key that fails leaves of an M1 is nothing (${way.title})`, async () => {
      const near = new Watched();
      const failing = pairWith(way.originator, (key) => ({
        ...key,
        sign: failed,
        ...(key.signBlock === undefined ? {} : { signBlock: failed }),
      }));
      const sent = await originate(failing, wishOf(way, { licence, group: makeGroup(way.suite).record }), { random: near }).catch(
        () => null,
      );
      if (sent === null) assert.equal(near.leftover([]), way.mechanism.name === "open-broadcast" ? 1 : 0); // its number is for everybody
    });

    if (way.mechanism.broadcast) continue;
    test(`${way.ids} KREP: a wait that is given up leaves nothing, and takes no reply any more (${way.title})`, async () => {
      const [near, far] = [new Watched(), new Watched()];
      const sent = await originate(pair, wishOf(way), { random: near });
      const accepted = await acceptMessage(accepting(pair, way, { moment: { random: far } }), sent.message);
      assert.ok(sent.kind === "sent" && accepted.kind !== "broadcast");
      const messages = [sent.message, accepted.reply];
      if (accepted.kind === "waiting") accepted.awaited[Symbol.dispose]();
      else accepted.link[Symbol.dispose]();
      sent.awaited[Symbol.dispose]();
      assert.equal(near.leftover(messages), 0);
      assert.equal(far.leftover(messages), 0);
      const context = continuingContext(pair, wishOf(way));
      await assert.rejects(async () => await sent.awaited.receive(context, accepted.reply), { code: "CRYPTO_SECRET_GONE" });
      assert.throws(() => sent.awaited.save(), { code: "CRYPTO_SECRET_GONE" });
    });

    test(`${way.ids} KREP: nothing secret is shown or serialised of a wait and a link (${way.title})`, async () => {
      const [near, far] = [new Watched(), new Watched()];
      const sent = await originate(pair, wishOf(way), { random: near });
      const accepted = await acceptMessage(accepting(pair, way, { moment: { random: far } }), sent.message);
      assert.ok(sent.kind === "sent" && accepted.kind !== "broadcast");
      const held = accepted.kind === "waiting" ? accepted.awaited : accepted.link;
      const secrets = [...near.given, ...far.given].filter((bytes) => bytes.length === 32 && bytes.some((byte) => byte !== 0));
      assert.ok(secrets.length > 0);
      for (const state of [sent.awaited, held]) {
        const shown = inspect(state, { depth: null, showHidden: true, maxArrayLength: null });
        for (const bytes of secrets) assert.ok(!shown.includes([...bytes.subarray(0, 8)].join(", ")) && !shown.includes(hex(bytes)));
        assert.throws(() => JSON.stringify(state.save()), { code: "CRYPTO_SECRET_EXPOSED" });
      }
      if (accepted.kind === "answered") assert.throws(() => JSON.stringify(accepted.link), { code: "CRYPTO_SECRET_EXPOSED" });
    });
  }
});

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
