import type { SuiteName } from "@sealane/crypto";
import type { MechanismName, Role } from "@sealane/link";

/** What a command tells while it works. Nothing in an event is secret. */
export type TerminalEvent =
  | LinkEvent
  | {
      /** A message in the inbox was not usable; the next one is tried. */
      readonly kind: "message-skipped";
      readonly position: number;
      readonly code: string;
    }
  | {
      /** A request or a download is tried again after a pause. */
      readonly kind: "retry";
      readonly code: string;
      readonly attempt: number;
      readonly pauseMilliseconds: number;
    }
  | DownloadEvent
  | {
      /** Bytes of fetched or installed software that have been checked again so far. */
      readonly kind: "check";
      readonly bytes: number;
      readonly totalBytes: number;
    }
  | {
      /** A stage of a command has begun. */
      readonly kind: "stage";
      readonly command: "enroll" | "fetch" | "install" | "exec" | "rollback";
      readonly stage: string;
    };

/** A link was established: what it promises, and who else could read. */
export interface LinkEvent {
  readonly kind: "link";
  readonly mechanism: MechanismName;
  readonly suite: SuiteName;
  readonly originator: Role;
  readonly linkId: string;
  readonly peer: string | null;
  readonly promise: string;
  readonly readers: string;
}

/** Plaintext bytes that are on the disk and authentic. */
export interface DownloadEvent {
  readonly kind: "download";
  readonly bytes: number;
  readonly totalBytes: number;
}

export type OnEvent = (event: TerminalEvent) => void;
