import { maxMessageBytes } from "@sealane/link";

/** Longest wait of one inbox request, seconds; below the idle time-outs of common proxies. */
export const maxInboxWaitSeconds = 25;

/** Messages that one inbox request returns. */
export const maxInboxMessages = 16;

/** Characters of one event of an inbox stream: a link message in base64url, and the names of the fields. */
export const maxInboxEventCharacters: number = Math.ceil((maxMessageBytes * 4) / 3) + 64;

/** Bytes of an enrolment request or proof: the keys of all suites take 25,000. */
export const maxEnrolRequestBytes = 49_152;

/** Bytes of an enrolment reply: both parties' chains of two certificates for all suites by authorities with ML-DSA-65 take 362,000. */
export const maxEnrolReplyBytes = 524_288;

/** Bytes of the key that a reply is encrypted under: AES-256. */
export const replyKeyBytes = 32;

/** Bytes of a server's address in a token. */
export const maxUrlBytes = 512;

/** Bytes of an inbox request: an encapsulated key of 1,120, an ML-DSA-65 signature of 3,309, two names of 128, heads. */
export const maxInboxRequestBytes = 6_144;

/** Bytes of an error body that a client reads. */
export const maxProblemBytes = 8_192;

/** Keys of one purpose, to sign, to decrypt or to agree, of one party: at most one of each kind that suites use. */
export const maxKeyKinds = 6;

/** Life of an enrolment token unless told, seconds. */
export const defaultTokenLifeSeconds = 86_400;

/** Offers in one reply. */
export const maxOffers = 64;

/** Installed modules that a terminal reports. */
export const maxInstalled = 64;

/** Bytes of a model's name and of a module's name. */
export const maxModelBytes = 64;

/** Seconds for which a terminal's signed inbox request is accepted. */
export const inboxStatementSeconds = 300;

/** Broadcasts that one request to the channel returns. */
export const maxBroadcastItems = 16;

/** Groups that one terminal may be a member of, and epochs of one that it is given: the current one and the one before. */
export const maxGroupsPerTerminal = 8;
export const maxGivenEpochs = 2;

/** Bytes of a signed group record: a public value of each kind, and a chain of certificates. */
export const maxGroupRecordBytes = 40_960;
