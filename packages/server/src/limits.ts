import { defaultToleranceSeconds, maxRecordBytes } from "@sealane/link";

/** Bytes of the storage key, of an operator token and of an enrolment token's secret: AES-256 and 256-bit secrets. */
export const storageKeyBytes = 32;
export const operatorTokenBytes = 32;
export const tokenSecretBytes = 32;

/** Bytes of an enrolment token's id: it only has to be unlikely twice. */
export const tokenIdBytes = 8;

/** Life of the authority's certificate, and of every other: a root outlives several generations of what it issues. */
export const authorityLifeSeconds: number = 10 * 365 * 86_400;
export const certificateLifeSeconds: number = 365 * 86_400;

/** Life of a licence unless the terminal's certificate ends earlier. */
export const licenceLifeSeconds: number = 365 * 86_400;

/** Certificates and licences begin this much before the server's clock, so that a terminal whose clock is behind can use them. */
export const backdateSeconds: number = defaultToleranceSeconds;

/** Life of an enrolment token: shorter is a mistake, longer is a password. */
export const minTokenLifeSeconds = 60;
export const maxTokenLifeSeconds: number = 30 * 86_400;

/** Seconds for which an offer waits in an inbox (docs/protocol.md, freshness: inbox 24 hours). */
export const offerLifeSeconds = 86_400;

/** Bytes of a record on the wire: plaintext, tag, sequence and heads. */
export const maxRecordWireBytes: number = maxRecordBytes + 128;

/** Bytes of an operator's JSON body: a thousand names of 128 bytes with their quotes. */
export const maxJsonBytes = 262_144;

/** Terminals in one request for offers: each costs a signature and an encapsulation. */
export const maxOfferTerminals = 1_000;

/**
 * Bytes in one piece of a download: 1 MiB measured best, and every download holds about two pieces. With more downloads at once
 * than 64 the pieces become smaller, so that the server's memory does not grow with their number.
 */
export const maxDownloadPieceBytes: number = 1024 * 1024;
export const minDownloadPieceBytes: number = 64 * 1024;
export const downloadMemoryBytes: number = 64 * 1024 * 1024;

/** Messages that wait for one terminal. */
export const maxWaitingMessages = 64;

/** Links of one terminal that are kept; the oldest make room for new ones. */
export const maxLinksPerTerminal = 16;

/** A terminal's last-seen time is written at most this often. */
export const lastSeenSeconds = 60;

/** How often expired rows are removed. */
export const purgeSeconds = 600;

/** How long one SQLite connection waits for another process that writes. */
export const busyTimeoutMilliseconds = 5_000;

/** Disk space that an upload has to leave free, for the database and its journal. */
export const reservedDiskBytes: number = 64 * 1024 * 1024;

/** What an operator may set; every number has a default in {@link defaultLimits}. */
export interface ServerLimits {
  /** Largest sealed artefact that is stored. */
  readonly maxArtefactBytes: number;
  /** Uploads at the same time. */
  readonly maxUploads: number;
  /** Longest time for one upload. */
  readonly uploadSeconds: number;
  /** Longest time for the body of any other request, and for the headers of all. */
  readonly bodySeconds: number;
  /** A connection without a byte in either direction is closed after this; longer than an inbox request waits. */
  readonly idleSeconds: number;
  /** Connections at the same time. */
  readonly maxConnections: number;
  /** Requests a minute from one address: in general, and where a private-key operation is paid for. */
  readonly requestsPerMinute: number;
  readonly linksPerMinute: number;
  readonly enrolmentsPerMinute: number;
  /** Inbox requests of one terminal that wait at the same time; a further one ends the oldest. */
  readonly maxPollsPerTerminal: number;
  /** Messages of one terminal that the replay cache remembers: what it may establish within a window, so that none can fill it. */
  readonly maxReplayEntries: number;
  /** How long a stopping server waits for requests under way. */
  readonly closeSeconds: number;
}

export const defaultLimits: ServerLimits = {
  maxArtefactBytes: 16 * 1024 ** 3,
  maxUploads: 4,
  uploadSeconds: 3_600,
  bodySeconds: 20,
  idleSeconds: 60,
  maxConnections: 4_096,
  requestsPerMinute: 1_200,
  linksPerMinute: 300,
  enrolmentsPerMinute: 60,
  maxPollsPerTerminal: 3,
  maxReplayEntries: 256,
  closeSeconds: 10,
};
