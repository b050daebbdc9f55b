import { certificateChainCodec, type InstalledModule, installedModulesCodec, maxDecryptionKinds } from "@sealane/api";
import { decryptionKinds, type KeyKind } from "@sealane/crypto";
import { maxCertificateBytes, maxChainLength } from "@sealane/link";
import {
  bytesAs,
  type Codec,
  type Digest,
  decodeAs,
  digest,
  encodeAs,
  listOf,
  type Name,
  oneOf,
  parseName,
  type Thumbprint,
  thumbprint,
  tuple,
} from "@sealane/wire";
import type { Selectable } from "kysely";
import { lastSeenSeconds } from "../limits.ts";
import type { Queries, Schema } from "./schema.ts";

/** A decryption key of a terminal, which has one of a kind. */
export interface CertifiedDecryptionKey {
  readonly kind: KeyKind;
  /** SHA-256 of the SubjectPublicKeyInfo. */
  readonly keyDigest: Digest;
  readonly chain: readonly Uint8Array[];
}

/** A terminal's keys. */
export interface TerminalKeys {
  /** SHA-256 of the SubjectPublicKeyInfo. */
  readonly signingKeyDigest: Digest;
  /** In the order of the enrolment request. */
  readonly decryptionKeys: readonly CertifiedDecryptionKey[];
}

/** By what a terminal is known. */
export interface SigningCertificate {
  readonly signingThumbprint: Thumbprint;
  readonly signingChain: readonly Uint8Array[];
  /** The earliest end of its certificates, those of decryption too. */
  readonly certificateExpiresAtSeconds: number;
}

/** What activation writes. */
export interface NewTerminal extends SigningCertificate, TerminalKeys {
  readonly name: Name;
  readonly model: string;
  readonly enrolledAtSeconds: number;
}

/** An active terminal. */
export interface ActiveTerminal extends SigningCertificate {
  readonly name: Name;
  readonly model: string;
  readonly enrolledAtSeconds: number;
  readonly lastSeenSeconds: number | null;
  readonly installed: readonly InstalledModule[];
}

/** The active terminals: those that proved all their keys. One name has one terminal, one key belongs to one name. */
export interface Terminals {
  find(name: string): Promise<ActiveTerminal | null>;
  findBySigner(signingThumbprint: Thumbprint): Promise<ActiveTerminal | null>;
  list(): Promise<readonly ActiveTerminal[]>;
  /** The chain of a terminal's decryption certificate for keys of a kind; null when it has none. */
  decryptionChain(name: Name, kind: KeyKind): Promise<readonly Uint8Array[] | null>;
  /** The chains of all its decryption certificates, in the order of the enrolment request. */
  decryptionChains(name: Name): Promise<readonly (readonly Uint8Array[])[]>;
  /** Whether another name has one of the keys. */
  areKeysTaken(name: Name, keys: TerminalKeys): Promise<boolean>;
  /** Puts a terminal in place, of the one that had the name before too. In a transaction with {@link Terminals.areKeysTaken}. */
  activate(terminal: NewTerminal): Promise<void>;
  /** Notes that the terminal was heard of; written once a minute. */
  seen(name: Name, nowSeconds: number): Promise<void>;
  /** Notes what the terminal says it has installed. */
  report(name: Name, installed: readonly InstalledModule[]): Promise<void>;
}

const table = "terminals";
const keyTable = "terminal_decryption_keys";

/** Bytes of what a terminal says it has installed: 64 modules of a name, a version and a number. */
const maxInstalledBytes = 16_384;

export function sqlTerminals(db: Queries): Terminals {
  const rows = db.selectFrom(table).selectAll();
  const keyRows = db.selectFrom(keyTable).select("chain");
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
    async decryptionChain(name, kind) {
      const found = await keyRows.where("terminal", "=", name).where("kind", "=", kind).executeTakeFirst();
      return found === undefined ? null : decodeChain(found.chain);
    },
    async decryptionChains(name) {
      const found = await keyRows.where("terminal", "=", name).orderBy("position").execute();
      return found.map(({ chain }) => decodeChain(chain));
    },
    async areKeysTaken(name, { signingKeyDigest, decryptionKeys }) {
      const signing = db.selectFrom(table).select("name").where("name", "!=", name).where("signing_key_digest", "=", signingKeyDigest);
      if ((await signing.executeTakeFirst()) !== undefined) return true;
      const digests = decryptionKeys.map(({ keyDigest }) => keyDigest);
      const decryption = db.selectFrom(keyTable).select("terminal").where("terminal", "!=", name).where("key_digest", "in", digests);
      return (await decryption.executeTakeFirst()) !== undefined;
    },
    async activate(terminal) {
      const { name, ...rest } = valuesOf(terminal);
      await db.deleteFrom(keyTable).where("terminal", "=", name).execute();
      await db
        .insertInto(table)
        .values({ name, ...rest, inbox_position: 0 })
        .onConflict((conflict) => conflict.column("name").doUpdateSet(rest))
        .execute();
      const keys = terminal.decryptionKeys.map(({ kind, keyDigest, chain }, position) => {
        return { terminal: name, kind, position, key_digest: keyDigest, chain: encodeChain(chain) };
      });
      await db.insertInto(keyTable).values(keys).execute();
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

/** Bytes of a chain with heads, a kind and a digest. */
const maxChainBytes = maxChainLength * (maxCertificateBytes + 16) + 64;

/** Chains in the database. */
export function encodeChain(chain: readonly Uint8Array[]): Uint8Array {
  return encodeAs(certificateChainCodec, chain);
}

export function decodeChain(bytes: Uint8Array): readonly Uint8Array[] {
  return fromRow(certificateChainCodec, bytes, maxChainBytes);
}

const decryptionKeysCodec: Codec<readonly CertifiedDecryptionKey[]> = listOf(
  tuple<CertifiedDecryptionKey>({ kind: oneOf(decryptionKinds), keyDigest: bytesAs(digest), chain: certificateChainCodec }),
  { min: 1, max: maxDecryptionKinds },
);

/** Decryption keys that are not proven, in the database. */
export function encodeDecryptionKeys(keys: readonly CertifiedDecryptionKey[]): Uint8Array {
  return encodeAs(decryptionKeysCodec, keys);
}

export function decodeDecryptionKeys(bytes: Uint8Array): readonly CertifiedDecryptionKey[] {
  return fromRow(decryptionKeysCodec, bytes, maxDecryptionKinds * maxChainBytes);
}

function valuesOf(terminal: NewTerminal): Omit<Selectable<Schema["terminals"]>, "inbox_position"> {
  return {
    name: terminal.name,
    model: terminal.model,
    signing_key_digest: terminal.signingKeyDigest,
    signing_thumbprint: terminal.signingThumbprint,
    signing_chain: encodeChain(terminal.signingChain),
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
    certificateExpiresAtSeconds: row.certificate_expires_at,
    enrolledAtSeconds: row.enrolled_at,
    lastSeenSeconds: row.last_seen_at,
    installed: fromRow(installedModulesCodec, row.installed, maxInstalledBytes),
  };
}

function fromRow<T>(codec: Codec<T>, bytes: Uint8Array, maxBytes: number): T {
  return decodeAs(codec, bytes, { maxBytes, what: "row" });
}
