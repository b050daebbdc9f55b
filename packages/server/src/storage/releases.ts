import { parseRelease, type Release, type SoftwareDescription, softwareDescriptionCodec } from "@sealane/software";
import { type ArtefactId, decodeAs, encodeAs, equalBytes, type Name, parseName } from "@sealane/wire";
import type { Selectable } from "kysely";
import { serverErrors } from "../errors.ts";
import type { Queries, Schema } from "./schema.ts";

/** A release whose publisher was verified when it was accepted. */
export interface StoredRelease {
  readonly description: SoftwareDescription;
  /** The signed release, as uploaded: what terminals are given. */
  readonly statement: Uint8Array;
  /** The content key, sealed to the key role; no terminal is given it. */
  readonly sealedContentKey: Uint8Array;
  readonly publisher: Name;
  readonly publishedAtSeconds: number;
  readonly acceptedAtSeconds: number;
}

/** A release, offered or not: one that was published before releases travelled to terminals has no sealed key of its own. */
export type AnyRelease = Omit<StoredRelease, "sealedContentKey"> & { readonly sealedContentKey: Uint8Array | null };

/** A sealed content key, and what its release says that it is bound to. */
export interface SealedKeyRow {
  readonly release: Release;
  readonly sealedContentKey: Uint8Array;
}

/** Releases. Which of a module is the newest for a model is never in doubt: a sequence number is given once. */
export interface Releases {
  /**
   * Adds a release; the same software by the same publisher again replaces statement and sealed key. "conflict" when another release of the
   * module has the sequence number for one of the models, another publisher has the artefact, or the one that is here was signed later;
   * "version taken" when other software is released as this version of the module for one of the models. In a transaction.
   */
  add(release: StoredRelease): Promise<"added" | "conflict" | "version taken">;
  find(artefactId: ArtefactId): Promise<StoredRelease | null>;
  /** The same, whether it is offered or not. */
  findAny(artefactId: ArtefactId): Promise<AnyRelease | null>;
  /** The newest of each module, or of the one named, that is for a model or for any; by module, at most `max`. */
  newest(model: string, options: { readonly module: string | null; readonly max: number }): Promise<readonly StoredRelease[]>;
  /** The latest of one module, for whatever models, the newest first; at most `max`. */
  newestOf(module: string, max: number): Promise<readonly StoredRelease[]>;
  list(): Promise<readonly AnyRelease[]>;
  /** The sealed content keys of all that is offered. */
  sealedKeys(): Promise<readonly SealedKeyRow[]>;
  /** Puts another sealed key in place of the one before; false when that has gone by now. */
  reseal(artefactId: ArtefactId, keys: { readonly before: Uint8Array; readonly after: Uint8Array }): Promise<boolean>;
}

/** In place of a model: the software does not depend on it. No model has this name. */
const anyModel = "";

/** Bytes of an encoded description: 64 models of 64 bytes, a path, digests. */
const maxDescriptionBytes = 8_192;

export function sqlReleases(db: Queries): Releases {
  return {
    async add(release) {
      const { description } = release;
      const { artefactId, module, version, sequence } = description;
      const known = await db.selectFrom("releases").selectAll().where("artefact_id", "=", artefactId).executeTakeFirst();
      const row = rowOf(release);
      if (known !== undefined) {
        const isSame = known.publisher === row.publisher && equalBytes(known.description, row.description);
        if (!isSame || known.published_at > row.published_at) return "conflict";
        await db.updateTable("releases").set(row).where("artefact_id", "=", artefactId).execute();
        return "added";
      }
      const models = modelsOf(description);
      if (await isSequenceTaken(db, { module, sequence, models })) return "conflict";
      if (await isVersionTaken(db, description)) return "version taken";
      await db
        .insertInto("releases")
        .values({ artefact_id: artefactId, module, version, sequence, ...row })
        .execute();
      await db
        .insertInto("release_models")
        .values(models.map((model) => ({ module, model, sequence, artefact_id: artefactId })))
        .execute();
      return "added";
    },
    async find(artefactId) {
      const row = await offered(db).where("artefact_id", "=", artefactId).executeTakeFirst();
      return row === undefined ? null : offeredOf(row);
    },
    async findAny(artefactId) {
      const row = await db.selectFrom("releases").selectAll().where("artefact_id", "=", artefactId).executeTakeFirst();
      return row === undefined ? null : { ...releaseOf(row), sealedContentKey: row.sealed_key };
    },
    async newest(model, { module, max }) {
      const fitting = db
        .selectFrom("release_models")
        .where("model", "in", [model, anyModel])
        .where("artefact_id", "in", db.selectFrom("releases").select("artefact_id").where("sealed_key", "is not", null));
      const highest = (module === null ? fitting : fitting.where("module", "=", module))
        .select((column) => ["module", column.fn.max("sequence").as("sequence")])
        .groupBy("module")
        .orderBy("module")
        .limit(max);
      const rows = await db
        .selectFrom(highest.as("highest"))
        .innerJoin("release_models as fitting", (join) =>
          join.onRef("fitting.module", "=", "highest.module").onRef("fitting.sequence", "=", "highest.sequence"),
        )
        .innerJoin("releases", "releases.artefact_id", "fitting.artefact_id")
        .where("fitting.model", "in", [model, anyModel])
        .selectAll("releases")
        .orderBy("releases.module")
        .execute();
      return rows.map(offeredOf);
    },
    async newestOf(module, max) {
      const rows = offered(db).where("module", "=", module).orderBy("sequence", "desc").limit(max);
      return (await rows.execute()).map(offeredOf);
    },
    async list() {
      const rows = await db
        .selectFrom("releases")
        .selectAll()
        .orderBy("module")
        .orderBy("sequence", "desc")
        .orderBy("artefact_id")
        .execute();
      return rows.map((row) => ({ ...releaseOf(row), sealedContentKey: row.sealed_key }));
    },
    async sealedKeys() {
      const rows = await offered(db).orderBy("artefact_id").execute();
      return rows.map((row) => ({ release: parseRelease(row.statement).release, sealedContentKey: requireSealed(row) }));
    },
    async reseal(artefactId, { before, after }) {
      const rows = db.updateTable("releases").set({ sealed_key: after }).where("artefact_id", "=", artefactId);
      const { numUpdatedRows } = await rows.where("sealed_key", "=", before).executeTakeFirst();
      return numUpdatedRows === 1n;
    },
  };
}

/** What may be delivered: a release that was published before releases travelled to terminals may not. */
function offered(db: Queries) {
  return db.selectFrom("releases").selectAll().where("sealed_key", "is not", null);
}

async function isSequenceTaken(
  db: Queries,
  release: { readonly module: string; readonly sequence: number; readonly models: readonly string[] },
): Promise<boolean> {
  const { module, sequence, models } = release;
  const others = await db
    .selectFrom("release_models")
    .select("model")
    .where("module", "=", module)
    .where("sequence", "=", sequence)
    .execute();
  return meet(
    others.map(({ model }) => model),
    models,
  );
}

async function isVersionTaken(db: Queries, description: SoftwareDescription): Promise<boolean> {
  const { module, version, sha256 } = description;
  const others = await db.selectFrom("releases").selectAll().where("module", "=", module).where("version", "=", version).execute();
  return others
    .map((row) => releaseOf(row).description)
    .some((other) => !equalBytes(other.sha256, sha256) && meet(modelsOf(other), modelsOf(description)));
}

/** Whether some model is among both; {@link anyModel} is among all. */
function meet(some: readonly string[], others: readonly string[]): boolean {
  if (some.length === 0) return false;
  return some.includes(anyModel) || others.includes(anyModel) || some.some((model) => others.includes(model));
}

function modelsOf({ models }: SoftwareDescription): readonly string[] {
  return models.length === 0 ? [anyModel] : [...new Set(models)];
}

type StatementColumns = Pick<
  Selectable<Schema["releases"]>,
  "description" | "statement" | "sealed_key" | "publisher" | "published_at" | "accepted_at"
>;

function rowOf(release: StoredRelease): StatementColumns {
  const { description, statement, sealedContentKey, publisher, publishedAtSeconds, acceptedAtSeconds } = release;
  return {
    description: encodeAs(softwareDescriptionCodec, description),
    statement,
    sealed_key: sealedContentKey,
    publisher,
    published_at: publishedAtSeconds,
    accepted_at: acceptedAtSeconds,
  };
}

function offeredOf(row: StatementColumns): StoredRelease {
  return { ...releaseOf(row), sealedContentKey: requireSealed(row) };
}

/** What {@link offered} selects has one. */
function requireSealed({ sealed_key: sealed }: StatementColumns): Uint8Array {
  if (sealed === null) throw serverErrors.error("STORE_FAILED", { column: "sealed_key" });
  return sealed;
}

function releaseOf(row: StatementColumns): Omit<StoredRelease, "sealedContentKey"> {
  return {
    description: decodeAs(softwareDescriptionCodec, row.description, { maxBytes: maxDescriptionBytes, what: "row" }),
    statement: row.statement,
    publisher: parseName(row.publisher),
    publishedAtSeconds: row.published_at,
    acceptedAtSeconds: row.accepted_at,
  };
}
