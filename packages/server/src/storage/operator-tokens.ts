import type { Digest } from "@sealane/wire";
import type { Queries } from "./schema.ts";

/** Tokens of operators, known by their SHA-256 only. */
export interface OperatorTokens {
  add(token: { readonly digest: Digest; readonly label: string; readonly nowSeconds: number }): Promise<void>;
  /** The label of a token; null when it is not known. */
  find(digest: Digest): Promise<string | null>;
}

export function sqlOperatorTokens(db: Queries): OperatorTokens {
  return {
    async add({ digest, label, nowSeconds }) {
      await db.insertInto("operator_tokens").values({ digest, label, created_at: nowSeconds }).execute();
    },
    async find(digest) {
      const row = await db.selectFrom("operator_tokens").select("label").where("digest", "=", digest).executeTakeFirst();
      return row?.label ?? null;
    },
  };
}
