import { type SoftwareDescription, softwareDescriptionCodec } from "@sealane/software";
import { type ArtefactId, decodeAs, encodeAs, equalBytes, type Name, parseName } from "@sealane/wire";
import type { Selectable } from "kysely";
import type { Queries, Schema } from "./schema.ts";

/** A release whose publisher was verified when it was accepted. */
export interface StoredRelease {
  readonly description: SoftwareDescription;
  /** As uploaded: signed, with the content key sealed to the key role. */
  readonly statement: Uint8Array;
  readonly publisher: Name;
  readonly publishedAtSeconds: number;
  readonly acceptedAtSeconds: number;
}

/** Releases. Which of a module is the newest for a model is never in doubt: a sequence number is given once. */
export interface Releases {
  /**
   * Adds a release; the same software by the same publisher again replaces its statement. "conflict" when another release of the
   * module has the sequence number for one of the models, or another publisher has the artefact. In a transaction.
   */
  add(release: StoredRelease): Promise<"added" | "conflict">;
  find(artefactId: ArtefactId): Promise<StoredRelease | null>;
  /** The newest of each module, or of the one named, that is for a model or for any; by module, at most `max`. */
  newest(model: string, options: { readonly module: string | null; readonly max: number }): Promise<readonly StoredRelease[]>;
  /** The latest of one module, for whatever models, the newest first; at most `max`. */
  newestOf(module: string, max: number): Promise<readonly StoredRelease[]>;
  list(): Promise<readonly StoredRelease[]>;
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
        if (known.publisher !== row.publisher || !equalBytes(known.description, row.description)) return "conflict";
        await db.updateTable("releases").set(row).where("artefact_id", "=", artefactId).execute();
        return "added";
      }
      const models = modelsOf(description);
      if (await isSequenceTaken(db, { module, sequence, models })) return "conflict";
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
      const row = await db.selectFrom("releases").selectAll().where("artefact_id", "=", artefactId).executeTakeFirst();
      return row === undefined ? null : releaseOf(row);
    },
    async newest(model, { module, max }) {
      const fitting = db.selectFrom("release_models").where("model", "in", [model, anyModel]);
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
      return rows.map(releaseOf);
    },
    async newestOf(module, max) {
      const rows = db.selectFrom("releases").selectAll().where("module", "=", module).orderBy("sequence", "desc").limit(max);
      return (await rows.execute()).map(releaseOf);
    },
    async list() {
      const rows = await db
        .selectFrom("releases")
        .selectAll()
        .orderBy("module")
        .orderBy("sequence", "desc")
        .orderBy("artefact_id")
        .execute();
      return rows.map(releaseOf);
    },
  };
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
  return others.some(({ model }) => model === anyModel || models.includes(anyModel) || models.includes(model));
}

function modelsOf({ models }: SoftwareDescription): readonly string[] {
  return models.length === 0 ? [anyModel] : [...new Set(models)];
}

type StatementColumns = Pick<Selectable<Schema["releases"]>, "description" | "statement" | "publisher" | "published_at" | "accepted_at">;

function rowOf({ description, statement, publisher, publishedAtSeconds, acceptedAtSeconds }: StoredRelease): StatementColumns {
  return {
    description: encodeAs(softwareDescriptionCodec, description),
    statement,
    publisher,
    published_at: publishedAtSeconds,
    accepted_at: acceptedAtSeconds,
  };
}

function releaseOf(row: StatementColumns): StoredRelease {
  return {
    description: decodeAs(softwareDescriptionCodec, row.description, { maxBytes: maxDescriptionBytes, what: "row" }),
    statement: row.statement,
    publisher: parseName(row.publisher),
    publishedAtSeconds: row.published_at,
    acceptedAtSeconds: row.accepted_at,
  };
}
