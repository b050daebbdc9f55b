import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type ReplyTime, verifyFreshness, verifyOptionalFreshness, verifyReplyTime } from "../../src/freshness.ts";
import type { Freshness, FreshnessPolicy } from "../../src/index.ts";
import { codeOf } from "../codes.ts";

const now = 1_800_000_000;
const challenge = new Uint8Array(32).fill(7);
const other = new Uint8Array(32).fill(8);

const timeless: Freshness = { issuedAtSeconds: null, challenge: null, expiresAtSeconds: null };

function issued(offset: number, expires: number | null = null): Freshness {
  return { issuedAtSeconds: now + offset, challenge: null, expiresAtSeconds: expires === null ? null : now + expires };
}

function at(issuedAtSeconds: number): Freshness {
  return { issuedAtSeconds, challenge: null, expiresAtSeconds: null };
}

const clock: FreshnessPolicy = { nowSeconds: now };
const hour: FreshnessPolicy = { nowSeconds: now, windowSeconds: 3_600, toleranceSeconds: 0 };
const asking: FreshnessPolicy = { nowSeconds: now, challenge };

describe("verifyFreshness", () => {
  const cases: readonly (readonly [string, Freshness, FreshnessPolicy, string])[] = [
    ["a clock ahead by the tolerance", issued(60), clock, "accepted"],
    ["a clock ahead by more", issued(61), clock, "LINK_MESSAGE_FUTURE"],
    ["a clock behind by window and tolerance", issued(-360), clock, "accepted"],
    ["a clock behind by more", issued(-361), clock, "LINK_MESSAGE_STALE"],
    ["a window of an hour, its last second", issued(-3_600), hour, "accepted"],
    ["a window of an hour, and one second", issued(-3_601), hour, "LINK_MESSAGE_STALE"],
    ["no tolerance, one second ahead", issued(1), hour, "LINK_MESSAGE_FUTURE"],
    ["the second 0", at(0), clock, "LINK_MESSAGE_STALE"],
    ["the last second of 31 bits", at(2 ** 31), { nowSeconds: 2 ** 31 }, "accepted"],
    ["one before it, seen from the other side", at(2 ** 31 - 1), { nowSeconds: 2 ** 31 + 5 }, "accepted"],
    ["32 bits of seconds", at(2 ** 32), { nowSeconds: 2 ** 32 }, "accepted"],
    ["the last safe integer", at(2 ** 53 - 1), clock, "LINK_MESSAGE_FUTURE"],
    ["the last safe integer as end", { ...issued(0), expiresAtSeconds: 2 ** 53 - 1 }, clock, "accepted"],
    [
      "the last safe integer as end, after the policy's",
      { ...issued(-86_461), expiresAtSeconds: 2 ** 53 - 1 },
      clock,
      "LINK_MESSAGE_EXPIRED",
    ],
    ["a clock before the first second", at(5), { nowSeconds: -5, toleranceSeconds: 0 }, "LINK_MESSAGE_FUTURE"],
    ["a negative time", at(-1), { nowSeconds: now }, "LINK_MESSAGE_STALE"],
    ["a clock that gives no number", issued(0), { nowSeconds: Number.NaN }, "LINK_MESSAGE_FUTURE"],
    ["a clock that gives no number, stored", issued(0, 10), { nowSeconds: Number.NaN }, "LINK_MESSAGE_FUTURE"],
    ["a clock that never ends", issued(0), { nowSeconds: Number.POSITIVE_INFINITY }, "LINK_MESSAGE_STALE"],
    ["stored, its end and the tolerance", issued(-7_260, -60), clock, "accepted"],
    ["stored, one second after", issued(-7_260, -61), clock, "LINK_MESSAGE_EXPIRED"],
    ["stored, the policy's end", issued(-3_660, 86_400), { ...clock, storedSeconds: 3_600 }, "accepted"],
    ["stored, the policy's end and one second", issued(-3_661, 86_400), { ...clock, storedSeconds: 3_600 }, "LINK_MESSAGE_EXPIRED"],
    ["stored, at a party that takes none", issued(0, 100), { ...clock, storedSeconds: 0 }, "LINK_MESSAGE_EXPIRED"],
    ["stored, from the future", issued(61, 100), clock, "LINK_MESSAGE_FUTURE"],
    ["an end before the beginning", issued(0, -1), clock, "LINK_FIELD_WRONG"],
    ["no time", timeless, clock, "LINK_FIELD_WRONG"],
    ["time and challenge", { ...issued(0), challenge }, clock, "LINK_FIELD_WRONG"],
    ["time and challenge, to a party that asked", { ...issued(0), challenge }, asking, "LINK_FIELD_WRONG"],
    ["the challenge", { ...timeless, challenge }, asking, "accepted"],
    ["another challenge", { ...timeless, challenge: other }, asking, "LINK_CHALLENGE_WRONG"],
    ["part of the challenge", { ...timeless, challenge: challenge.subarray(1) }, asking, "LINK_CHALLENGE_WRONG"],
    ["a time to a party that asked", issued(0), asking, "LINK_CHALLENGE_WRONG"],
    ["a challenge to a party that did not ask", { ...timeless, challenge }, clock, "LINK_CHALLENGE_WRONG"],
  ];
  for (const [title, freshness, policy, expected] of cases) {
    test(`FTIME FCLOCK: ${title} ends as ${expected}`, async () => {
      assert.equal(await codeOf(() => verifyFreshness(freshness, policy)), expected);
    });
  }

  test("FNONCE: a message is remembered for as long as any clock within the tolerance accepts it", () => {
    assert.equal(verifyFreshness(issued(-10), clock), now - 10 + 300 + 60 + 120);
    assert.equal(verifyFreshness(issued(-10, 500), clock), now + 500 + 60 + 120);
    assert.equal(verifyFreshness(issued(-10, 500), { ...clock, storedSeconds: 20 }), now + 10 + 60 + 120);
    assert.equal(verifyFreshness({ ...timeless, challenge }, asking), now + 300 + 120);
    for (let offset = -360; offset <= 60; offset++) {
      const remembered = verifyFreshness(issued(offset), clock);
      assert.ok(remembered >= now + offset + 360 + 60, `${offset}`);
    }
  });

  test("OPT ANON: a party without a name may leave the time out, and nothing else", async () => {
    const cases: readonly (readonly [Freshness, FreshnessPolicy, string])[] = [
      [timeless, clock, "accepted"],
      [issued(0), clock, "accepted"],
      [issued(-361), clock, "LINK_MESSAGE_STALE"],
      [timeless, asking, "LINK_FIELD_WRONG"],
      [{ ...timeless, expiresAtSeconds: now }, clock, "LINK_FIELD_WRONG"],
      [{ ...issued(0), challenge }, clock, "LINK_FIELD_WRONG"],
      [{ ...timeless, challenge }, clock, "LINK_CHALLENGE_WRONG"],
      [{ ...timeless, challenge }, asking, "accepted"],
    ];
    for (const [freshness, policy, expected] of cases) {
      assert.equal(await codeOf(() => verifyOptionalFreshness(freshness, policy)), expected);
    }
  });
});

describe("verifyReplyTime", () => {
  const hours = 3_600;
  /** M1 was issued so long ago, may have an end, and was replied to so long ago. */
  const reply = (issuedAgo: number, repliedAgo: number, endsIn: number | null = null): ReplyTime => ({
    issuedAtSeconds: now - issuedAgo,
    expiresAtSeconds: endsIn === null ? null : now + endsIn,
    repliedAtSeconds: now - repliedAgo,
  });
  const cases: readonly (readonly [string, ReplyTime, string])[] = [
    ["at once", reply(0, 0), "accepted"],
    ["by a clock ahead by the tolerance", reply(0, -60), "accepted"],
    ["by a clock ahead by more", reply(0, -61), "LINK_MESSAGE_FUTURE"],
    ["before M1 by the tolerance", reply(0, 60), "accepted"],
    ["before M1 by more", reply(0, 61), "LINK_MESSAGE_STALE"],
    ["in the last second of M1", reply(360, 0), "accepted"],
    ["one second later", reply(361, 0), "LINK_MESSAGE_STALE"],
    ["in time, and held back for window and tolerance", reply(360, 360), "accepted"],
    ["in time, and held back for longer", reply(361, 361), "LINK_MESSAGE_STALE"],
    ["hours later to a stored M1", reply(12 * hours, 0, 6 * hours), "accepted"],
    ["hours later to a stored M1, held back", reply(12 * hours, 361, 6 * hours), "LINK_MESSAGE_STALE"],
    ["hours later to an interactive M1", reply(12 * hours, 0), "LINK_MESSAGE_STALE"],
    ["after the end of a stored M1, within the tolerance", reply(hours, 0, -60), "accepted"],
    ["after the end of a stored M1", reply(hours, 0, -61), "LINK_MESSAGE_STALE"],
    ["without a time to a time", { ...reply(0, 0), repliedAtSeconds: null }, "LINK_FIELD_WRONG"],
    ["with a time to a challenge", { ...reply(0, 0), issuedAtSeconds: null }, "LINK_FIELD_WRONG"],
    ["without a time to a challenge", { issuedAtSeconds: null, expiresAtSeconds: null, repliedAtSeconds: null }, "accepted"],
    ["in the year 2^53", { ...reply(0, 0), repliedAtSeconds: 2 ** 53 - 1 }, "LINK_MESSAGE_FUTURE"],
  ];
  for (const [title, times, expected] of cases) {
    test(`FTIME: a reply ${title} ends as ${expected}`, async () => {
      // What this party takes of stored messages does not concern a reply to its own.
      for (const storedSeconds of [0, 86_400]) {
        assert.equal(await codeOf(() => verifyReplyTime(times, { nowSeconds: now, storedSeconds })), expected);
      }
    });
  }

  test("FTIME: a clock that gives no number takes no reply", async () => {
    assert.equal(await codeOf(() => verifyReplyTime(reply(0, 0), { nowSeconds: Number.NaN })), "LINK_MESSAGE_FUTURE");
  });
});
