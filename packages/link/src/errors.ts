import { type ErrorTable, errorTable, exitCodes } from "@sealane/wire";

const peer = { blame: "peer", retry: "never", http: 403, exit: exitCodes.notTrusted } as const;
const sameVersion = "Check that both ends run the same version of Sealane";
const linkAgain = "Establish a new link";

export type LinkCode =
  | "LINK_VERSION_UNKNOWN"
  | "LINK_MECHANISM_UNKNOWN"
  | "LINK_MESSAGE_UNEXPECTED"
  | "LINK_MESSAGE_TOO_LARGE"
  | "LINK_PEER_UNKNOWN"
  | "LINK_PEER_WRONG"
  | "LINK_RECIPIENT_WRONG"
  | "LINK_FIELD_WRONG"
  | "LINK_MESSAGE_STALE"
  | "LINK_MESSAGE_FUTURE"
  | "LINK_MESSAGE_EXPIRED"
  | "LINK_CHALLENGE_WRONG"
  | "LINK_MESSAGE_REPLAYED"
  | "LINK_REPLAY_CACHE_FULL"
  | "LINK_ANSWER_WRONG"
  | "LINK_CONFIRMATION_WRONG"
  | "LINK_RECORD_WRONG"
  | "LINK_RECORD_OUT_OF_ORDER"
  | "LINK_RECORD_TOO_LARGE"
  | "LINK_EXHAUSTED"
  | "LINK_EXPIRED"
  | "LINK_SERIES_OUT_OF_STEP"
  | "LINK_GROUP_UNKNOWN"
  | "LINK_STATE_WRONG";

/** Errors of links. A stranger is told none of these apart: the services answer LINK_REFUSED (package api) and log the code. */
export const linkErrors: ErrorTable<LinkCode> = errorTable({
  LINK_VERSION_UNKNOWN: {
    ...peer,
    http: 400,
    exit: exitCodes.incompatible,
    sentence: "The message is of a protocol version that is not known here",
    advice: sameVersion,
  },
  LINK_MECHANISM_UNKNOWN: {
    ...peer,
    http: 400,
    exit: exitCodes.incompatible,
    sentence: "The mechanism is not known or not allowed here",
    advice: "Use a mechanism that both ends allow (`sealane mechanisms`)",
  },
  LINK_MESSAGE_UNEXPECTED: { ...peer, http: 400, sentence: "The message is not the one that is awaited", advice: linkAgain },
  LINK_MESSAGE_TOO_LARGE: {
    blame: "user",
    retry: "never",
    http: 413,
    exit: exitCodes.usage,
    sentence: "The licence and the certificates do not fit in one message",
    advice: "Deliver the licence over the link, or use shorter certificate chains",
  },
  LINK_PEER_UNKNOWN: { ...peer, sentence: "The certificate that the message names is not known here", advice: "Enrol the terminal again" },
  LINK_PEER_WRONG: {
    ...peer,
    sentence: "The certificate of the message belongs to another party, purpose or time",
    advice: "Do not use the message; ask its sender",
  },
  LINK_RECIPIENT_WRONG: {
    ...peer,
    sentence: "The message is meant for another recipient",
    advice: "Do not use the message; ask its sender",
  },
  LINK_FIELD_WRONG: { ...peer, http: 400, sentence: "A field of the message contradicts another or the mechanism", advice: sameVersion },
  LINK_MESSAGE_STALE: {
    ...peer,
    retry: "fresh",
    sentence: "The message is older than the window allows",
    advice: "Set the clock, then try again",
  },
  LINK_MESSAGE_FUTURE: { ...peer, retry: "fresh", sentence: "The message is dated in the future", advice: "Set the clock, then try again" },
  LINK_MESSAGE_EXPIRED: {
    ...peer,
    retry: "fresh",
    exit: exitCodes.expired,
    sentence: "The message or the key that it brings has expired",
    advice: "Ask its sender for a new one",
  },
  LINK_CHALLENGE_WRONG: { ...peer, retry: "fresh", sentence: "The message answers no open challenge", advice: "Ask for a new challenge" },
  LINK_MESSAGE_REPLAYED: { ...peer, retry: "fresh", sentence: "The message was accepted before", advice: "Send a new one" },
  LINK_REPLAY_CACHE_FULL: {
    blame: "peer",
    retry: "later",
    http: 429,
    exit: exitCodes.retryLater,
    sentence: "The sender has too many messages under way",
    advice: "Wait until earlier ones have expired",
  },
  LINK_ANSWER_WRONG: { ...peer, sentence: "The answer does not prove that the recipient holds the key", advice: linkAgain },
  LINK_CONFIRMATION_WRONG: { ...peer, sentence: "The first record does not prove that the originator holds the key", advice: linkAgain },
  LINK_RECORD_WRONG: { ...peer, sentence: "The record was changed or belongs to another link", advice: linkAgain },
  LINK_RECORD_OUT_OF_ORDER: { ...peer, retry: "fresh", sentence: "The record is not the next one of the link", advice: linkAgain },
  LINK_RECORD_TOO_LARGE: {
    blame: "internal",
    retry: "never",
    http: 413,
    exit: exitCodes.internal,
    sentence: "The data does not fit in one record",
    advice: "Deliver it as a sealed artefact",
  },
  LINK_EXHAUSTED: {
    blame: "user",
    retry: "fresh",
    http: 409,
    exit: exitCodes.retryLater,
    sentence: "The link has carried as much as its keys may protect",
    advice: linkAgain,
  },
  LINK_EXPIRED: {
    blame: "user",
    retry: "fresh",
    http: 410,
    exit: exitCodes.expired,
    sentence: "The life of the link's keys is over",
    advice: linkAgain,
  },
  LINK_SERIES_OUT_OF_STEP: {
    ...peer,
    retry: "fresh",
    sentence: "The session key is behind the series, or too far ahead of it",
    advice: linkAgain,
  },
  LINK_GROUP_UNKNOWN: {
    ...peer,
    sentence: "The message is for a group or an epoch whose secret is not held here",
    advice: "Join the group over a link to its server",
  },
  LINK_STATE_WRONG: {
    blame: "system",
    retry: "fresh",
    http: 500,
    exit: exitCodes.internal,
    sentence: "A saved link or pending state cannot be read",
    advice: linkAgain,
  },
});
