import { type Secret, type Suite, systemRandom } from "@sealane/crypto";
import {
  type AcceptedLink,
  acceptMessage,
  type BroadcastLink,
  type ConfidentialLink,
  type ContinueContext,
  type GroupMemberships,
  type GroupRecord,
  loadAwaitedReply,
  loadAwaitedThird,
  type MechanismName,
  mechanismNamed,
  type OriginatedLink,
  type OriginateOptions,
  type OriginatorContext,
  otherRole,
  type Role,
  type ThirdContent,
  thirdModes,
  UnconfirmedLink,
  type Unnamed,
} from "@sealane/link";
import { parseName } from "@sealane/wire";
import { type Moment, originatorContext, type Pair, type Party, recipientContext, testNowSeconds } from "./parties.ts";

/** Both ends of a link that was established in memory, message by message. */
export interface Established {
  /** Every message as it was sent, M1 first. */
  readonly messages: readonly Uint8Array[];
  readonly originator: ConfidentialLink;
  readonly recipient: ConfidentialLink;
  /** What M3 brought, where there is one. */
  readonly third: ThirdContent | null;
}

/** Which mechanism is run between whom. */
export interface EstablishWish {
  readonly mechanism: MechanismName;
  readonly suite: Suite;
  readonly originator: Role;
  readonly options?: Omit<OriginateOptions, "suite">;
  /** What M3 of `mutual-agreement` carries. */
  readonly third?: ThirdContent;
  /** What each party says in its first records; a word unless told. */
  readonly payload?: (from: Role) => Uint8Array;
  /** Save and load every pending state and link between two messages, as a service does. */
  readonly stored?: boolean;
}

/** The first payload of the party that writes first, and the reply to it: for tests that need some. */
export const firstPayload: Uint8Array = new TextEncoder().encode("first");

/** Originator and recipient of a pair. */
export function endsOf(pair: Pair, originator: Role): { readonly from: Party; readonly to: Party } {
  return originator === "server" ? { from: pair.server, to: pair.terminal } : { from: pair.terminal, to: pair.server };
}

/** Makes M1. */
export async function originate(pair: Pair, wish: EstablishWish, moment: Moment = {}): Promise<OriginatedLink> {
  return await mechanismNamed(wish.mechanism).originate(originatingContext(pair, wish, moment), { ...wish.options, suite: wish.suite });
}

/** What M1 is made with; an anonymous originator has no name. */
export function originatingContext(pair: Pair, wish: EstablishWish, moment: Moment = {}): OriginatorContext {
  const { from, to } = endsOf(pair, wish.originator);
  const context = originatorContext(from, to, moment);
  const unnamed: Unnamed = { name: null, role: wish.originator };
  return mechanismNamed(wish.mechanism).anonymous === "originator" ? { ...context, self: unnamed } : context;
}

/** What the recipient accepts messages with; every form of M3 is allowed. */
export function acceptingContext(pair: Pair, originator: Role, moment: Moment = {}): ReturnType<typeof recipientContext> {
  return { ...recipientContext(endsOf(pair, originator).to, pair.authority, moment), thirdModes };
}

/** What the originator receives later messages with. */
export function continuingContext(pair: Pair, wish: EstablishWish, moment: Moment = {}): ContinueContext {
  const context = recipientContext(endsOf(pair, wish.originator).from, pair.authority, moment);
  const isAnonymous = mechanismNamed(wish.mechanism).anonymous === "originator";
  return isAnonymous ? { ...context, self: { name: null, role: wish.originator } } : context;
}

/** Runs a mechanism between two parties to its end: both links are confirmed, one record went each way. */
export async function establish(pair: Pair, wish: EstablishWish, moment: Moment = {}): Promise<Established> {
  const sent = await originate(pair, wish, moment);
  if (sent.kind !== "sent") throw new Error(`${wish.mechanism} is a broadcast`);
  const near = continuingContext(pair, wish, moment);
  const far = acceptingContext(pair, wish.originator, moment);
  const accepted = await acceptMessage(far, sent.message);
  if (accepted.kind === "broadcast") throw new Error(`${wish.mechanism} is a broadcast`);
  const awaited = wish.stored === true ? loadAwaitedReply(sent.awaited.save()) : sent.awaited;
  const established = await awaited.receive(near, accepted.reply, wish.third);
  const messages = [sent.message, accepted.reply, ...(established.message === null ? [] : [established.message])];
  const payload = wish.payload ?? (() => firstPayload);
  const parties = { originator: payload(wish.originator), recipient: payload(otherRole(wish.originator)) };
  const ends = await endOf(accepted, { ...established, far, stored: wish.stored === true, payloads: parties });
  return { messages, ...ends };
}

async function endOf(
  accepted: Exclude<AcceptedLink, { kind: "broadcast" }>,
  near: {
    readonly link: ConfidentialLink | UnconfirmedLink;
    readonly message: Uint8Array | null;
    readonly far: ContinueContext;
    readonly stored: boolean;
    readonly payloads: { readonly originator: Uint8Array; readonly recipient: Uint8Array };
  },
): Promise<Omit<Established, "messages">> {
  const now = near.far.freshness.nowSeconds;
  const { payloads } = near;
  if (accepted.kind === "answered") {
    if (near.link instanceof UnconfirmedLink) throw new Error("the originator knows the recipient by now");
    const link = near.stored ? UnconfirmedLink.load(accepted.link.save()) : accepted.link;
    const { link: recipient } = link.confirm(near.link.seal(payloads.originator, now), now);
    near.link.open(recipient.seal(payloads.recipient, now), now);
    return { originator: near.link, recipient, third: null };
  }
  if (near.message === null) throw new Error("M3 is missing");
  const awaited = near.stored ? loadAwaitedThird(accepted.awaited.save()) : accepted.awaited;
  const { link: recipient, ...third } = await awaited.receive(near.far, near.message);
  const first = recipient.seal(payloads.recipient, now);
  const originator = near.link instanceof UnconfirmedLink ? near.link.confirm(first, now).link : near.link;
  if (!(near.link instanceof UnconfirmedLink)) originator.open(first, now);
  recipient.open(originator.seal(payloads.originator, now), now);
  return { originator, recipient, third };
}

/** A group of one epoch: its public record, and the membership that holds its secret. */
export interface TestGroup {
  readonly record: GroupRecord;
  readonly secret: Secret<"agreement seed">;
  readonly memberships: GroupMemberships;
}

/** Makes a group for a suite. */
export function makeGroup(suite: Suite, wish: { readonly epoch?: number; readonly expiresAtSeconds?: number } = {}): TestGroup {
  const { publicValue, seed } = suite.agreement.generate(systemRandom);
  const { epoch = 1, expiresAtSeconds = testNowSeconds + 3_600 } = wish;
  const record: GroupRecord = { groupId: parseName("group.test"), epoch, publicValue, expiresAtSeconds };
  const find: GroupMemberships["find"] = ({ groupId, epoch: wanted }) =>
    groupId === record.groupId && wanted === epoch ? { ...record, secret: seed } : null;
  return { record, secret: seed, memberships: { find } };
}

/** Both ends of a broadcast. */
export async function broadcast(
  pair: Pair,
  wish: EstablishWish & { readonly group?: TestGroup },
  moment: Moment = {},
): Promise<{ readonly message: Uint8Array; readonly originator: BroadcastLink; readonly recipient: BroadcastLink }> {
  const group = wish.group === undefined ? {} : { group: wish.group.record };
  const sent = await originate(pair, { ...wish, options: { ...wish.options, ...group } }, moment);
  if (sent.kind !== "broadcast") throw new Error(`${wish.mechanism} is no broadcast`);
  const memberships = wish.group === undefined ? {} : { groups: wish.group.memberships };
  const accepted = await acceptMessage({ ...acceptingContext(pair, wish.originator, moment), ...memberships }, sent.message);
  if (accepted.kind !== "broadcast") throw new Error(`${wish.mechanism} is no broadcast`);
  return { message: sent.message, originator: sent.link, recipient: accepted.link };
}
