/** First element of every external_aad, HKDF info and transcript, so that nothing of ours is mistaken for another protocol's. */
export const protocolLabel = "Sealane";

/** The one version of the link protocol. */
export const protocolVersion = 1;

/** The parties of a link and their numbers in messages. */
export const roleNumbers = { server: 1, terminal: 2 } as const;
export type Role = keyof typeof roleNumbers;

/** The mechanisms and their numbers in messages; a number is never given to another mechanism. */
export const mechanismNumbers = {
  "signed-transport": 1,
  "recovered-transport": 2,
  "open-broadcast": 3,
  "group-broadcast": 4,
  "anonymous-transport": 5,
  "anonymous-agreement": 6,
  "signed-agreement": 7,
  "mutual-nonce": 8,
  "mutual-certified": 9,
  "mutual-agreement": 10,
} as const;
export type MechanismName = keyof typeof mechanismNumbers;

/** What HKDF-Expand makes, each under a name of its own (docs/protocol.md, key schedule). */
export const purpose = {
  recordKey: { server: "record key server to terminal", terminal: "record key terminal to server" },
  recordIv: { server: "record iv server to terminal", terminal: "record iv terminal to server" },
  confirmation: { originator: "confirmation of the originator", recipient: "confirmation of the recipient" },
  wrapKey: "content wrap key",
  linkId: "link id",
  exporter: "exporter",
  seriesSeed: "series seed",
  sessionKey: "session key",
  ratchet: "ratchet",
} as const;

/** What a record carries: ordinary data, data behind the confirmation that its sender holds the key, or a part of M3. */
export const recordType = { data: 0, confirmation: 1, third: 2 } as const;

/** What stands as recipient where a message is for everybody. */
export const everyRecipient = "*";

/** Prefix of the digest that is signed in place of the secret number k (claim 5). */
export const secretDigestLabel = "Sealane k";

/** The name that stands for a recipient who is not named. */
export const anonymousRecipient = "anonymous";
