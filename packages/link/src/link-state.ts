import { Secret, type Suite, suiteNumbered } from "@sealane/crypto";
import {
  byteString,
  bytesAs,
  type Codec,
  decodeAs,
  encodeAs,
  flag,
  literal,
  type Name,
  nameCodec,
  nullable,
  oneOf,
  type TranscriptHash,
  transcriptHash,
  tuple,
  uint,
} from "@sealane/wire";
import { linkErrors } from "./errors.ts";
import type { MechanismName, Role } from "./labels.ts";
import { mechanismNumbers } from "./labels.ts";
import { maxStateBytes } from "./limits.ts";

/** All that a link is, between two records; `prk` is the secret from which its keys are expanded. */
export interface LinkState {
  readonly mechanism: MechanismName;
  readonly suite: Suite;
  readonly self: Role;
  readonly originatorRole: Role;
  readonly originator: Name | null;
  readonly recipient: Name | null;
  readonly th: TranscriptHash;
  readonly prk: Secret<"link key">;
  readonly keyExpiresAtSeconds: number;
  /** Records sent and received so far. */
  readonly sent: number;
  readonly received: number;
  readonly wraps: number;
  /** This party's first record must begin with its confirmation. */
  readonly owesConfirmation: boolean;
  /** The peer's first record must begin with the peer's confirmation. */
  readonly awaitsConfirmation: boolean;
  /** The series of session keys was given out. */
  readonly seriesBegun: boolean;
}

interface SavedState extends Omit<LinkState, "suite" | "prk"> {
  readonly kind: "link";
  readonly suite: number;
  readonly prk: Uint8Array;
}

const roles = ["server", "terminal"] as const;

const savedCodec: Codec<SavedState> = tuple<SavedState>({
  kind: literal("link"),
  mechanism: oneOf(Object.keys(mechanismNumbers) as MechanismName[]),
  suite: uint(),
  self: oneOf(roles),
  originatorRole: oneOf(roles),
  originator: nullable(nameCodec),
  recipient: nullable(nameCodec),
  th: bytesAs(transcriptHash),
  prk: byteString({ min: 32, max: 32 }),
  keyExpiresAtSeconds: uint(),
  sent: uint(),
  received: uint(),
  wraps: uint(),
  owesConfirmation: flag,
  awaitsConfirmation: flag,
  seriesBegun: flag,
});

/** What a mechanism has settled when both parties can compute the key. */
export type Agreed = Pick<LinkState, "mechanism" | "suite" | "originatorRole" | "originator" | "recipient" | "th" | "keyExpiresAtSeconds">;

/** The first state of a link at one of its parties; it takes over `prk`. */
export function firstState(
  agreed: Agreed,
  end: { readonly self: Role; readonly prk: Secret<"link key"> } & Partial<Pick<LinkState, "owesConfirmation" | "awaitsConfirmation">>,
): LinkState {
  const { mechanism, suite, originatorRole, originator, recipient, th, keyExpiresAtSeconds } = agreed;
  return {
    mechanism,
    suite,
    self: end.self,
    originatorRole,
    originator,
    recipient,
    th,
    prk: end.prk,
    keyExpiresAtSeconds,
    sent: 0,
    received: 0,
    wraps: 0,
    owesConfirmation: end.owesConfirmation ?? false,
    awaitsConfirmation: end.awaitsConfirmation ?? false,
    seriesBegun: false,
  };
}

/** The state for the next holder: its secret moves, and is gone where it was. */
export function movedState(state: LinkState): LinkState {
  const prk = state.prk.use((bytes) => Secret.copy("link key", bytes));
  state.prk[Symbol.dispose]();
  return { ...state, prk };
}

/** Encodes a link for a store that keeps it encrypted. */
export function saveLinkState(state: LinkState): Secret<"saved link"> {
  const { suite, prk, ...rest } = state;
  return Secret.take(
    "saved link",
    prk.use((bytes) => encodeAs(savedCodec, { kind: "link", ...rest, suite: suite.id, prk: bytes })),
  );
}

/** Reads a saved link. Error: LINK_STATE_WRONG. */
export function loadLinkState(saved: Secret<"saved link">): LinkState {
  try {
    const { kind: _, suite, prk, ...rest } = saved.use((bytes) => decodeAs(savedCodec, bytes, { maxBytes: maxStateBytes, what: "link" }));
    return { ...rest, suite: suiteNumbered(suite), prk: Secret.take("link key", prk) };
  } catch (cause) {
    throw linkErrors.error("LINK_STATE_WRONG", {}, cause);
  }
}
