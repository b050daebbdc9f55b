import { equalBytes } from "@sealane/wire";
import { linkErrors } from "./errors.ts";
import { defaultToleranceSeconds, defaultWindowSeconds, maxStoredSeconds } from "./limits.ts";

/** What a signed message says about its time (docs/protocol.md, freshness). */
export interface Freshness {
  /** The sender's clock in whole seconds; null where a challenge stands in its place. */
  readonly issuedAtSeconds: number | null;
  /** The 32 bytes that a recipient without a clock sent before. */
  readonly challenge: Uint8Array | null;
  /** Until when a stored message is accepted; null for an interactive one. */
  readonly expiresAtSeconds: number | null;
}

/** What the recipient allows. */
export interface FreshnessPolicy {
  readonly nowSeconds: number;
  readonly windowSeconds?: number;
  readonly toleranceSeconds?: number;
  /** Longest acceptance of a stored message; 0 refuses stored messages. */
  readonly storedSeconds?: number;
  /** The open challenge, when this party has no clock; a message must then answer it. */
  readonly challenge?: Uint8Array;
  /** Whether a challenge is one that this party gave, where a message may have one in place of the time: senders without a clock. */
  readonly isChallenge?: (challenge: Uint8Array) => boolean;
  /**
   * Longest life of a link's key from now on, whatever its originator asks for. Default: as it asks, and a day where a challenge stands in
   * place of the time.
   */
  readonly keyLifeSeconds?: number;
}

/**
 * Decides whether a message is timely and gives the second until which the replay cache must remember it.
 *
 * Interactive: issuedAt in [now - window - tolerance, now + tolerance]. Stored: until expiresAt, capped by the policy. With a
 * challenge: equal to the open one, and no time stamp beside it.
 *
 * Errors: LINK_FIELD_WRONG (both or neither, or expiry before issue), LINK_CHALLENGE_WRONG, LINK_MESSAGE_STALE,
 * LINK_MESSAGE_FUTURE, LINK_MESSAGE_EXPIRED.
 */
export function verifyFreshness(freshness: Freshness, policy: FreshnessPolicy): number {
  const {
    nowSeconds,
    windowSeconds = defaultWindowSeconds,
    toleranceSeconds = defaultToleranceSeconds,
    storedSeconds = maxStoredSeconds,
  } = policy;
  const { issuedAtSeconds, expiresAtSeconds } = freshness;
  if ((issuedAtSeconds === null) === (freshness.challenge === null)) throw linkErrors.error("LINK_FIELD_WRONG", { field: "issuedAt" });
  if (issuedAtSeconds === null || policy.challenge !== undefined) {
    verifyChallenge(freshness, policy);
    return nowSeconds + windowSeconds + 2 * toleranceSeconds;
  }
  requireNotFuture(issuedAtSeconds, { nowSeconds, toleranceSeconds });
  if (expiresAtSeconds === null) {
    const acceptedUntil = issuedAtSeconds + windowSeconds + toleranceSeconds;
    if (isPast(acceptedUntil, nowSeconds))
      throw linkErrors.error("LINK_MESSAGE_STALE", { ageSeconds: nowSeconds - issuedAtSeconds, windowSeconds });
    return acceptedUntil + 2 * toleranceSeconds;
  }
  if (expiresAtSeconds < issuedAtSeconds) throw linkErrors.error("LINK_FIELD_WRONG", { field: "expiresAt" });
  const acceptedUntil = Math.min(expiresAtSeconds, issuedAtSeconds + storedSeconds) + toleranceSeconds;
  if (storedSeconds === 0 || isPast(acceptedUntil, nowSeconds))
    throw linkErrors.error("LINK_MESSAGE_EXPIRED", { expiredSecondsAgo: nowSeconds - acceptedUntil });
  return acceptedUntil + 2 * toleranceSeconds;
}

/**
 * {@link verifyFreshness} where the sender may leave the time out, as a party without a name may; nothing is remembered of it.
 * Errors: LINK_FIELD_WRONG (both), those of `verifyFreshness`.
 */
export function verifyOptionalFreshness(freshness: Freshness, policy: FreshnessPolicy): void {
  const isTimeless = freshness.issuedAtSeconds === null && freshness.challenge === null;
  if (!isTimeless || policy.challenge !== undefined || freshness.expiresAtSeconds !== null) verifyFreshness(freshness, policy);
}

/** What an originator keeps of the time of its M1: null and null after a challenge. */
export type SentTime = Pick<Freshness, "issuedAtSeconds" | "expiresAtSeconds">;

/** T_B of a reply: the recipient's clock, and null to a challenge, for then one of both has no clock to judge it by. */
export function replyTimeFor({ issuedAtSeconds }: Freshness, { nowSeconds }: FreshnessPolicy): number | null {
  return issuedAtSeconds === null ? null : nowSeconds;
}

/** The times of M1 and of its reply: the recipient's clock, or null where a challenge stood in place of the time. */
export interface ReplyTime extends SentTime {
  readonly repliedAtSeconds: number | null;
}

/**
 * Checks T_B - T_A: a reply is fresh itself, not older than what it replies to, and was made while that was acceptable: within the
 * window, or until the end that the originator gave it. Whoever was sent a time stamp has a clock and must say its time.
 * Errors: LINK_FIELD_WRONG, LINK_MESSAGE_STALE, LINK_MESSAGE_FUTURE.
 */
export function verifyReplyTime({ issuedAtSeconds, expiresAtSeconds, repliedAtSeconds }: ReplyTime, policy: FreshnessPolicy): void {
  const { nowSeconds, windowSeconds = defaultWindowSeconds, toleranceSeconds = defaultToleranceSeconds } = policy;
  if (issuedAtSeconds === null && repliedAtSeconds === null) return;
  if (issuedAtSeconds === null || repliedAtSeconds === null) throw linkErrors.error("LINK_FIELD_WRONG", { field: "repliedAt" });
  requireNotFuture(repliedAtSeconds, { nowSeconds, toleranceSeconds });
  const isFresh = !isPast(repliedAtSeconds + windowSeconds + toleranceSeconds, nowSeconds);
  const acceptedUntil = (expiresAtSeconds ?? issuedAtSeconds + windowSeconds) + toleranceSeconds;
  if (!isFresh || repliedAtSeconds < issuedAtSeconds - toleranceSeconds || repliedAtSeconds > acceptedUntil) {
    throw linkErrors.error("LINK_MESSAGE_STALE", { ageSeconds: nowSeconds - repliedAtSeconds, windowSeconds });
  }
}

/** Whether the last second of something is over; so too for a clock that gives no number. */
export function isPast(lastSeconds: number, nowSeconds: number): boolean {
  return !(nowSeconds <= lastSeconds);
}

/** Error: LINK_MESSAGE_FUTURE, also for a clock that gives no number. */
function requireNotFuture(
  atSeconds: number,
  { nowSeconds, toleranceSeconds }: { readonly nowSeconds: number; readonly toleranceSeconds: number },
): void {
  if (atSeconds <= nowSeconds + toleranceSeconds) return;
  throw linkErrors.error("LINK_MESSAGE_FUTURE", { aheadSeconds: atSeconds - nowSeconds, toleranceSeconds });
}

function verifyChallenge({ challenge }: Freshness, { challenge: open, isChallenge }: FreshnessPolicy): void {
  const isRight = challenge !== null && (open === undefined ? isChallenge?.(challenge) === true : equalBytes(challenge, open));
  if (!isRight) throw linkErrors.error("LINK_CHALLENGE_WRONG");
}
