/** Bytes of a link message: a mechanism's fields with a certificate chain and a licence, or M3 with a release and a licence. */
export const maxMessageBytes = 65_536;

/** Bytes of a licence and of a release inside a message (packages/software/src/limits.ts says what they hold). */
export const maxLicenceBytes = 24_576;
export const maxReleaseBytes = 24_576;

/** Certificates of a chain in a message (leaf and intermediates), and bytes of each. */
export const maxChainLength = 4;
export const maxCertificateBytes = 8_192;

/** Plaintext bytes of one record: the secrets of eight groups with keys of all suites, each with a chain of ML-DSA-65, take 210,000. */
export const maxRecordBytes = 262_144;

/** Records in one direction of one link (docs/protocol.md, key schedule). */
export const maxRecords: number = 2 ** 24;

/** Content keys wrapped under one link's key: random 96-bit IVs stay far from a collision. */
export const maxWraps: number = 2 ** 20;

/** Bytes of the secret number k, of the recipient's salt and of a challenge. */
export const secretBytes = 32;
export const saltBytes = 32;
export const challengeBytes = 32;

/** How long a challenge is open, seconds. */
export const challengeSeconds = 60;

/** Bytes of the digest of M1 by which an answer names it; a hint, the proof is the answer's confirmation. */
export const referenceBytes = 16;

/** Bytes of the key hint in the envelope: the beginning of the recipient certificate's thumbprint. */
export const keyHintBytes = 8;

/** Private keys of one party that a message without a hint is tried with: the current one and the one before. */
export const maxDecryptionKeys = 2;

/** Seconds that an interactive message stays acceptable, and the clock tolerance (docs/protocol.md, freshness). */
export const defaultWindowSeconds = 300;
export const maxWindowSeconds = 3_600;
export const defaultToleranceSeconds = 60;

/** Longest acceptance of a stored message in an inbox. */
export const maxStoredSeconds = 86_400;

/** Life of a link's keys unless a licence says otherwise. */
export const defaultKeyLifeSeconds = 86_400;

/** Bytes of a saved link or pending state; one that waits for M3 keeps the certificates that M1 brought. */
export const maxStateBytes = 65_536;

/** Bytes of an exported key: what HKDF-Expand gives with SHA-256. */
export const maxExportBytes = 8_160;

/** How far a receiver's series of session keys may jump forward, and how many keys a series has. */
export const maxSeriesJump = 64;
export const maxSeriesIndex: number = 2 ** 32;

/**
 * Life of an `open-broadcast` unless its licence says otherwise (the source's trailer), and how long a listener accepts one; life of one
 * to a group.
 */
export const defaultBroadcastSeconds = 1_800;

/** Least bytes of what an anonymous party encrypts, with its padding. */
export const minPaddedBytes = 512;

/** Bytes of what it says beside an agreement value and a licence, with the padding's one byte: 251 at most. */
export const maxUnlicensedBytes = 256;

/** Bytes of g^xy: those of the modulus in the largest finite-field group. */
export const maxAgreedBytes = 512;

/** Bytes of a Diffie-Hellman value, or of what a suite has in its place: an X-Wing public key. */
export const maxAgreementValueBytes = 1_216;
