import { inboxStatementSeconds } from "@sealane/api";
import { defaultKeyLifeSeconds, defaultToleranceSeconds, defaultWindowSeconds, maxRecordBytes } from "@sealane/link";

/** Bytes of the storage key, of an operator token and of an enrolment token's secret: AES-256 and 256-bit secrets. */
export const storageKeyBytes = 32;
export const operatorTokenBytes = 32;
export const tokenSecretBytes = 32;

/** Bytes of an enrolment token's id: it only has to be unlikely twice. */
export const tokenIdBytes = 8;

/** Life of a root's certificate, of an intermediate authority's, and of every other: each outlives several generations of what it issues. */
export const rootLifeSeconds: number = 20 * 365 * 86_400;
export const intermediateLifeSeconds: number = 10 * 365 * 86_400;
export const certificateLifeSeconds: number = 365 * 86_400;

/** Bytes of the root's key file, which a server made before there was an issuing key has in its folder. */
export const maxRootKeyBytes = 16_384;

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
 * Bytes in one piece of a download: 1 MiB measured best. All downloads together have so much memory for pieces of that size; one that
 * finds it taken, by readers that are slow, goes on in small buffers, so that memory hardly grows with their number. Of these so many are
 * kept, 32 MiB.
 */
export const largePieceBytes: number = 1024 * 1024;
export const downloadMemoryBytes: number = 64 * 1024 * 1024;
export const smallPieceBytes: number = 32 * 1024;
export const keptSmallPieces = 1024;

/** Messages that wait for one terminal. */
export const maxWaitingMessages = 64;

/** How far inbox positions of a restored server jump, so that none is given a second time. */
export const restoredInboxGap = 1_000_000;

/** How far the numbers of groups' epochs of a restored server jump, for the same reason. */
export const restoredEpochGap = 1_000_000;

/** Broadcasts that run at the same time: what a listener that comes has to look through. */
export const maxBroadcasts = 64;

/** How long a broadcast runs: shorter is not heard, longer than a year outlives its licence. Unless told, as the source's trailer. */
export const minBroadcastSeconds = 10;
export const maxBroadcastSeconds: number = 365 * 86_400;

/**
 * After this a broadcast that somebody hears gets a new M1, so that who listens at the time is told what is the newest (docs/protocol.md,
 * broadcast channel); and after a renewal that failed this long is waited.
 */
export const renewSeconds: number = defaultWindowSeconds;
export const postponeSeconds = 60;

/** How long members may take over with a group's epoch of before when a new one has begun, and how long an epoch lasts. */
export const epochOverlapSeconds = 3_600;
export const epochLifeSeconds: number = 30 * 86_400;

/** Orders that are handed on at the same time: many a day, for the 14 days that one lives. */
export const maxOrders = 256;

/** Groups of one server, and terminals in one request of an operator. */
export const maxGroups = 1_000;
export const maxMembersAtOnce = 1_000;

/** Links of one terminal that are kept; the oldest make room for new ones. */
export const maxLinksPerTerminal = 16;

/** Links of anonymous terminals, all together; the oldest make room for new ones. */
export const maxAnonymousLinks = 4_096;

/**
 * Messages of three-message mechanisms in one terminal's name whose M3 is awaited, and for how long; the oldest make room for new
 * ones. Nothing is proven of their senders: from one address, at {@link ServerLimits.linksPerMinute}, it takes 13 seconds to push a
 * terminal's own out, and its M3 comes after one round trip.
 */
export const maxThirdsPerTerminal = 64;
export const thirdSeconds = 60;

/** Challenges that wait for their M1, all together. */
export const maxOpenChallenges = 1_024;

/** A terminal's last-seen time is written at most this often. */
export const lastSeenSeconds = 60;

/** How often expired rows are removed. */
export const purgeSeconds = 600;

/** Bytes of the key of a period, and seconds of a period: a secret that ended can be opened for so long, and until the next purge. */
export const rowKeyBytes = 32;
export const rowKeyPeriodSeconds = 600;

/** How far ahead a secret may end: the longest lives are a group's epoch, 30 days. How many periods one purge leaves behind: a year. */
export const maxRowKeyPeriods: number = (31 * 86_400) / rowKeyPeriodSeconds;
export const maxForgottenPeriods: number = (365 * 86_400) / rowKeyPeriodSeconds;

/**
 * How long a server keeps a link, whatever its originator asked for: a delivery takes minutes. One by a mechanism that is forward secret is
 * kept for an hour, so that its promise holds soon.
 */
export const linkLifeSeconds: number = defaultKeyLifeSeconds;
export const forwardSecretLifeSeconds = 3_600;

/** How long a transaction waits for another process that writes. */
export const busyTimeoutMilliseconds = 5_000;

/** Connections of one process to PostgreSQL; writers come one after the other anyway. */
export const databaseConnections = 8;

/** How long a connection to PostgreSQL may take to be made, and a statement to run. */
export const connectTimeoutMilliseconds = 5_000;
export const statementTimeoutMilliseconds = 30_000;

/** How long after a lost connection the messages of other processes are listened for again. */
export const reconnectMilliseconds = 1_000;

/** Disk space that an upload has to leave free, for the database and its journal. */
export const reservedDiskBytes: number = 64 * 1024 * 1024;

/** How long the rate of a download is measured before it is judged: what the system takes at once, and pauses of a radio link, even out. */
export const leastRateSeconds = 120;

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
  /** A connection without a byte in either direction is closed after this; longer than an inbox request waits, or than its stream is silent. */
  readonly idleSeconds: number;
  /** Connections at the same time. */
  readonly maxConnections: number;
  /**
   * Connections of one address that have proven no terminal, a /64 of IPv6 being one address: room for five hundred gateways behind one,
   * each of which needs a place until its first inbox request or record, and a sixteenth of all.
   */
  readonly maxConnectionsPerAddress: number;
  /** Connections that have proven the same terminal; further ones count for their address. */
  readonly maxConnectionsPerTerminal: number;
  /**
   * Bytes a second below which a client is too slow, on top of a time of its own for each body: 2G has twice as many. Who takes less of an
   * artefact in {@link leastRateSeconds} is cut off, and goes on later where it was.
   */
  readonly leastBytesPerSecond: number;
  /** Requests a minute from one address (a terminal that is proven: from that terminal): in general, and where a private-key operation is paid for. */
  readonly requestsPerMinute: number;
  readonly linksPerMinute: number;
  readonly enrolmentsPerMinute: number;
  /** Inbox requests of one terminal that wait at the same time, long polls and event streams; a further one ends the oldest. */
  readonly maxPollsPerTerminal: number;
  /**
   * Longest event stream of an inbox. However long it is, a stream ends with the statement that opened it (300 seconds): who copied
   * the statement reads no longer than it is accepted, and a terminal that signs no more is not served on.
   */
  readonly inboxStreamSeconds: number;
  /**
   * How often an event stream shows that it lives: below the idle time-outs of common proxies and of terminals (60 seconds). A client
   * that takes longer than this to take one event is sent away.
   */
  readonly inboxHeartbeatSeconds: number;
  /** Requests to the broadcast channel that wait at the same time; a further one ends the oldest. */
  readonly maxListeners: number;
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
  maxConnectionsPerAddress: 256,
  maxConnectionsPerTerminal: 16,
  leastBytesPerSecond: 1_024,
  requestsPerMinute: 1_200,
  linksPerMinute: 300,
  enrolmentsPerMinute: 60,
  maxPollsPerTerminal: 3,
  inboxStreamSeconds: inboxStatementSeconds,
  inboxHeartbeatSeconds: 20,
  maxListeners: 2_048,
  maxReplayEntries: 256,
  closeSeconds: 10,
};
