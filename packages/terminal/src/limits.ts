import { maxEnrolReplyBytes, maxInboxMessages } from "@sealane/api";
import { maxCertificateBytes, maxMessageBytes, maxRecordBytes } from "@sealane/link";
import { maxPathBytes } from "@sealane/software/archive";

/** Bounds of the terminal. */

/** Bytes of the identity file: the authority, the chains that came in an enrolment reply, and what names the keys and the server. */
export const maxIdentityBytes: number = maxEnrolReplyBytes + maxCertificateBytes + 16_384;

/** Bytes of a record of the state that belongs to one download or one slot: release and licence of 24 KiB each, a kept content key of 1.3 KB. */
export const maxStateFileBytes: number = 64 * 1024;

/** Accepted messages that are remembered at most; a server that follows the protocol sends a few a day. */
export const maxRemembered = 1_024;

/** The most of them that one originator may fill, so that another still has room. */
export const maxRememberedOfOne = 512;

/** Bytes of the file that remembers them: some 70 each, one pending answer of 64 KiB, and its kept link. */
export const maxInboxFileBytes: number = 256 * 1024;

/** Bytes of literal archive content in one piece of a layout file. */
export const maxLayoutPieceBytes: number = 64 * 1024;

/** Bytes of one encoded piece: its content, a path and heads. */
export const maxLayoutFrameBytes: number = maxLayoutPieceBytes + maxPathBytes + 64;

/** Messages of the inbox that one command looks at: a server keeps 64, and who is on the way could send them without end. */
export const maxInboxLooks = 256;

/** The highest least rate that can be set: 1 GB/s. */
export const maxLeastBytesPerSecond = 1_000_000_000;

/** Attempts of one request that may be repeated, and of a download since its last new segment. */
export const maxAttempts = 6;

/** First and longest pause between two attempts, milliseconds. */
export const firstPauseMilliseconds = 500;
export const longestPauseMilliseconds = 30_000;

/** How often, and after which pause, a command looks whether another one has done with what it holds for a moment. */
export const lockWaits = 50;
export const lockPauseMilliseconds = 100;

/** Seconds between SIGTERM and SIGKILL for a program whose licence has ended. */
export const stopGraceSeconds = 10;

/** Longest pause between two looks at the clock while a program runs: a clock that is set forward is noticed. */
export const licenceWatchSeconds = 60;

/** Clock tolerance in seconds for licences (docs/protocol.md, freshness). */
export const licenceToleranceSeconds = 60;

/** Bytes of the file that names a module's slots. */
export const maxModuleRecordBytes = 1_024;

/** Bytes of a secret that is kept encrypted: a wait for M3 with its certificates of 64 KiB, an encapsulated key, headers. */
export const maxKeptBytes = 68_608;

/** How long a group's epoch of before is kept beside a newer one. */
export const groupOverlapSeconds = 3_600;

/** Bytes of a group's signed record that is kept, and of the file with those of all groups. */
export const maxHeldRecordBytes = 40_960;
export const maxGroupsFileBytes: number = 1024 * 1024;

/** Pause between two looks at the channel, or for the lock, when the one before came to nothing at once. */
export const listenPauseMilliseconds = 1_000;

/** How often a listener looks, at least, whether another command has done with the module of a broadcast that waits for it. */
export const lockedLookSeconds = 5;

/** How long `listen --once` waits unless told. */
export const defaultListenSeconds = 25;

/** Bytes of the files with the clock's floor and of how it rises. */
export const maxClockFileBytes = 128;

/** By how much the machine's clock may differ from the server's before it is told, and how far apart the floor is written. */
export const clockToleranceSeconds = 60;
export const clockFloorStepSeconds = 3_600;

/** How far the floor rises without being asked twice, and how far apart the two have to be by a clock that nobody sets. */
export const clockFarSeconds: number = 30 * 86_400;
export const clockPatienceSeconds = 3_600;

/** Orders that one command asks for: the next one goes on. */
export const maxOrdersAtOnce = 16;

/** How often a terminal that listens asks for orders. */
export const orderPauseSeconds = 900;

/** Authorities whose last order's number is remembered: those of the last enrolments. */
export const maxOrderAuthorities = 16;

/** Bytes of a record as it travels: 64 KiB of plaintext, tag and heads. */
export const maxRecordWireBytes: number = maxRecordBytes + 128;

/** Bytes of an inbox reply: sixteen messages of 64 KiB. */
export const maxInboxReplyBytes: number = maxInboxMessages * (maxMessageBytes + 16);

/**
 * Seconds until an event stream has to show that it lives. The server does so at once: whoever lets nothing through until then holds
 * back what is no whole reply.
 */
export const streamStartSeconds = 10;

/** Bytes of one event stream: three times a full inbox, which is 64 messages of 64 KiB in base64. */
export const maxStreamBytes: number = 16 * 1024 * 1024;
