import { type anonymousRecipient, everyRecipient } from "@sealane/link";
import { type ArtefactId, artefactId, type Digest, digest, type Name } from "@sealane/wire";
import type { Queries } from "./schema.ts";

/** A licence that was issued. */
export interface IssuedLicence {
  /** SHA-256 of the licence. */
  readonly digest: Digest;
  /** A terminal, all anonymous ones, or everybody; no terminal has such a name. */
  readonly recipient: Name | typeof anonymousRecipient | typeof everyRecipient;
  readonly artefactId: ArtefactId;
  readonly licence: Uint8Array;
  readonly issuedAtSeconds: number;
  readonly expiresAtSeconds: number;
}

/** Licences that were issued (LIC); they are kept as evidence. */
export interface Licences {
  /** Adds a licence; the same one again changes nothing. */
  add(licence: IssuedLicence): Promise<void>;
  /** The artefact of a licence for everybody, by its SHA-256; null when it was not issued here. */
  forEverybody(digest: Digest): Promise<ArtefactId | null>;
  /** The one issued last to a recipient for an artefact. */
  latest(recipient: IssuedLicence["recipient"], artefactId: ArtefactId): Promise<IssuedLicence | null>;
}

export function sqlLicences(db: Queries): Licences {
  return {
    async add({ issuedAtSeconds, expiresAtSeconds, artefactId: artefact_id, recipient, ...rest }) {
      await db
        .insertInto("licences")
        .values({ ...rest, terminal: recipient, artefact_id, issued_at: issuedAtSeconds, expires_at: expiresAtSeconds })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    },
    async forEverybody(licenceDigest) {
      const issued = db.selectFrom("licences").select("artefact_id").where("digest", "=", licenceDigest);
      const row = await issued.where("terminal", "=", everyRecipient).executeTakeFirst();
      return row === undefined ? null : artefactId(row.artefact_id);
    },
    async latest(recipient, id) {
      const row = await db
        .selectFrom("licences")
        .selectAll()
        .where("terminal", "=", recipient)
        .where("artefact_id", "=", id)
        .orderBy("issued_at", "desc")
        .limit(1)
        .executeTakeFirst();
      if (row === undefined) return null;
      const { licence, issued_at: issuedAtSeconds, expires_at: expiresAtSeconds } = row;
      return {
        digest: digest(row.digest),
        recipient,
        artefactId: artefactId(row.artefact_id),
        licence,
        issuedAtSeconds,
        expiresAtSeconds,
      };
    },
  };
}
