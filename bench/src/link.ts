import { acceptMessage, type Role } from "@sealane/link";
import {
  acceptingContext,
  continuingContext,
  type EstablishWish,
  originate,
  type Pair,
  type TestGroup,
  testNowSeconds,
} from "@sealane/testkit";

/** What one link took. */
export interface LinkRun {
  /** Bytes of each message, in their order. */
  readonly messages: readonly number[];
  /** Time of the server alone, whichever end it is. */
  readonly serverSeconds: number;
}

/** A link to be measured; of a broadcast to a group, with its group. */
export interface LinkWish extends EstablishWish {
  readonly group?: TestGroup;
}

/** Establishes one link until its recipient knows that the originator holds the key; a broadcast until it was accepted. */
export async function runLink(pair: Pair, { group, ...wish }: LinkWish): Promise<LinkRun> {
  const times = new Times();
  const [near, far] = [wish.originator, wish.originator === "server" ? "terminal" : "server"] as const;
  const options = { ...wish.options, ...(group === undefined ? {} : { group: group.record }) };
  const accepting = { ...acceptingContext(pair, wish.originator), ...(group === undefined ? {} : { groups: group.memberships }) };
  const sent = await times.of(near, () => originate(pair, { ...wish, options }));
  const accepted = await times.of(far, () => acceptMessage(accepting, sent.message));
  const messages = [sent.message.length];
  if (sent.kind !== "broadcast" && accepted.kind !== "broadcast") {
    const received = await times.of(near, () => sent.awaited.receive(continuingContext(pair, wish), accepted.reply));
    const { link, message: third } = received;
    messages.push(accepted.reply.length, ...(third === null ? [] : [third.length]));
    if (accepted.kind === "waiting" && third !== null) await times.of(far, () => accepted.awaited.receive(accepting, third));
    if (accepted.kind === "answered" && "seal" in link) {
      const record = await times.of(near, () => link.seal(new Uint8Array(0), testNowSeconds));
      await times.of(far, () => accepted.link.confirm(record, testNowSeconds));
    }
  }
  for (const party of [pair.server, pair.terminal]) party.replay.entries.clear();
  return { messages, serverSeconds: times.seconds.server };
}

/** The time that each role took. */
class Times {
  readonly seconds: Record<Role, number> = { server: 0, terminal: 0 };

  async of<T>(role: Role, work: () => T | Promise<T>): Promise<T> {
    const began = performance.now();
    const result = await work();
    this.seconds[role] += (performance.now() - began) / 1000;
    return result;
  }
}
