import { type Suite, standardSuites } from "@sealane/crypto";
import {
  acceptingContext,
  continuingContext,
  type EstablishWish,
  endsOf,
  MemoryReplayCache,
  type Moment,
  makeGroup,
  originate,
  type Pair,
  type Party,
  type TestGroup,
} from "@sealane/testkit";
import { type ArtefactId, artefactId } from "@sealane/wire";
import {
  type AcceptedLink,
  acceptMessage,
  loadAwaitedReply,
  loadAwaitedThird,
  type Mechanism,
  mechanisms,
  type OriginatedLink,
  type OriginateOptions,
  type RecipientContext,
  type Role,
  type ThirdContent,
  thirdModes,
} from "../src/index.ts";

/** One way to run a mechanism: on a suite, from a party, in one of its forms. */
export interface Way {
  readonly title: string;
  /** Requirement ids of the mechanism from this originator. */
  readonly ids: string;
  readonly mechanism: Mechanism;
  readonly suite: Suite;
  readonly originator: Role;
  readonly form: string;
  readonly options: Omit<OriginateOptions, "suite">;
}

export const licence: Uint8Array = new TextEncoder().encode("a licence");
export const release: Uint8Array = new TextEncoder().encode("a release");
export const artefact: ArtefactId = artefactId(new Uint8Array(32).fill(7));
export const thirdContent: ThirdContent = { artefactId: artefact, licence, release };

type Forms = Readonly<Record<string, Omit<OriginateOptions, "suite">>>;

const oneForm: Forms = { "": {} };
const agreementForms: Forms = { plain: {}, encrypted: { encrypted: true } };

/** The forms of a mechanism; most have one. */
const formsOf: Readonly<Record<Mechanism["name"], Forms>> = {
  "signed-transport": oneForm,
  "recovered-transport": oneForm,
  "open-broadcast": { "": { licence } },
  "group-broadcast": { "": { licence } },
  "anonymous-transport": oneForm,
  "anonymous-agreement": agreementForms,
  "signed-agreement": agreementForms,
  "mutual-nonce": oneForm,
  "mutual-certified": { "two-way": {}, "one-way": { twoWay: false } },
  "mutual-agreement": Object.fromEntries(thirdModes.map((third) => [third, { third }])),
};

/** Every way there is on the standard suites or on others, or those that a test needs. */
export function waysOf(wanted: (way: Way) => boolean = () => true, suites: readonly Suite[] = standardSuites): readonly Way[] {
  const roles = ["server", "terminal"] as const;
  return Object.values(mechanisms).flatMap((mechanism) =>
    suites.flatMap((suite) =>
      roles.flatMap((originator) => {
        const ids = mechanism.equations[originator];
        if (ids === undefined) return [];
        const ways = Object.entries(formsOf[mechanism.name]).map(([form, options]): Way => {
          const title = `${mechanism.name}${form === "" ? "" : ` (${form})`} on ${suite.name}, begun by the ${originator}`;
          return { title, ids, mechanism, suite, originator, form, options };
        });
        return ways.filter(wanted);
      }),
    ),
  );
}

/** A message with the party that waits for it: `give` hands it bytes, each time in the state in which the run left it. */
export interface Step {
  readonly name: "M1" | "answer" | "M2" | "M3";
  readonly message: Uint8Array;
  give(bytes: Uint8Array, moment?: Moment): Promise<unknown>;
}

/** All messages of one run, in order. */
export interface Run {
  readonly way: Way;
  readonly steps: readonly Step[];
  readonly sent: OriginatedLink;
  readonly accepted: AcceptedLink;
  readonly group: TestGroup;
}

export interface RunOptions {
  readonly options?: Omit<OriginateOptions, "suite">;
  readonly group?: TestGroup;
  readonly moment?: Moment;
}

export function wishOf(way: Way, options: Omit<OriginateOptions, "suite"> = {}): EstablishWish {
  const { mechanism, suite, originator } = way;
  return { mechanism: mechanism.name, suite, originator, options: { ...way.options, ...options } };
}

/** What the recipient of a way accepts M1 with: a replay cache of its own, and the group. */
export function accepting(pair: Pair, way: Way, given: { readonly group?: TestGroup; readonly moment?: Moment } = {}): RecipientContext {
  const { group, moment = {} } = given;
  const memberships = group === undefined ? {} : { groups: group.memberships };
  return { ...acceptingContext(pair, way.originator, moment), replay: new MemoryReplayCache(), ...memberships };
}

const unused = new Map<Suite["name"], TestGroup>();

/** A new group for a way that is for one; the others pass over theirs, of which one for each suite is enough. */
function groupOf({ mechanism, suite }: Way): TestGroup {
  if (mechanism.name === "group-broadcast") return makeGroup(suite);
  const group = unused.get(suite.name) ?? makeGroup(suite);
  unused.set(suite.name, group);
  return group;
}

/** Makes M1 of a way. */
export async function begin(pair: Pair, way: Way, given: RunOptions = {}): Promise<OriginatedLink> {
  const { options = {}, group = groupOf(way), moment = {} } = given;
  return await originate(pair, wishOf(way, { group: group.record, ...options }), moment);
}

/** Runs a way to its end, keeping every message and state. */
export async function run(pair: Pair, way: Way, given: RunOptions = {}): Promise<Run> {
  const { group = groupOf(way), moment = {} } = given;
  const sent = await begin(pair, way, { ...given, group });
  const first: Step = {
    name: "M1",
    message: sent.message,
    give: async (bytes, at = moment) => await acceptMessage(accepting(pair, way, { group, moment: at }), bytes),
  };
  const accepted = await acceptMessage(accepting(pair, way, { group, moment }), sent.message);
  if (sent.kind === "broadcast" || accepted.kind === "broadcast") return { way, steps: [first], sent, accepted, group };
  const waiting = sent.awaited.save();
  const near = (at: Moment) => continuingContext(pair, wishOf(way), at);
  const hasM2 = accepted.kind === "waiting" || way.form === "two-way";
  const second: Step = {
    name: hasM2 ? "M2" : "answer",
    message: accepted.reply,
    give: givenTo(
      () => loadAwaitedReply(waiting),
      (awaited, bytes, at = moment) => awaited.receive(near(at), bytes, thirdContent),
    ),
  };
  if (accepted.kind === "answered") return { way, steps: [first, second], sent, accepted, group };
  const { message } = await loadAwaitedReply(waiting).receive(near(moment), accepted.reply, thirdContent);
  if (message === null) throw new Error(`${way.title} has no M3`);
  const held = accepted.awaited.save();
  const third: Step = {
    name: "M3",
    message,
    give: givenTo(
      () => loadAwaitedThird(held),
      (awaited, bytes, at = moment) => awaited.receive(accepting(pair, way, { moment: at }), bytes),
    ),
  };
  return { way, steps: [first, second, third], sent, accepted, group };
}

/** Gives messages to a wait that is loaded anew when one was accepted: what is refused leaves it as it was. */
function givenTo<T>(load: () => T, receive: (awaited: T, bytes: Uint8Array, moment?: Moment) => unknown): Step["give"] {
  let awaited = load();
  return async (bytes, moment) => {
    const received = await receive(awaited, bytes, moment);
    awaited = load();
    return received;
  };
}

/** The same parties with directories and replay caches of their own: certificates take long to make. */
export function copyOf(pair: Pair): Pair {
  const copied = (party: Party): Party => ({ ...party, known: [...party.known], replay: new MemoryReplayCache() });
  return { authority: pair.authority, server: copied(pair.server), terminal: copied(pair.terminal) };
}

/** The parties of a way. */
export function partiesOf(pair: Pair, { originator }: Way): ReturnType<typeof endsOf> {
  return endsOf(pair, originator);
}
