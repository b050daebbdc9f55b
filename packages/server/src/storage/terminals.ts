import { certificateChainCodec, type InstalledModule, installedModulesCodec } from "@sealane/api";
import { maxCertificateBytes, maxChainLength } from "@sealane/link";
import { type Codec, type Digest, decodeAs, encodeAs, type Name, parseName, type Thumbprint, thumbprint } from "@sealane/wire";
import type { Selectable } from "kysely";
import { lastSeenSeconds } from "../limits.ts";
import type { Queries, Schema } from "./schema.ts";

/** SHA-256 of the SubjectPublicKeyInfo of a terminal's two keys. */
export interface KeyDigests {
  readonly signingKeyDigest: Digest;
  readonly decryptionKeyDigest: Digest;
}

/** A terminal's certificates. */
export interface TerminalCertificates {
  readonly signingThumbprint: Thumbprint;
  readonly signingChain: readonly Uint8Array[];
  readonly decryptionChain: readonly Uint8Array[];
  /** The earlier end of the two. */
  readonly certificateExpiresAtSeconds: number;
}

/** What activation writes. */
export interface NewTerminal extends TerminalCertificates, KeyDigests {
  readonly name: Name;
  readonly model: string;
  readonly enrolledAtSeconds: number;
}

/** An active terminal. */
export interface ActiveTerminal extends TerminalCertificates {
  readonly name: Name;
  readonly model: string;
  readonly enrolledAtSeconds: number;
  readonly lastSeenSeconds: number | null;
  readonly installed: readonly InstalledModule[];
}

/** The active terminals: those that proved both keys. One name has one terminal, one key belongs to one name. */
export interface Terminals {
  find(name: string): Promise<ActiveTerminal | null>;
  findBySigner(signingThumbprint: Thumbprint): Promise<ActiveTerminal | null>;
  list(): Promise<readonly ActiveTerminal[]>;
  /** Whether another name has one of the keys. */
  areKeysTaken(name: Name, keys: KeyDigests): Promise<boolean>;
  /** Puts a terminal in place, of the one that had the name before too. In a transaction with {@link areKeysTaken}. */
  activate(terminal: NewTerminal): Promise<void>;
  /** Notes that the terminal was heard of; written once a minute. */
  seen(name: Name, nowSeconds: number): Promise<void>;
  /** Notes what the terminal says it has installed. */
  report(name: Name, installed: readonly InstalledModule[]): Promise<void>;
}

const table = "terminals";

/** Bytes of what a terminal says it has installed: 64 modules of a name, a version and a number. */
const maxInstalledBytes = 16_384;

export function sqlTerminals(db: Queries): Terminals {
  const rows = db.selectFrom(table).selectAll();
  return {
    async find(name) {
      return activeTerminal(await rows.where("name", "=", name).executeTakeFirst());
    },
    async findBySigner(signingThumbprint) {
      return activeTerminal(await rows.where("signing_thumbprint", "=", signingThumbprint).executeTakeFirst());
    },
    async list() {
      const found = await rows.orderBy("name").execute();
      return found.map(terminalOf);
    },
    async areKeysTaken(name, { signingKeyDigest, decryptionKeyDigest }) {
      const taken = await db
        .selectFrom(table)
        .select("name")
        .where("name", "!=", name)
        .where((column) =>
          column.or([column("signing_key_digest", "=", signingKeyDigest), column("decryption_key_digest", "=", decryptionKeyDigest)]),
        )
        .executeTakeFirst();
      return taken !== undefined;
    },
    async activate(terminal) {
      const { name, ...rest } = valuesOf(terminal);
      await db
        .insertInto(table)
        .values({ name, ...rest, inbox_position: 0 })
        .onConflict((conflict) => conflict.column("name").doUpdateSet(rest))
        .execute();
    },
    async seen(name, nowSeconds) {
      await db
        .updateTable(table)
        .set({ last_seen_at: nowSeconds })
        .where("name", "=", name)
        .where((column) => column.or([column("last_seen_at", "is", null), column("last_seen_at", "<", nowSeconds - lastSeenSeconds)]))
        .execute();
    },
    async report(name, installed) {
      await db
        .updateTable(table)
        .set({ installed: encodeAs(installedModulesCodec, installed) })
        .where("name", "=", name)
        .execute();
    },
  };
}

/** Chains in the database. */
export function encodeChain(chain: readonly Uint8Array[]): Uint8Array {
  return encodeAs(certificateChainCodec, chain);
}

export function decodeChain(bytes: Uint8Array): readonly Uint8Array[] {
  return fromRow(certificateChainCodec, bytes, maxChainLength * (maxCertificateBytes + 16));
}

function valuesOf(terminal: NewTerminal): Omit<Selectable<Schema["terminals"]>, "inbox_position"> {
  return {
    name: terminal.name,
    model: terminal.model,
    signing_key_digest: terminal.signingKeyDigest,
    decryption_key_digest: terminal.decryptionKeyDigest,
    signing_thumbprint: terminal.signingThumbprint,
    signing_chain: encodeChain(terminal.signingChain),
    decryption_chain: encodeChain(terminal.decryptionChain),
    certificate_expires_at: terminal.certificateExpiresAtSeconds,
    enrolled_at: terminal.enrolledAtSeconds,
    last_seen_at: null,
    installed: encodeAs(installedModulesCodec, []),
  };
}

function activeTerminal(row: Selectable<Schema["terminals"]> | undefined): ActiveTerminal | null {
  return row === undefined ? null : terminalOf(row);
}

function terminalOf(row: Selectable<Schema["terminals"]>): ActiveTerminal {
  return {
    name: parseName(row.name),
    model: row.model,
    signingThumbprint: thumbprint(row.signing_thumbprint),
    signingChain: decodeChain(row.signing_chain),
    decryptionChain: decodeChain(row.decryption_chain),
    certificateExpiresAtSeconds: row.certificate_expires_at,
    enrolledAtSeconds: row.enrolled_at,
    lastSeenSeconds: row.last_seen_at,
    installed: fromRow(installedModulesCodec, row.installed, maxInstalledBytes),
  };
}

function fromRow<T>(codec: Codec<T>, bytes: Uint8Array, maxBytes: number): T {
  return decodeAs(codec, bytes, { maxBytes, what: "row" });
}
