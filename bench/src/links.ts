import { type Suite, standardSuites } from "@sealane/crypto";
import type { MechanismName } from "@sealane/link";
import { makePair } from "@sealane/testkit";
import { makeLinkWork } from "./link.ts";
import { makeTlsPeer } from "./mutual-tls.ts";
import { interleave, type Rate, ratioOf, settle, type Work } from "./rounds.ts";

/** Links a second, both ends in one thread, with the bytes on the wire, beside mutual TLS 1.3 in the same run. */
export interface LinkRow {
  readonly what: string;
  readonly perSecond: Rate;
  readonly bytes: number | null;
  /** Against the peer in the same round, the median. */
  readonly ratio: number | null;
}

/** The TLS group that protects its key exchange as well as the suite does. */
const tlsGroups: Readonly<Partial<Record<Suite["name"], string>>> = { hybrid: "X25519MLKEM768", x25519: "X25519" };

/** The mechanism that the goals speak of, and those that do other work. */
const measured: readonly MechanismName[] = [
  "signed-transport",
  "anonymous-transport",
  "signed-agreement",
  "mutual-nonce",
  "mutual-certified",
  "mutual-agreement",
];

export async function benchLinks(plan: { readonly rounds: number; readonly secondsEach: number }): Promise<readonly LinkRow[]> {
  const rows: LinkRow[] = [];
  for (const suite of standardSuites) rows.push(...(await benchSuite(suite, plan)));
  return rows;
}

async function benchSuite(suite: Suite, plan: { readonly rounds: number; readonly secondsEach: number }): Promise<readonly LinkRow[]> {
  const pair = await makePair();
  const bytes = new Map<string, number>();
  const works: [string, Work][] = [];
  for (const mechanism of measured) {
    const work = makeLinkWork(pair, { mechanism, suite, originator: "terminal" });
    const messages = await work();
    bytes.set(
      mechanism,
      messages.reduce((all, length) => all + length, 0),
    );
    works.push([mechanism, async () => void (await work())]);
  }
  const group = tlsGroups[suite.name];
  if (group === undefined) throw new Error(`TLS has nothing to compare ${suite.name} with`);
  const peer = await makeTlsPeer({ group, certificates: "Ed25519" });
  const { tls: theirs, ...ours } = await interleave(
    { ...Object.fromEntries(works), tls: () => peer.handshake() },
    { ...plan, before: settle },
  );
  if (theirs === undefined) throw new Error("a contestant was not measured");
  const rows = Object.entries(ours).map(
    ([mechanism, perSecond]): LinkRow => ({
      what: `${mechanism} on ${suite.name}`,
      perSecond,
      bytes: bytes.get(mechanism) ?? null,
      ratio: ratioOf(perSecond, theirs),
    }),
  );
  return [...rows, { what: `mutual TLS 1.3, ${group}, Ed25519`, perSecond: theirs, bytes: peer.wireBytes, ratio: null }];
}
