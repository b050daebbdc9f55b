import { type Agreement, PublicKey, SoftwareKey, suites, systemRandom } from "@sealane/crypto";
import { interleave, type Rate } from "./rounds.ts";

/** The check of a received Diffie-Hellman value, beside the whole agreement that it is a part of. */
export interface GroupRow {
  readonly what: string;
  readonly perSecond: Rate;
  /** Of the value. */
  readonly bytes: number;
  /** Of the check: its share of the agreement's time. */
  readonly ratio: number | null;
}

/** Every group once: what its checks cost (docs/protocol.md, suites). */
export async function benchGroups(plan: { readonly rounds: number; readonly secondsEach: number }): Promise<readonly GroupRow[]> {
  const groups = new Map(suites.map(({ agreement }) => [agreement.keyKind, agreement]));
  const rows: GroupRow[] = [];
  for (const agreement of groups.values()) rows.push(...(await benchGroup(agreement, plan)));
  return rows;
}

async function benchGroup(
  agreement: Agreement,
  plan: { readonly rounds: number; readonly secondsEach: number },
): Promise<readonly GroupRow[]> {
  const { keyKind: kind, valueBytes: bytes } = agreement;
  const software = SoftwareKey.generate(kind);
  const own = software.agreementKey();
  const { raw } = software.publicKey;
  const { value } = agreement.respond(raw, systemRandom);
  const { check, agree } = await interleave(
    {
      check: () => void PublicKey.fromRaw(kind, raw),
      agree: async () => (await own.agree(value))[Symbol.dispose](),
    },
    plan,
  );
  if (check === undefined || agree === undefined) throw new Error("a contestant was not measured");
  return [
    { what: `check of a public value, ${kind}`, perSecond: check, bytes: raw.length, ratio: agree.median / check.median },
    { what: `agreement with its check, ${kind}`, perSecond: agree, bytes, ratio: null },
  ];
}
