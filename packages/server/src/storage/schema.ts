import type { KeyKind } from "@sealane/crypto";
import type { Kysely } from "kysely";
import type { TerminalKeyPurpose } from "./terminals.ts";

/**
 * The tables. Bytes are BLOBs (`bytea` on PostgreSQL), times are whole seconds since 1970, nothing is a boolean or a default of
 * the database, so that one schema and one set of queries fit every dialect.
 */
export interface Schema {
  operator_tokens: OperatorTokenRow;
  enrolment_tokens: EnrolmentTokenRow;
  terminals: TerminalRow;
  terminal_keys: TerminalKeyRow;
  releases: ReleaseRow;
  release_models: ReleaseModelRow;
  replay_entries: ReplayEntryRow;
  replay_floor: ReplayFloorRow;
  challenges: ChallengeRow;
  pending_links: PendingLinkRow;
  links: LinkRow;
  inbox_messages: InboxMessageRow;
  licences: LicenceRow;
  groups: GroupRow;
  group_members: GroupMemberRow;
  group_epochs: GroupEpochRow;
  broadcasts: BroadcastRow;
  broadcast_channel: BroadcastChannelRow;
  orders: OrderRow;
  order_recipients: OrderRecipientRow;
}

/** A connection or a transaction. */
export type Queries = Kysely<Schema>;

interface OperatorTokenRow {
  /** SHA-256 of the token. */
  digest: Uint8Array;
  label: string;
  created_at: number;
}

/** One row a name: a new token takes the place of the one before. */
interface EnrolmentTokenRow {
  id: Uint8Array;
  /** SHA-256 of the token's secret. */
  secret_digest: Uint8Array;
  name: string;
  model: string;
  created_at: number;
  expires_at: number;
  /** Everything below is set together, once, by the first request that uses the token. */
  signing_key_digest: Uint8Array | null;
  signing_thumbprint: Uint8Array | null;
  signing_chain: Uint8Array | null;
  /** CBOR of the keys for decryption and agreement, in the order of the request. */
  keys: Uint8Array | null;
  certificate_expires_at: number | null;
  bound_at: number | null;
}

/** Active terminals. */
interface TerminalRow {
  name: string;
  model: string;
  /** SHA-256 of the SubjectPublicKeyInfo. */
  signing_key_digest: Uint8Array;
  signing_thumbprint: Uint8Array;
  signing_chain: Uint8Array;
  certificate_expires_at: number;
  enrolled_at: number;
  last_seen_at: number | null;
  /** CBOR of what it said it has installed. */
  installed: Uint8Array;
  /** Position of the last message that was put into its inbox. */
  inbox_position: number;
}

/** Keys of active terminals beside the signing key by which they are known: for each purpose one of a kind. */
interface TerminalKeyRow {
  terminal: string;
  purpose: TerminalKeyPurpose;
  kind: KeyKind;
  /** Its place in the enrolment request. */
  position: number;
  /** SHA-256 of the SubjectPublicKeyInfo. */
  key_digest: Uint8Array;
  /** SHA-256 of the certificate of a key that signs. */
  signing_thumbprint: Uint8Array | null;
  chain: Uint8Array;
}

interface ReleaseRow {
  artefact_id: Uint8Array;
  module: string;
  version: string;
  sequence: number;
  /** CBOR of the SoftwareDescription. */
  description: Uint8Array;
  /** The signed release as it was uploaded. */
  statement: Uint8Array;
  /** The content key, sealed to the key role; null in a row of before migration 0003, whose statement has it and is of another form. */
  sealed_key: Uint8Array | null;
  publisher: string;
  published_at: number;
  /** When its signature and certificate were checked. */
  accepted_at: number;
}

/** At most one release of a module has a sequence number for a model; the model "" stands for all. */
interface ReleaseModelRow {
  module: string;
  model: string;
  sequence: number;
  artefact_id: Uint8Array;
}

interface ReplayEntryRow {
  mechanism: string;
  /** CBOR of the credential. */
  originator: Uint8Array;
  nonce: Uint8Array;
  remember_until: number;
}

/** One row: the latest `remember_until` among the entries that were forgotten. */
interface ReplayFloorRow {
  id: number;
  remember_until: number;
}

interface ChallengeRow {
  challenge: Uint8Array;
  expires_at: number;
}

interface PendingLinkRow {
  reference: Uint8Array;
  terminal: string;
  signing_thumbprint: Uint8Array;
  /** What the server's own message offers; null where it offers nothing, and where a terminal's M3 is awaited. */
  artefact_id: Uint8Array | null;
  /** M2 as it was sent, where M3 is awaited; null where a reply is. */
  sent: Uint8Array | null;
  /** Sealed under the storage key. */
  state: Uint8Array;
  expires_at: number;
}

interface LinkRow {
  id: Uint8Array;
  /** Both null where the terminal is anonymous. */
  terminal: string | null;
  signing_thumbprint: Uint8Array | null;
  /** Artefact id of what the server originated it for; null where a terminal did. */
  offered: Uint8Array | null;
  stage: "unconfirmed" | "confirmed";
  /** Sealed under the storage key. */
  state: Uint8Array;
  /** Grows with each record; a writer that read an older one has lost. */
  version: number;
  created_at: number;
  expires_at: number;
  /** SHA-256 of the message that established it: M1, or the answer to the server's. */
  opening_digest: Uint8Array;
  /** SHA-256 of the last message or record that was received, and what was sent back. */
  request_digest: Uint8Array;
  response: Uint8Array;
}

interface InboxMessageRow {
  terminal: string;
  position: number;
  reference: Uint8Array;
  message: Uint8Array;
  expires_at: number;
}

interface LicenceRow {
  /** SHA-256 of the licence. */
  digest: Uint8Array;
  terminal: string;
  artefact_id: Uint8Array;
  licence: Uint8Array;
  issued_at: number;
  expires_at: number;
}

interface GroupRow {
  name: string;
  /** The epoch that was begun last; 0 before the first. */
  last_epoch: number;
  /** 1 when somebody holds the secret who is no member any more: the next use begins a new epoch. */
  is_stale: number;
  created_at: number;
}

interface GroupMemberRow {
  group_name: string;
  terminal: string;
}

/** The epoch of now, and until its end the one before. */
interface GroupEpochRow {
  group_name: string;
  epoch: number;
  /** The signed record. */
  record: Uint8Array;
  /** Sealed under the storage key. */
  seeds: Uint8Array;
  expires_at: number;
}

/** A broadcast that runs, with its M1 of now. */
interface BroadcastRow {
  id: Uint8Array;
  artefact_id: Uint8Array;
  mechanism: string;
  suite: string;
  /** Null where it is for everybody. */
  group_name: string | null;
  started_at: number;
  ends_at: number;
  /** Where it stands on the channel; a renewed M1 has a new place. */
  position: number;
  message: Uint8Array;
  wrap: Uint8Array;
  /** When M1 was signed, until when it is accepted, and from when on another is made. */
  issued_at: number;
  expires_at: number;
  renew_at: number;
}

/** One row: the position that was given last. */
interface BroadcastChannelRow {
  id: number;
  position: number;
}

/** An order that is handed on until it is over. */
interface OrderRow {
  number: number;
  expires_at: number;
  /** As its operator signed it. */
  statement: Uint8Array;
}

/** Whom an order is for; "*" stands for all. */
interface OrderRecipientRow {
  terminal: string;
  number: number;
}
