import type { KeyKind } from "@sealane/crypto";
import type { Kysely } from "kysely";

/**
 * The tables. Bytes are BLOBs (`bytea` on PostgreSQL), times are whole seconds since 1970, nothing is a boolean or a default of
 * the database, so that one schema and one set of queries fit every dialect.
 */
export interface Schema {
  operator_tokens: OperatorTokenRow;
  enrolment_tokens: EnrolmentTokenRow;
  terminals: TerminalRow;
  terminal_decryption_keys: TerminalDecryptionKeyRow;
  releases: ReleaseRow;
  release_models: ReleaseModelRow;
  replay_entries: ReplayEntryRow;
  replay_floor: ReplayFloorRow;
  pending_links: PendingLinkRow;
  links: LinkRow;
  inbox_messages: InboxMessageRow;
  licences: LicenceRow;
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
  /** CBOR of the decryption keys, in the order of the request. */
  decryption_keys: Uint8Array | null;
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

/** Decryption keys of active terminals, one of a kind. */
interface TerminalDecryptionKeyRow {
  terminal: string;
  kind: KeyKind;
  /** Its place in the enrolment request. */
  position: number;
  /** SHA-256 of the SubjectPublicKeyInfo. */
  key_digest: Uint8Array;
  chain: Uint8Array;
}

interface ReleaseRow {
  artefact_id: Uint8Array;
  module: string;
  version: string;
  sequence: number;
  /** CBOR of the SoftwareDescription. */
  description: Uint8Array;
  /** The signed release as it was uploaded; it holds the content key, sealed to the key role. */
  statement: Uint8Array;
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

interface PendingLinkRow {
  reference: Uint8Array;
  terminal: string;
  signing_thumbprint: Uint8Array;
  /** What the message offers. */
  artefact_id: Uint8Array;
  /** Sealed under the storage key. */
  state: Uint8Array;
  expires_at: number;
}

interface LinkRow {
  id: Uint8Array;
  terminal: string;
  signing_thumbprint: Uint8Array;
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
