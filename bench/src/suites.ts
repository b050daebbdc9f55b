import { type Suite, type SuiteName, suites } from "@sealane/crypto";
import { allowedTriples, type Triple } from "@sealane/link";
import { makeGroup, makePair, type Pair } from "@sealane/testkit";
import { type LinkWish, makeLinkWork, type Part } from "./link.ts";
import { makeTlsPeer, type TlsCertificates } from "./mutual-tls.ts";
import { interleave, type Rate, ratioOf, settle, type Work } from "./rounds.ts";

/** One mechanism on one suite, or the peer of that suite. */
export interface SuiteRow {
  readonly what: string;
  /** Links a second, both ends in one thread. */
  readonly perSecond: Rate;
  /** Bytes of all messages together. */
  readonly bytes: number;
  readonly messageBytes: readonly number[];
  /** Links a second that the server alone could make; null for the peer, whose ends cannot be told apart. */
  readonly serverPerSecond: number | null;
  /** Against the peer in the same round, the median. */
  readonly ratio: number | null;
}

/** What the links of one mechanism took together. */
interface Measured {
  links: number;
  serverSeconds: number;
  /** Bytes of each message of the last one. */
  messages: readonly number[];
}

/** What TLS 1.3 has that protects as the suite does: its key exchange, and its certificates. */
const peers: Readonly<Record<SuiteName, { readonly group: string; readonly certificates: TlsCertificates }>> = {
  hybrid: { group: "X25519MLKEM768", certificates: "Ed25519" },
  x25519: { group: "X25519", certificates: "Ed25519" },
  p256: { group: "P-256", certificates: "P-256" },
  rsa2048: { group: "ffdhe2048", certificates: "RSA-2048" },
  rsa3072: { group: "ffdhe3072", certificates: "RSA-3072" },
  rsa4096: { group: "ffdhe4096", certificates: "RSA-4096" },
  pq: { group: "X25519MLKEM768", certificates: "ML-DSA-65" },
};

/** Every mechanism on every suite, begun by the terminal where it may, beside mutual TLS 1.3 in the same run. */
export async function benchSuites(plan: { readonly rounds: number; readonly secondsEach: number }): Promise<readonly SuiteRow[]> {
  const rows: SuiteRow[] = [];
  for (const suite of suites) rows.push(...(await benchSuite(suite, plan)));
  return rows;
}

async function benchSuite(suite: Suite, plan: { readonly rounds: number; readonly secondsEach: number }): Promise<readonly SuiteRow[]> {
  const pair = await makePair([suite]);
  const runs = new Map<string, Measured>();
  const works = triplesOf(suite).map((triple): [string, Work] => [triple.mechanism.name, measuring(pair, triple, runs)]);
  const { group, certificates } = peers[suite.name];
  const peer = await makeTlsPeer({ group, certificates });
  const { tls: theirs, ...ours } = await interleave(
    { ...Object.fromEntries(works), tls: () => peer.handshake() },
    { ...plan, before: settle },
  );
  if (theirs === undefined) throw new Error("a contestant was not measured");
  const rows = Object.entries(ours).flatMap(([mechanism, perSecond]): readonly SuiteRow[] => {
    const run = runs.get(mechanism);
    if (run === undefined) return [];
    const { messages } = run;
    return [
      {
        what: `${mechanism} on ${suite.name}`,
        perSecond,
        bytes: messages.reduce((all, length) => all + length, 0),
        messageBytes: messages,
        serverPerSecond: run.links / run.serverSeconds,
        ratio: ratioOf(perSecond, theirs),
      },
    ];
  });
  const what = `mutual TLS 1.3, ${group}, ${certificates}`;
  return [...rows, { what, perSecond: theirs, bytes: peer.wireBytes, messageBytes: [], serverPerSecond: null, ratio: null }];
}

/** One triple for each mechanism: the terminal's, where it may begin. */
function triplesOf(suite: Suite): readonly Triple[] {
  const triples = allowedTriples().filter((triple) => triple.suite === suite);
  const ownByMechanism = new Map(triples.map((triple) => [triple.mechanism.name, triple]));
  for (const triple of triples) if (triple.originator === "terminal") ownByMechanism.set(triple.mechanism.name, triple);
  return [...ownByMechanism.values()];
}

function measuring(pair: Pair, { mechanism, suite, originator }: Triple, runs: Map<string, Measured>): Work {
  const group = mechanism.needs.recipient.includes("group") ? { group: makeGroup(suite) } : {};
  const options = mechanism.broadcast ? { options: { licence: new Uint8Array(64).fill(1) } } : {};
  const wish: LinkWish = { mechanism: mechanism.name, suite, originator, ...group, ...options };
  const measured: Measured = { links: 0, serverSeconds: 0, messages: [] };
  runs.set(mechanism.name, measured);
  const timed: Part = async (role, part) => {
    const began = performance.now();
    const result = await part();
    if (role === "server") measured.serverSeconds += (performance.now() - began) / 1000;
    return result;
  };
  const work = makeLinkWork(pair, wish, timed);
  return async () => {
    measured.messages = await work();
    measured.links++;
  };
}
