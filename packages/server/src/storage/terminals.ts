import { certificateChainCodec, type InstalledModule, installedModulesCodec, maxKeyKinds } from "@sealane/api";
import { type KeyKind, keyKindsOf, sha256, suites } from "@sealane/crypto";
import { maxCertificateBytes, maxChainLength } from "@sealane/link";
import {
  bytesAs,
  type Codec,
  type Digest,
  decodeAs,
  digest,
  encodeAs,
  equalBytes,
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

/** What a terminal's keys are for beside the signing key by which it is known; for each purpose it has one of a kind. */
const terminalKeyPurposes = ["sign", "decrypt", "agree"] as const;
export type TerminalKeyPurpose = (typeof terminalKeyPurposes)[number];

/** A key of a terminal beside the one by which it is known. */
export interface TerminalKey {
  readonly purpose: TerminalKeyPurpose;
  readonly kind: KeyKind;
  /** SHA-256 of the SubjectPublicKeyInfo. */
  readonly keyDigest: Digest;
  readonly chain: readonly Uint8Array[];
}

/** A terminal's keys. */
export interface TerminalKeys {
  /** SHA-256 of the SubjectPublicKeyInfo. */
  readonly signingKeyDigest: Digest;
  /** In the order of the enrolment request: those that sign, those that decrypt, then those that agree. */
  readonly keys: readonly TerminalKey[];
}

/** By what a terminal is known. */
export interface SigningCertificate {
  readonly signingThumbprint: Thumbprint;
  readonly signingChain: readonly Uint8Array[];
  /** The earliest end of all its certificates. */
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

/** A terminal with the chain of one of its signing certificates. */
export interface SignerOf {
  readonly terminal: ActiveTerminal;
  readonly chain: readonly Uint8Array[];
}

/** The active terminals: those that proved all their keys. One name has one terminal, one key belongs to one name and purpose. */
export interface Terminals {
  find(name: string): Promise<ActiveTerminal | null>;
  findBySigner(signingThumbprint: Thumbprint): Promise<ActiveTerminal | null>;
  /** The terminal that one of whose other signing certificates this is, with the certificate's chain. */
  findByOtherSigner(signingThumbprint: Thumbprint): Promise<SignerOf | null>;
  list(): Promise<readonly ActiveTerminal[]>;
  /** The chain of a terminal's certificate for one purpose and kind of key; null when it has none. */
  chain(name: Name, key: Pick<TerminalKey, "purpose" | "kind">): Promise<readonly Uint8Array[] | null>;
  /** The kinds of these keys by purpose, in the order of the enrolment request. */
  kinds(name: Name): Promise<Readonly<Record<TerminalKeyPurpose, readonly KeyKind[]>>>;
  /** The chains of all these certificates with what each is for, in the order of the enrolment request. */
  keyChains(name: Name): Promise<readonly Pick<TerminalKey, "purpose" | "chain">[]>;
  /** Whether one of the keys belongs to another name, or to this one for another purpose. */
  areKeysTaken(name: Name, keys: TerminalKeys): Promise<boolean>;
  /** Puts a terminal in place, of the one that had the name before too. In a transaction with {@link Terminals.areKeysTaken}. */
  activate(terminal: NewTerminal): Promise<void>;
  /** Notes that the terminal was heard of; written once a minute. */
  seen(name: Name, nowSeconds: number): Promise<void>;
  /** Notes what the terminal says it has installed. */
  report(name: Name, installed: readonly InstalledModule[]): Promise<void>;
}

const table = "terminals";
const keyTable = "terminal_keys";

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
    async findByOtherSigner(signingThumbprint) {
      const key = await db
        .selectFrom(keyTable)
        .select(["terminal", "chain"])
        .where("signing_thumbprint", "=", signingThumbprint)
        .executeTakeFirst();
      const terminal = key === undefined ? null : activeTerminal(await rows.where("name", "=", key.terminal).executeTakeFirst());
      return key === undefined || terminal === null ? null : { terminal, chain: decodeChain(key.chain) };
    },
    async list() {
      const found = await rows.orderBy("name").execute();
      return found.map(terminalOf);
    },
    async chain(name, { purpose, kind }) {
      const found = await keyRows.where("terminal", "=", name).where("purpose", "=", purpose).where("kind", "=", kind).executeTakeFirst();
      return found === undefined ? null : decodeChain(found.chain);
    },
    async kinds(name) {
      const found = await db.selectFrom(keyTable).select(["purpose", "kind"]).where("terminal", "=", name).orderBy("position").execute();
      const of = (wanted: TerminalKeyPurpose): readonly KeyKind[] =>
        found.filter(({ purpose }) => purpose === wanted).map(({ kind }) => kind);
      return { sign: of("sign"), decrypt: of("decrypt"), agree: of("agree") };
    },
    async keyChains(name) {
      const found = await db.selectFrom(keyTable).select(["purpose", "chain"]).where("terminal", "=", name).orderBy("position").execute();
      return terminalKeyPurposes.flatMap((wanted) =>
        found.filter(({ purpose }) => purpose === wanted).map(({ chain }) => ({ purpose: wanted, chain: decodeChain(chain) })),
      );
    },
    async areKeysTaken(name, { signingKeyDigest, keys }) {
      const wanted = [{ purpose: "sign", keyDigest: signingKeyDigest }, ...keys];
      const digests = wanted.map(({ keyDigest }) => keyDigest);
      const signing = await db
        .selectFrom(table)
        .select(["name as terminal", "signing_key_digest as key_digest"])
        .where("signing_key_digest", "in", digests)
        .execute();
      const others = await db
        .selectFrom(keyTable)
        .select(["terminal", "purpose", "key_digest"])
        .where("key_digest", "in", digests)
        .execute();
      return [...signing.map((row) => ({ ...row, purpose: "sign" })), ...others].some(
        (row) =>
          row.terminal !== name ||
          wanted.some(({ purpose, keyDigest }) => equalBytes(keyDigest, row.key_digest) && purpose !== row.purpose),
      );
    },
    async activate(terminal) {
      const { name, ...rest } = valuesOf(terminal);
      await db.deleteFrom(keyTable).where("terminal", "=", name).execute();
      await db
        .insertInto(table)
        .values({ name, ...rest, inbox_position: 0 })
        .onConflict((conflict) => conflict.column("name").doUpdateSet(rest))
        .execute();
      const keys = terminal.keys.map(({ purpose, kind, keyDigest, chain }, position) => {
        const signing_thumbprint = purpose === "sign" ? sha256(chain[0] ?? new Uint8Array(0)) : null;
        return { terminal: name, purpose, kind, position, key_digest: keyDigest, signing_thumbprint, chain: encodeChain(chain) };
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

/** Bytes of a chain with heads, a purpose, a kind and a digest. */
const maxChainBytes = maxChainLength * (maxCertificateBytes + 16) + 64;

/** Chains in the database. */
export function encodeChain(chain: readonly Uint8Array[]): Uint8Array {
  return encodeAs(certificateChainCodec, chain);
}

export function decodeChain(bytes: Uint8Array): readonly Uint8Array[] {
  return fromRow(certificateChainCodec, bytes, maxChainBytes);
}

const maxKeys = terminalKeyPurposes.length * maxKeyKinds;

const { signing, decryption, agreement } = keyKindsOf(suites);
const everyKind = [...new Set([...signing, ...decryption, ...agreement])];

const keysCodec: Codec<readonly TerminalKey[]> = listOf(
  tuple<TerminalKey>({
    purpose: oneOf(terminalKeyPurposes),
    kind: oneOf(everyKind),
    keyDigest: bytesAs(digest),
    chain: certificateChainCodec,
  }),
  { min: 1, max: maxKeys },
);

/** Keys that are not proven, in the database. */
export function encodeKeys(keys: readonly TerminalKey[]): Uint8Array {
  return encodeAs(keysCodec, keys);
}

export function decodeKeys(bytes: Uint8Array): readonly TerminalKey[] {
  return fromRow(keysCodec, bytes, maxKeys * maxChainBytes);
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
