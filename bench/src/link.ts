import { acceptMessage, mechanismNamed, type Role } from "@sealane/link";
import {
  acceptingContext,
  continuingContext,
  type EstablishWish,
  originatingContext,
  type Pair,
  type TestGroup,
  testNowSeconds,
} from "@sealane/testkit";

/** A link to be measured; of a broadcast to a group, with its group. */
export interface LinkWish extends EstablishWish {
  readonly group?: TestGroup;
}

/** Does one party's part of a link; whoever wants to know how long it takes looks at a clock. */
export type Part = <T>(role: Role, work: () => T | Promise<T>) => T | Promise<T>;

/**
 * Establishes one link a call, until its recipient knows that the originator holds the key; a broadcast until it was accepted. Gives the
 * bytes of each message, in their order. What the parties work with is made once, as that of the peer is.
 */
export function makeLinkWork(pair: Pair, { group, ...wish }: LinkWish, part: Part = (_, work) => work()): () => Promise<readonly number[]> {
  const [near, far] = [wish.originator, wish.originator === "server" ? "terminal" : "server"] as const;
  const mechanism = mechanismNamed(wish.mechanism);
  const options = { ...wish.options, suite: wish.suite, ...(group === undefined ? {} : { group: group.record }) };
  const originating = originatingContext(pair, wish);
  const accepting = { ...acceptingContext(pair, wish.originator), ...(group === undefined ? {} : { groups: group.memberships }) };
  const continuing = continuingContext(pair, wish);
  const nothing = new Uint8Array(0);
  return async () => {
    const sent = await part(near, () => mechanism.originate(originating, options));
    const accepted = await part(far, () => acceptMessage(accepting, sent.message));
    const messages = [sent.message.length];
    if (sent.kind !== "broadcast" && accepted.kind !== "broadcast") {
      const received = await part(near, () => sent.awaited.receive(continuing, accepted.reply));
      const { link, message: third } = received;
      messages.push(accepted.reply.length, ...(third === null ? [] : [third.length]));
      if (accepted.kind === "waiting" && third !== null) await part(far, () => accepted.awaited.receive(accepting, third));
      if (accepted.kind === "answered" && "seal" in link) {
        const record = await part(near, () => link.seal(nothing, testNowSeconds));
        await part(far, () => accepted.link.confirm(record, testNowSeconds));
      }
    }
    for (const party of [pair.server, pair.terminal]) party.replay.entries.clear();
    return messages;
  };
}
