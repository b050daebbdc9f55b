import type { SuiteName } from "@sealane/crypto";
import type { MechanismName, Role } from "@sealane/link";
import type { OrderAction } from "@sealane/software";
import type { ServerTrust, Standing } from "./trust.ts";

/** What a command tells while it works. Nothing in an event is secret. */
export type TerminalEvent =
  | LinkEvent
  | ClockEvent
  | {
      /** A message in the inbox was not usable; the next one is tried. */
      readonly kind: "message-skipped";
      readonly position: number;
      readonly code: string;
    }
  | BroadcastEvent
  | {
      /** An order of the operator that the server handed on was followed. */
      readonly kind: "order-followed";
      readonly number: number;
      readonly actions: readonly OrderAction[];
    }
  | {
      /** An order could not be followed; nothing of it was done. The next command asks for it again. */
      readonly kind: "order-refused";
      readonly number: number;
      readonly code: string;
    }
  | {
      /** The server could not be asked for orders; the command goes on. */
      readonly kind: "orders-unasked";
      readonly code: string;
    }
  | {
      /** A broadcast could not be used; the next one is heard. */
      readonly kind: "broadcast-skipped";
      readonly position: number;
      readonly code: string;
    }
  | {
      /** One of several modules could not be fetched; the next one is tried. */
      readonly kind: "module-skipped";
      readonly module: string;
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
  | StartEvent
  | {
      /** Bytes of fetched or installed software that have been checked again so far. */
      readonly kind: "check";
      readonly bytes: number;
      readonly totalBytes: number;
    }
  | {
      /** A stage of a command has begun. */
      readonly kind: "stage";
      readonly command: "enroll" | "fetch" | "listen" | "install" | "exec" | "rollback";
      readonly stage: string;
    };

/** A broadcast was heard that this terminal wants: who signed it, who vouches for that, and what it says of versions. */
export interface BroadcastEvent {
  readonly kind: "broadcast";
  readonly mechanism: MechanismName;
  readonly group: string | null;
  readonly module: string;
  readonly version: string;
  readonly sequence: number;
  readonly signer: string;
  readonly standing: Standing;
  /** SHA-256 of the authority's certificate, hex. */
  readonly fingerprint: string;
  readonly trust: string;
  readonly issuedAtSeconds: number | null;
  /** Whether it is young enough to say what is the newest. */
  readonly isNewest: boolean;
  readonly freshness: string;
}

/** A program is started: what it may, and what it may not. */
export interface StartEvent {
  readonly kind: "start";
  readonly module: string;
  /** Number of the user as whom it runs; null where users have none. */
  readonly user: number | null;
  /** Whether it may read what belongs to the terminal, private keys among it: it does as that user, or as root. */
  readonly readsKeys: boolean;
  /** Whether neither it nor what it starts can ever gain rights (set-user-id, file capabilities). */
  readonly noNewPrivileges: boolean;
  /** Whether the system ends it when `exec` is killed. */
  readonly endsWithExec: boolean;
  /** The first folder on the way to it that it may not pass, if any: it finds its files by `$0`, and not by their full path. */
  readonly closedFolder: string | null;
}

/** The machine's clock differs from what the server has proved. */
interface ClockEvent {
  readonly kind: "clock";
  /** Negative where it is ahead. */
  readonly behindSeconds: number;
}

/** A link was established: what it promises, and who else could read. */
export interface LinkEvent {
  readonly kind: "link";
  readonly mechanism: MechanismName;
  readonly suite: SuiteName;
  readonly originator: Role;
  /** Null for a broadcast. */
  readonly linkId: string | null;
  readonly peer: string | null;
  readonly trust: ServerTrust;
  /** Who the server is, as a sentence. */
  readonly server: string;
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
