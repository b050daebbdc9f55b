import type { OrderAction } from "@sealane/software";

/** JSON bodies of the operator routes. Times are seconds since the epoch; bytes are lower-case hex or base64. */

/** GET terminals, terminal. */
export interface TerminalView {
  readonly name: string;
  readonly model: string;
  readonly status: "enrolling" | "active";
  readonly enrolledAtSeconds: number;
  readonly lastSeenSeconds: number | null;
  readonly certificateExpiresAtSeconds: number;
  /** What the terminal said it has installed when it was last seen. */
  readonly installed: readonly { readonly module: string; readonly version: string; readonly sequence: number }[];
}

/** POST tokens. */
export interface TokenRequest {
  readonly name: string;
  readonly model: string;
  readonly lifeSeconds?: number;
}

export interface TokenView {
  /** Printed once; the server keeps a digest only. */
  readonly token: string;
  readonly expiresAtSeconds: number;
}

/** GET server. */
export interface ServerView {
  readonly name: string;
  readonly fingerprint: string;
  /** One for each kind of key: base64 DER certificates, leaf first. */
  readonly decryptionChains: readonly (readonly string[])[];
  readonly authority: string;
  readonly version: string;
}

/** POST artefacts. */
export interface ArtefactView {
  readonly artefactId: string;
  readonly fileBytes: number;
  /** False when the store had it already. */
  readonly stored: boolean;
}

/** POST, GET releases. */
export interface ReleaseView {
  readonly module: string;
  readonly version: string;
  readonly sequence: number;
  readonly models: readonly string[];
  readonly artefactId: string;
  readonly sha256: string;
  readonly plaintextBytes: number;
  readonly publishedAtSeconds: number;
  readonly publisher: string;
  /** `public`: its content key may be given to everybody. Null: published before releases travelled to terminals, and not offered. */
  readonly grade: "confidential" | "public" | null;
  /** The lowest sequence to which an order may set the module back; null as the grade. */
  readonly floorSequence: number | null;
}

/** GET release. */
export interface ReleaseStatementView extends ReleaseView {
  /** The signed release, base64. */
  readonly statement: string;
}

/** POST offers. */
export interface OfferRequest {
  readonly terminals: readonly string[];
  readonly module: string;
  readonly mechanism?: string;
  readonly suite?: string;
}

export interface OfferView {
  readonly offered: readonly string[];
}

/** POST, GET orders: one that is handed on until it is over. */
export interface OrderView {
  readonly number: number;
  readonly issuer: string;
  readonly issuedAtSeconds: number;
  readonly expiresAtSeconds: number;
  /** "*" for every terminal. */
  readonly recipients: "*" | readonly string[];
  /** As the order says them; `kind` tells which. */
  readonly actions: readonly OrderAction[];
}

/** POST broadcasts: the newest release of the module, or the newest for one model, is broadcast. */
export interface BroadcastRequest {
  readonly module: string;
  readonly model?: string;
  readonly mechanism?: string;
  readonly suite?: string;
  /** Of `group-broadcast`. */
  readonly group?: string;
  /** How long it runs; its M1 is renewed meanwhile. */
  readonly lifeSeconds?: number;
}

/** POST, GET broadcasts. */
export interface BroadcastView {
  readonly id: string;
  readonly mechanism: string;
  readonly suite: string;
  readonly group: string | null;
  readonly module: string;
  readonly version: string;
  readonly sequence: number;
  readonly artefactId: string;
  readonly startedAtSeconds: number;
  readonly endsAtSeconds: number;
  /** When its M1 of now was signed. */
  readonly issuedAtSeconds: number;
}

/** POST groups. */
export interface GroupRequest {
  readonly name: string;
}

/** POST groupMembers: at least one of both. */
export interface GroupMembersRequest {
  readonly add?: readonly string[];
  readonly remove?: readonly string[];
}

/** POST, GET groups. */
export interface GroupView {
  readonly name: string;
  readonly members: readonly string[];
  /** The epoch of now, and when it ends; a group that nobody has asked for yet has none. */
  readonly epoch: number | null;
  readonly epochEndsAtSeconds: number | null;
}
