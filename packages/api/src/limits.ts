/** Longest wait of one inbox request, seconds; below the idle time-outs of common proxies. */
export const maxInboxWaitSeconds = 25;

/** Messages that one inbox request returns. */
export const maxInboxMessages = 16;

/** Bytes of an enrolment request or reply: keys, certificates, a token. */
export const maxEnrolBytes = 49_152;

/** Bytes of an error body that a client reads. */
export const maxProblemBytes = 8_192;

/** Decryption keys of one party: at most one of each kind that suites use. */
export const maxDecryptionKinds = 4;

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
