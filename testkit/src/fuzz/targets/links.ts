import { Secret, type Suite, type SuiteName, sha256, suites, systemRandom } from "@sealane/crypto";
import {
  acceptMessage,
  type BroadcastLink,
  ConfidentialLink,
  KeySeries,
  loadAwaitedReply,
  loadAwaitedThird,
  type Mechanism,
  mechanisms,
  type OriginateOptions,
  type RecipientContext,
  type Role,
  type ThirdContent,
  type ThirdMode,
  thirdModes,
  UnconfirmedLink,
} from "@sealane/link";
import { artefactId } from "@sealane/wire";
import fc from "fast-check";
import { hasEncryptedPart, openPart, sealPart } from "../../encrypted-part.ts";
import { acceptingContext, continuingContext, type EstablishWish, endsOf, makeGroup, originate } from "../../establish.ts";
import { makePair, type Pair, testNowSeconds } from "../../parties.ts";
import { runSeed } from "../../seeded-random.ts";
import { type FuzzTarget, mustRefuse } from "../target.ts";

/** How many inputs each target of a suite gets as a test, and of how many of its ways, chosen at random, there are targets. */
const efforts: Readonly<Record<SuiteName, { readonly runs: number; readonly ways: number }>> = {
  hybrid: { runs: 200, ways: Number.POSITIVE_INFINITY },
  x25519: { runs: 200, ways: Number.POSITIVE_INFINITY },
  p256: { runs: 200, ways: Number.POSITIVE_INFINITY },
  rsa2048: { runs: 60, ways: Number.POSITIVE_INFINITY },
  rsa3072: { runs: 40, ways: 6 },
  rsa4096: { runs: 40, ways: 6 },
  pq: { runs: 120, ways: Number.POSITIVE_INFINITY },
};

/** Every message of every mechanism on every suite, what is encrypted in it, its records and wraps, and what is stored of a link. */
export async function linkTargets(): Promise<readonly FuzzTarget[]> {
  const pair = await makePair(suites);
  const targets: FuzzTarget[] = [];
  for (const suite of suites) {
    const all = Object.values(mechanisms).flatMap((mechanism) => formsOf(mechanism).map((form): Way => ({ mechanism, suite, ...form })));
    const { runs, ways } = efforts[suite.name];
    for (const way of chosen(all, ways, runSeed + suite.id)) {
      targets.push(...(await targetsOf(pair, way)).map((target) => ({ ...target, runs })));
    }
  }
  return targets;
}

function chosen<T>(all: readonly T[], most: number, seed: number): readonly T[] {
  if (all.length <= most) return all;
  return fc.sample(fc.shuffledSubarray([...all], { minLength: most, maxLength: most }), { seed, numRuns: 1 }).flat();
}

/** A mechanism begun by the terminal where it may, in one of its forms. */
interface Way {
  readonly mechanism: Mechanism;
  readonly suite: Suite;
  readonly title: string;
  readonly options: Omit<OriginateOptions, "suite">;
}

function formsOf({ name }: Mechanism): readonly Pick<Way, "title" | "options">[] {
  switch (name) {
    case "anonymous-agreement":
    case "signed-agreement":
      return [
        { title: `${name}, plain`, options: {} },
        { title: `${name}, encrypted`, options: { encrypted: true } },
      ];
    case "mutual-certified":
      return [
        { title: `${name}, two-way`, options: {} },
        { title: `${name}, one-way`, options: { twoWay: false } },
      ];
    case "mutual-agreement":
      return thirdModes.map((third: ThirdMode) => ({ title: `${name}, ${third}`, options: { third } }));
    default:
      return [{ title: name, options: {} }];
  }
}

const nowSeconds = testNowSeconds;
const utf8 = new TextEncoder();
const licence = utf8.encode("licence");
const release = utf8.encode("release");
const content: ThirdContent = { artefactId: artefactId(new Uint8Array(32).fill(3)), licence, release };
/** A broadcast wraps for the licence that it brings. */
const binding = { artefactId: artefactId(new Uint8Array(32)), licenceDigest: sha256(licence), nowSeconds };

type Feed = FuzzTarget["feed"];

async function targetsOf(pair: Pair, way: Way): Promise<readonly FuzzTarget[]> {
  const { mechanism, suite, options } = way;
  const originator: Role = mechanism.equations.terminal === undefined ? "server" : "terminal";
  const group = makeGroup(suite);
  const title = `${way.title}, ${suite.name}`;
  const wish = (more: Omit<OriginateOptions, "suite">): EstablishWish => ({
    mechanism: mechanism.name,
    suite,
    originator,
    options: { licence, ...options, group: group.record, ...more },
  });
  const { from, to } = endsOf(pair, originator);
  const far: RecipientContext = { ...acceptingContext(pair, originator), groups: group.memberships };
  const near = continuingContext(pair, wish({}));
  const accept = async (message: Uint8Array) => {
    to.replay.entries.clear();
    return await acceptMessage(far, message);
  };
  const sent = await originate(pair, wish({}));
  const withAll = await originate(pair, wish({ sendCertificate: true }));
  const accepted = await accept(sent.message);
  if (sent.kind === "broadcast" || accepted.kind === "broadcast") {
    const feed: Feed = async (input) => {
      await accept(input);
      mustRefuse();
    };
    const wraps = accepted.kind === "broadcast" && sent.kind === "broadcast" ? [wrapTarget(title, sent.link, accepted.link)] : [];
    return [{ name: `M1 (${title})`, corpus: [sent.message, withAll.message], feed }, ...wraps];
  }
  const waiting = sent.awaited.save();
  const { link, message: third } = await loadAwaitedReply(waiting).receive(near, accepted.reply, content);
  const held = accepted.kind === "waiting" ? accepted.awaited.save() : null;

  /** A changed M1 that nobody signed may be accepted: then its originator must refuse the reply, whose digest of M1 is another one. */
  const first: Feed = async (input) => {
    const answered = await accept(input);
    if (answered.kind === "broadcast") mustRefuse();
    await loadAwaitedReply(waiting).receive(near, answered.reply, content);
    mustRefuse();
  };
  /** A changed M2 may be one that another recipient would have made: then the one that made M2 must refuse M3. */
  const second: Feed = async (input) => {
    const received = await loadAwaitedReply(waiting).receive(near, input, content);
    if (held === null || received.message === null) mustRefuse();
    await loadAwaitedThird(held).receive(far, received.message);
    mustRefuse();
  };
  const last: Feed = async (input) => {
    if (held !== null) await loadAwaitedThird(held).receive(far, input);
    mustRefuse();
  };
  const steps = [
    { name: "M1", corpus: [sent.message, withAll.message], feed: first, reader: to },
    { name: "second message", corpus: [accepted.reply], feed: second, reader: from },
    ...(third === null ? [] : [{ name: "M3", corpus: [third], feed: last, reader: to }]),
  ];
  // The forms of M3 differ in M3 alone.
  const isKnown = mechanism.name === "mutual-agreement" && options.third !== "signed";
  const judged = isKnown ? steps.filter(({ name }) => name === "M3") : steps;
  const targets: FuzzTarget[] = judged.map(({ name, corpus, feed }) => ({ name: `${name} (${title})`, corpus, feed }));
  for (const { name, corpus, feed, reader } of judged) {
    const [message] = corpus;
    if (message === undefined || !hasEncryptedPart(message)) continue;
    targets.push({
      // Without certificates: those inside are not signed, for the one that they must lead to is.
      name: `content of ${name} (${title})`,
      corpus: [await openPart(message, reader)],
      feed: async (input) => await feed(sealPart(message, { plaintext: input, to: reader })),
    });
  }
  const states: FuzzTarget[] = [stored(`wait for a reply (${title})`, waiting, (saved) => void loadAwaitedReply(saved))];
  if (held !== null) states.push(stored(`wait for M3 (${title})`, held, (saved) => void loadAwaitedThird(saved)));
  // Once it is there, a link is the same whatever made it.
  const isSample = mechanism.name === "signed-transport" && link instanceof ConfidentialLink && accepted.kind === "answered";
  return [...targets, ...states, ...(isSample ? linkedTargets(title, link, accepted.link) : [])];
}

/** The records and wraps of a link whose originator writes first, and what is stored of it. */
function linkedTargets(title: string, near: ConfidentialLink, unconfirmed: UnconfirmedLink): readonly FuzzTarget[] {
  const waiting = unconfirmed.save();
  const first = near.seal(utf8.encode("first"), nowSeconds);
  const { link: far } = UnconfirmedLink.load(waiting).confirm(first, nowSeconds);
  const reply = far.seal(utf8.encode("reply"), nowSeconds);
  const series = ConfidentialLink.load(near.save()).series(nowSeconds);
  return [
    { name: `first record (${title})`, corpus: [first, reply], feed: refused((input) => unconfirmed.confirm(input, nowSeconds)) },
    { name: `record (${title})`, corpus: [reply, first], feed: refused((input) => near.open(input, nowSeconds)) },
    wrapTarget(title, far, near),
    stored(`link (${title})`, near.save(), (saved) => void ConfidentialLink.load(saved)),
    stored(`unconfirmed link (${title})`, waiting, (saved) => void UnconfirmedLink.load(saved)),
    stored(`series (${title})`, series.save(), (saved) => void KeySeries.load(saved)),
  ];
}

/** A store is trusted to keep states secret and whole; a damaged one must still be told from a good one without an exception of another kind. */
function stored<Kind extends string>(name: string, state: Secret<Kind>, load: (saved: Secret<Kind>) => void): FuzzTarget {
  const corpus = [state.use((bytes) => Uint8Array.from(bytes))];
  return { name: `stored ${name}`, corpus, feed: (input) => load(Secret.copy(state.kind, input)) };
}

type Wrapping = Pick<BroadcastLink | ConfidentialLink, "wrap" | "unwrap">;

function wrapTarget(title: string, from: Wrapping, to: Wrapping): FuzzTarget {
  const wrapped = from.wrap(Secret.take("content key", new Uint8Array(32)), { ...binding, random: systemRandom });
  return { name: `wrap (${title})`, corpus: [wrapped], feed: refused((input) => to.unwrap(input, binding)) };
}

function refused(feed: (input: Uint8Array) => unknown): Feed {
  return (input) => {
    feed(input);
    mustRefuse();
  };
}
