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
    verifyChallenge(freshness, policy.challenge);
    return nowSeconds + windowSeconds + 2 * toleranceSeconds;
  }
  if (issuedAtSeconds > nowSeconds + toleranceSeconds) {
    throw linkErrors.error("LINK_MESSAGE_FUTURE", { aheadSeconds: issuedAtSeconds - nowSeconds, toleranceSeconds });
  }
  if (expiresAtSeconds === null) {
    const acceptedUntil = issuedAtSeconds + windowSeconds + toleranceSeconds;
    if (nowSeconds > acceptedUntil)
      throw linkErrors.error("LINK_MESSAGE_STALE", { ageSeconds: nowSeconds - issuedAtSeconds, windowSeconds });
    return acceptedUntil + 2 * toleranceSeconds;
  }
  if (expiresAtSeconds < issuedAtSeconds) throw linkErrors.error("LINK_FIELD_WRONG", { field: "expiresAt" });
  const acceptedUntil = Math.min(expiresAtSeconds, issuedAtSeconds + storedSeconds) + toleranceSeconds;
  if (nowSeconds > acceptedUntil) throw linkErrors.error("LINK_MESSAGE_EXPIRED", { expiredSecondsAgo: nowSeconds - acceptedUntil });
  return acceptedUntil + 2 * toleranceSeconds;
}

function verifyChallenge(freshness: Freshness, open: Uint8Array | undefined): void {
  if (open === undefined || freshness.challenge === null || !equalBytes(freshness.challenge, open)) {
    throw linkErrors.error("LINK_CHALLENGE_WRONG");
  }
}
