/** Bounds of every client: the terminal's and the operator's. */

/** Seconds to connect, and seconds without a byte after which a connection counts as lost. */
export const connectSeconds = 10;
export const idleSeconds = 60;

/** What a body has to bring in each stretch of so many seconds; whoever is slower counts as lost, and the request is made again later. */
export interface LeastRate {
  readonly bytesPerSecond: number;
  readonly seconds: number;
}

/**
 * The least rate of a reply's body where its caller sets no other: half of what 2G carries, measured over two minutes. Who sends less
 * holds a command up for ever otherwise.
 */
export const leastRate: LeastRate = { bytesPerSecond: 1_024, seconds: 120 };

/** Bytes of a small reply: an enrolment reply, a record with its head, sixteen inbox messages. */
export const maxReplyBytes: number = 1024 * 1024;

/** Sockets that are kept open towards one server. */
export const maxSockets = 4;

/** Bytes of the one buffer that a file is sent through: a stream of buffers would leave tens of megabytes to the collector. */
export const sendBytes: number = 1024 * 1024;
