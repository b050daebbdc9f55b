import { type ArtefactId, artefactId, type Digest, digest, type Name } from "@sealane/wire";
import type { Queries } from "./schema.ts";

/** A licence that was issued. */
export interface IssuedLicence {
  /** SHA-256 of the licence. */
  readonly digest: Digest;
  readonly terminal: Name;
  readonly artefactId: ArtefactId;
  readonly licence: Uint8Array;
  readonly issuedAtSeconds: number;
  readonly expiresAtSeconds: number;
}

/** Licences that were issued (LIC); they are kept as evidence. */
export interface Licences {
  /** Adds a licence; the same one again changes nothing. */
  add(licence: IssuedLicence): Promise<void>;
  /** The one issued last to a terminal for an artefact. */
  latest(terminal: Name, artefactId: ArtefactId): Promise<IssuedLicence | null>;
}

export function sqlLicences(db: Queries): Licences {
  return {
    async add({ issuedAtSeconds, expiresAtSeconds, artefactId: artefact_id, ...rest }) {
      await db
        .insertInto("licences")
        .values({ ...rest, artefact_id, issued_at: issuedAtSeconds, expires_at: expiresAtSeconds })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    },
    async latest(terminal, id) {
      const row = await db
        .selectFrom("licences")
        .selectAll()
        .where("terminal", "=", terminal)
        .where("artefact_id", "=", id)
        .orderBy("issued_at", "desc")
        .limit(1)
        .executeTakeFirst();
      if (row === undefined) return null;
      const { licence, issued_at: issuedAtSeconds, expires_at: expiresAtSeconds } = row;
      return {
        digest: digest(row.digest),
        terminal,
        artefactId: artefactId(row.artefact_id),
        licence,
        issuedAtSeconds,
        expiresAtSeconds,
      };
    },
  };
}
