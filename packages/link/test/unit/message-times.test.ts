import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { acceptingContext, continuingContext, makeGroup, makePair, testNowSeconds } from "@sealane/testkit";
import { acceptMessage, type RecipientContext } from "../../src/index.ts";
import { code, codeOf } from "../codes.ts";
import { accepting, begin, partiesOf, run, type Way, waysOf, wishOf } from "../ways.ts";

/** The times of M1 and M2 in every mechanism, its nonces, and its challenges. */
const pair = await makePair();
const now = testNowSeconds;

/** One suite is enough: times do not depend on it. */
const ways = waysOf(({ suite, form }) => suite.name === "x25519" && ["", "plain", "two-way", "signed"].includes(form));

const isBroadcast = ({ mechanism }: Way): boolean => mechanism.broadcast;
const isAnonymous = ({ mechanism }: Way): boolean => mechanism.anonymous === "originator";
/** Nothing is remembered of a message without an effect, and of one that could tell a party from another. */
const isRemembered = (way: Way): boolean => !isAnonymous(way) && !["mutual-nonce", "mutual-agreement"].includes(way.mechanism.name);

describe("EQ1 EQ2 EQ3 EQ4 EQ5 EQ6 EQ7 EQ7S EQ8 EQ11 EQ14 FTIME FNONCE FCLOCK: times, nonces and challenges of every mechanism", () => {
  for (const way of ways) {
    test(`${way.ids} FTIME FCLOCK: M1 is accepted within its time only (${way.title})`, async () => {
      const group = makeGroup(way.suite);
      const { message } = await begin(pair, way, { group });
      const at = async (offset: number, policy: Partial<RecipientContext["freshness"]> = {}): Promise<string> => {
        const nowSeconds = now + offset;
        const context = accepting(pair, way, { group, moment: { nowSeconds } });
        return await codeOf(() => acceptMessage({ ...context, freshness: { nowSeconds, ...policy } }, message));
      };
      assert.equal(await at(-60), "accepted");
      assert.equal(await at(-61), "LINK_MESSAGE_FUTURE");
      // A broadcast brings its certificates, whose time is checked first.
      assert.equal(await at(-1_000_000_000), isBroadcast(way) ? "PKI_CERTIFICATE_NOT_YET_VALID" : "LINK_MESSAGE_FUTURE");
      if (isBroadcast(way)) {
        assert.equal(await at(1_800), "accepted");
        assert.equal(await at(1_801), "LINK_MESSAGE_EXPIRED");
        assert.equal(await at(1_000, { storedSeconds: 900 }), "LINK_MESSAGE_EXPIRED");
      } else {
        assert.equal(await at(360), "accepted");
        assert.equal(await at(361), "LINK_MESSAGE_STALE");
        assert.equal(await at(30, { windowSeconds: 10, toleranceSeconds: 5 }), "LINK_MESSAGE_STALE");
        assert.equal(await at(3_600, { windowSeconds: 3_600 }), "accepted");
      }
    });

    test(`${way.ids} FTIME: a stored M1 is accepted until its end, and answered then (${way.title})`, async () => {
      const group = makeGroup(way.suite, { expiresAtSeconds: now + 100_000 });
      const expiresAtSeconds = now + 7_200;
      const sent = await begin(pair, way, { group, options: { expiresAtSeconds, keyLifeSeconds: 90_000 } });
      const at = (nowSeconds: number, storedSeconds = 86_400) => {
        const context = accepting(pair, way, { group, moment: { nowSeconds } });
        return { ...context, freshness: { nowSeconds, storedSeconds } };
      };
      assert.equal(await codeOf(() => acceptMessage(at(expiresAtSeconds + 61), sent.message)), "LINK_MESSAGE_EXPIRED");
      assert.equal(await codeOf(() => acceptMessage(at(now + 3_700, 3_600), sent.message)), "LINK_MESSAGE_EXPIRED");
      assert.equal(await codeOf(() => acceptMessage(at(now, 0), sent.message)), "LINK_MESSAGE_EXPIRED");
      const accepted = await acceptMessage(at(expiresAtSeconds + 60), sent.message);
      if (sent.kind === "broadcast" || accepted.kind === "broadcast") return;
      // The originator takes no stored messages itself; its own was answered hours later all the same.
      const near = continuingContext(pair, wishOf(way), { nowSeconds: expiresAtSeconds + 60 });
      const { link } = await sent.awaited.receive({ ...near, freshness: { ...near.freshness, storedSeconds: 0 } }, accepted.reply);
      assert.equal(link.keyExpiresAtSeconds, now + 90_000);
    });

    test(`${way.ids} FNONCE: M1 once more makes no second link with the same key (${way.title})`, async () => {
      const group = makeGroup(way.suite);
      const sent = await begin(pair, way, { group });
      const context = accepting(pair, way, { group });
      const first = await acceptMessage(context, sent.message);
      const again = await codeOf(() => acceptMessage(context, sent.message));
      assert.equal(again, isRemembered(way) ? "LINK_MESSAGE_REPLAYED" : "accepted");
      const stale = { ...context, freshness: { nowSeconds: now + (isBroadcast(way) ? 1_861 : 361) } };
      assert.match(await codeOf(() => acceptMessage(stale, sent.message)), /^LINK_MESSAGE_(STALE|EXPIRED)$/);
      const back = { ...context, freshness: { nowSeconds: now - 59 } };
      assert.equal(await codeOf(() => acceptMessage(back, sent.message)), again, "a clock that steps back");
      if (isRemembered(way)) {
        const atOnce = accepting(pair, way, { group });
        const results = await Promise.all([1, 2, 3].map(async () => await codeOf(() => acceptMessage(atOnce, sent.message))));
        assert.deepEqual(results.sort(), ["LINK_MESSAGE_REPLAYED", "LINK_MESSAGE_REPLAYED", "accepted"]);
      }
      // A recipient that lost its memory, or keeps none, makes another link: the originator takes one of them.
      const restarted = await acceptMessage(accepting(pair, way, { group }), sent.message);
      if (sent.kind === "broadcast" || first.kind === "broadcast" || restarted.kind === "broadcast") return;
      assert.notDeepEqual(Buffer.from(first.reply), Buffer.from(restarted.reply));
      if (first.kind === "answered" && restarted.kind === "answered") assert.notDeepEqual(first.link.id, restarted.link.id);
      const near = continuingContext(pair, wishOf(way));
      const { link } = await sent.awaited.receive(near, restarted.reply);
      if (restarted.kind === "answered") assert.deepEqual(link.id, restarted.link.id);
      await assert.rejects(async () => await sent.awaited.receive(near, first.reply), code("CRYPTO_SECRET_GONE"));
    });

    if (isBroadcast(way)) continue;
    test(`${way.ids} FNONCE: a reply, or M3, that is given to one wait three times at once makes one link (${way.title})`, async () => {
      const sent = await begin(pair, way);
      const far = accepting(pair, way);
      const accepted = await acceptMessage(far, sent.message);
      assert.ok(sent.kind === "sent" && accepted.kind !== "broadcast");
      const near = continuingContext(pair, wishOf(way));
      const three = [1, 2, 3];
      const made = await Promise.allSettled(three.map(async () => await sent.awaited.receive(near, accepted.reply)));
      const links = made.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
      assert.equal(links.length, 1);
      const third = links[0]?.message ?? null;
      if (accepted.kind !== "waiting" || third === null) return;
      const received = await Promise.allSettled(three.map(async () => await accepted.awaited.receive(far, third)));
      assert.equal(received.filter(({ status }) => status === "fulfilled").length, 1);
    });

    test(`${way.ids} FCLOCK FNONCE: a challenge stands in the place of the time, and only while it is open (${way.title})`, async () => {
      const challenge = new Uint8Array(32).fill(7);
      const sent = await begin(pair, way, { options: { challenge } });
      assert.ok(sent.kind === "sent");
      const asking = (open?: Uint8Array) => {
        const context = accepting(pair, way);
        return { ...context, freshness: { ...context.freshness, ...(open === undefined ? {} : { challenge: open }) } };
      };
      const timed = await begin(pair, way);
      assert.equal(await codeOf(() => acceptMessage(asking(challenge), timed.message)), "LINK_CHALLENGE_WRONG");
      assert.equal(await codeOf(() => acceptMessage(asking(new Uint8Array(32)), sent.message)), "LINK_CHALLENGE_WRONG");
      assert.equal(await codeOf(() => acceptMessage(asking(), sent.message)), "LINK_CHALLENGE_WRONG");
      const context = asking(challenge);
      const accepted = await acceptMessage(context, sent.message);
      assert.ok(accepted.kind !== "broadcast");
      const { link } = await sent.awaited.receive(continuingContext(pair, wishOf(way)), accepted.reply);
      assert.equal(link.originatorRole, way.originator);
      // It is used once: whoever asked closes it, and the nonce is remembered besides.
      assert.equal(await codeOf(() => acceptMessage(asking(), sent.message)), "LINK_CHALLENGE_WRONG");
      assert.equal(await codeOf(() => acceptMessage(context, sent.message)), isRemembered(way) ? "LINK_MESSAGE_REPLAYED" : "accepted");
      const short = await codeOf(() => begin(pair, way, { options: { challenge: challenge.subarray(1) } }));
      assert.equal(short, "LINK_FIELD_WRONG");
    });
  }
});

test("EQ3 FTIME BCAST: an open broadcast with a later end is accepted for 30 minutes, and longer where policy says so", async () => {
  for (const way of ways.filter(({ mechanism }) => mechanism.name === "open-broadcast")) {
    const { message } = await begin(pair, way, { options: { expiresAtSeconds: now + 9_000, keyLifeSeconds: 9_000 } });
    const at = async (offset: number, policy: Partial<RecipientContext["freshness"]> = {}): Promise<string> => {
      const context = accepting(pair, way);
      return await codeOf(() => acceptMessage({ ...context, freshness: { nowSeconds: now + offset, ...policy } }, message));
    };
    assert.equal(await at(1_860), "accepted");
    assert.equal(await at(1_861), "LINK_MESSAGE_EXPIRED");
    assert.equal(await at(1_861, { storedSeconds: 3_600 }), "accepted");
    assert.equal(await at(3_661, { storedSeconds: 3_600 }), "LINK_MESSAGE_EXPIRED");
  }
});

test("FCLOCK: a recipient whose clock gives no number accepts nothing that tells a time", async () => {
  for (const way of ways) {
    const { steps, group } = await run(pair, way);
    const context = { ...acceptingContext(pair, way.originator), groups: group.memberships };
    const broken = { ...context, freshness: { nowSeconds: Number.NaN } };
    assert.equal(await codeOf(() => acceptMessage(broken, steps[0]?.message ?? assert.fail())), "LINK_MESSAGE_FUTURE", way.title);
    for (const step of steps.slice(1)) {
      assert.equal(await codeOf(() => step.give(step.message, { nowSeconds: Number.NaN })), "LINK_EXPIRED", way.title);
    }
    partiesOf(pair, way).to.replay.entries.clear();
  }
});
