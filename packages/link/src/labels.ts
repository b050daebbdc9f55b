/** First element of every external_aad, HKDF info and transcript, so that nothing of ours is mistaken for another protocol's. */
export const protocolLabel = "Sealane";

/** The one version of the link protocol. */
export const protocolVersion = 1;

/** The parties of a link and their numbers in messages. */
export const roleNumbers = { server: 1, terminal: 2 } as const;
export type Role = keyof typeof roleNumbers;

/** The mechanisms and their numbers in messages; a number is never given to another mechanism. */
export const mechanismNumbers = { "signed-transport": 1 } as const;
export type MechanismName = keyof typeof mechanismNumbers;

/** What HKDF-Expand makes, each under a name of its own (docs/protocol.md, key schedule). */
export const purpose = {
  recordKey: { server: "record key server to terminal", terminal: "record key terminal to server" },
  recordIv: { server: "record iv server to terminal", terminal: "record iv terminal to server" },
  confirmation: { originator: "confirmation of the originator", recipient: "confirmation of the recipient" },
  wrapKey: "content wrap key",
  linkId: "link id",
} as const;

/** What a record carries: ordinary data, or data behind the confirmation that its sender holds the key. */
export const recordType = { data: 0, confirmation: 1 } as const;

/** Prefix of the digest that is signed in place of the secret number k (claim 5). */
export const secretDigestLabel = "Sealane k";

/** The name that stands for a recipient who is not named. */
export const anonymousRecipient = "anonymous";
