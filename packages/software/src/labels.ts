/** Labels and context strings of this package; changing one makes another format. */

/** First element of an artefact's header, and of everything its segments' AEAD covers. */
export const artefactFormat = "sealane-artefact-1";

/** First element of the `info` of every key that is derived from a content key. */
export const artefactKeyLabel = "Sealane artefact";

/** What each derived value is for: second element of that `info`. */
export const artefactKeyPurpose = {
  segment: "segment key",
  noncePrefix: "nonce prefix",
  list: "list key",
  commitment: "commitment",
} as const;

/** Private claims of a licence (RFC 8392, section 3.1.1: labels below -65536 are for private use). */
export const licenceClaim = {
  software: -65537,
  rights: -65538,
  copyright: -65539,
  keyExpiresAt: -65540,
  keyRetention: -65541,
} as const;

/** `external_aad` of the signed statements and of the sealed content key; the last element tells them apart for ever. */
export const statementContext = { licence: "licence", release: "release", order: "order", contentKey: "release content key" } as const;

/** The first two elements of every `external_aad`: the product and the version of its protocol. */
export const contextPrefix = ["Sealane", 1] as const;

/** What stands before a party's name in a licence, so that issuer and audience are URIs (RFC 8392, section 1.1; RFC 7519, section 2). */
export const nameUriPrefix = "urn:sealane:";

/** Recipients that are nobody's name: a terminal that stays anonymous, and everybody. */
export const anonymousRecipient = "anonymous";
export const everyRecipient = "*";
