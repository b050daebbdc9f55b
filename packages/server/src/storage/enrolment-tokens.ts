import { type Digest, digest, type Name, parseName, type Thumbprint, thumbprint } from "@sealane/wire";
import type { Selectable } from "kysely";
import type { Queries, Schema } from "./schema.ts";
import { decodeChain, decodeKeys, encodeChain, encodeKeys, type SigningCertificate, type TerminalKeys } from "./terminals.ts";

/** A one-time token as it was handed out. */
interface NewToken {
  readonly id: Uint8Array;
  readonly secretDigest: Digest;
  readonly name: Name;
  readonly model: string;
  readonly createdAtSeconds: number;
  readonly expiresAtSeconds: number;
}

/** What the token's one use issued, to be proven. */
export interface Enrolment extends SigningCertificate, TerminalKeys {
  readonly boundAtSeconds: number;
}

export interface EnrolmentToken extends NewToken {
  /** Null until it is used. */
  readonly enrolment: Enrolment | null;
}

/** Enrolment tokens, known by the SHA-256 of their secrets; one a name. */
export interface EnrolmentTokens {
  /** Adds a token in place of any other of its name. In a transaction. */
  put(token: NewToken): Promise<void>;
  /** Expired ones too, until they are purged. */
  find(id: Uint8Array): Promise<EnrolmentToken | null>;
  findBySigner(signingThumbprint: Thumbprint): Promise<EnrolmentToken | null>;
  /** Binds a token to the keys of the first request; false when it is bound already or gone. */
  bind(id: Uint8Array, enrolment: Enrolment): Promise<boolean>;
  /** Tokens that were used and are not proven: their names have no active terminal. */
  listEnrolling(): Promise<readonly EnrolmentToken[]>;
  purge(nowSeconds: number): Promise<void>;
}

const table = "enrolment_tokens";

export function sqlEnrolmentTokens(db: Queries): EnrolmentTokens {
  const rows = db.selectFrom(table).selectAll();
  return {
    async put({ id, secretDigest, name, model, createdAtSeconds, expiresAtSeconds }) {
      await db.deleteFrom(table).where("name", "=", name).execute();
      const unused = {
        signing_key_digest: null,
        signing_thumbprint: null,
        signing_chain: null,
        keys: null,
        certificate_expires_at: null,
        bound_at: null,
      };
      await db
        .insertInto(table)
        .values({ id, secret_digest: secretDigest, name, model, created_at: createdAtSeconds, expires_at: expiresAtSeconds, ...unused })
        .execute();
    },
    async find(id) {
      const row = await rows.where("id", "=", id).executeTakeFirst();
      return row === undefined ? null : tokenOf(row);
    },
    async findBySigner(signingThumbprint) {
      const row = await rows.where("signing_thumbprint", "=", signingThumbprint).executeTakeFirst();
      return row === undefined ? null : tokenOf(row);
    },
    async bind(id, enrolment) {
      const { numUpdatedRows } = await db
        .updateTable(table)
        .set({
          signing_key_digest: enrolment.signingKeyDigest,
          signing_thumbprint: enrolment.signingThumbprint,
          signing_chain: encodeChain(enrolment.signingChain),
          keys: encodeKeys(enrolment.keys),
          certificate_expires_at: enrolment.certificateExpiresAtSeconds,
          bound_at: enrolment.boundAtSeconds,
        })
        .where("id", "=", id)
        .where("bound_at", "is", null)
        .executeTakeFirst();
      return numUpdatedRows === 1n;
    },
    async listEnrolling() {
      const active = db.selectFrom("terminals").select("name");
      const found = await rows.where("bound_at", "is not", null).where("name", "not in", active).orderBy("name").execute();
      return found.map(tokenOf);
    },
    async purge(nowSeconds) {
      await db.deleteFrom(table).where("expires_at", "<", nowSeconds).execute();
    },
  };
}

function tokenOf(row: Selectable<Schema["enrolment_tokens"]>): EnrolmentToken {
  return {
    id: row.id,
    secretDigest: digest(row.secret_digest),
    name: parseName(row.name),
    model: row.model,
    createdAtSeconds: row.created_at,
    expiresAtSeconds: row.expires_at,
    enrolment: enrolmentOf(row),
  };
}

function enrolmentOf(row: Selectable<Schema["enrolment_tokens"]>): Enrolment | null {
  const { signing_key_digest, signing_thumbprint, signing_chain, keys } = row;
  const { certificate_expires_at, bound_at } = row;
  const isBound =
    signing_key_digest !== null &&
    signing_thumbprint !== null &&
    signing_chain !== null &&
    keys !== null &&
    certificate_expires_at !== null &&
    bound_at !== null;
  if (!isBound) return null;
  return {
    signingKeyDigest: digest(signing_key_digest),
    signingThumbprint: thumbprint(signing_thumbprint),
    signingChain: decodeChain(signing_chain),
    keys: decodeKeys(keys),
    certificateExpiresAtSeconds: certificate_expires_at,
    boundAtSeconds: bound_at,
  };
}
