import type { SuiteName } from "@sealane/crypto";
import { suites } from "@sealane/crypto";
import { type BroadcastLink, type ConfidentialLink, type MechanismName, mechanisms, type Role } from "@sealane/link";
import { bytesAs, type Codec, type LinkId, linkId, type Name, nameCodec, nullable, oneOf, tuple } from "@sealane/wire";
import type { LinkEvent } from "./events.ts";
import { describeServer, type Trust } from "./trust.ts";

/** What is worth telling about a link after it has gone. */
export interface LinkFacts {
  readonly mechanism: MechanismName;
  readonly suite: SuiteName;
  readonly originator: Role;
  /** Null for a broadcast: no records go over it. */
  readonly linkId: LinkId | null;
  readonly peer: Name | null;
}

export const linkFactsCodec: Codec<LinkFacts> = tuple<LinkFacts>({
  mechanism: oneOf(Object.keys(mechanisms) as MechanismName[]),
  suite: oneOf(suites.map((suite) => suite.name)),
  originator: oneOf(["server", "terminal"] as const),
  linkId: nullable(bytesAs(linkId)),
  peer: nullable(nameCodec),
});

export function factsOf(link: ConfidentialLink): LinkFacts {
  return { mechanism: link.mechanism, suite: link.suite.name, originator: link.originatorRole, linkId: link.id, peer: link.peer };
}

/** The same of a broadcast; `peer` is who signed it, or whom this terminal sent it to. */
export function factsOfBroadcast(link: BroadcastLink, peer: Name): LinkFacts {
  return { mechanism: link.mechanism, suite: link.suite.name, originator: link.originatorRole, linkId: null, peer };
}

/** Says who the server of a link is, what it promises and who else could read, with the parties' names in place. */
export function describeLink(facts: LinkFacts, by: Pick<Trust, "name" | "standing">): LinkEvent {
  const { promise, readers } = mechanisms[facts.mechanism];
  const peer = facts.peer ?? "an unnamed party";
  const own = by.name ?? "this terminal";
  const [originator, recipient] = facts.originator === "terminal" ? [own, peer] : [peer, own];
  const named = (sentence: string): string => sentence.replaceAll("{originator}", originator).replaceAll("{recipient}", recipient);
  const { standing } = by;
  const who = describeServer(serverOf(facts), standing);
  return { kind: "link", ...facts, linkId: facts.linkId?.toHex() ?? null, ...who, promise: named(promise), readers: named(readers) };
}

/** The server that proved by a key of its own that a certificate of the authority is its own; null for one that proved nothing of itself. */
function serverOf({ mechanism, originator, peer }: LinkFacts): Name | null {
  // Who hears a terminal's broadcast can answer it: the reply is only as good as its own signatures.
  return originator === "terminal" && mechanisms[mechanism].broadcast ? null : peer;
}
