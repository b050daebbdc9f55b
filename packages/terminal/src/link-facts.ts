import type { SuiteName } from "@sealane/crypto";
import { suites } from "@sealane/crypto";
import { type ConfidentialLink, type MechanismName, mechanisms, type Role } from "@sealane/link";
import { bytesAs, type Codec, type LinkId, linkId, type Name, nameCodec, nullable, oneOf, tuple } from "@sealane/wire";
import type { LinkEvent } from "./events.ts";

/** What is worth telling about a link after it has gone. */
export interface LinkFacts {
  readonly mechanism: MechanismName;
  readonly suite: SuiteName;
  readonly originator: Role;
  readonly linkId: LinkId;
  readonly peer: Name | null;
}

export const linkFactsCodec: Codec<LinkFacts> = tuple<LinkFacts>({
  mechanism: oneOf(Object.keys(mechanisms) as MechanismName[]),
  suite: oneOf(suites.map((suite) => suite.name)),
  originator: oneOf(["server", "terminal"] as const),
  linkId: bytesAs(linkId),
  peer: nullable(nameCodec),
});

export function factsOf(link: ConfidentialLink): LinkFacts {
  return { mechanism: link.mechanism, suite: link.suite.name, originator: link.originatorRole, linkId: link.id, peer: link.peer };
}

/** Says what a link promises and who else could read, with the parties' names in place. */
export function describeLink(facts: LinkFacts, self: Name): LinkEvent {
  const { promise, readers } = mechanisms[facts.mechanism];
  const peer = facts.peer ?? "an unnamed party";
  const [originator, recipient] = facts.originator === "terminal" ? [self, peer] : [peer, self];
  const named = (sentence: string): string => sentence.replaceAll("{originator}", originator).replaceAll("{recipient}", recipient);
  return { kind: "link", ...facts, linkId: facts.linkId.toHex(), promise: named(promise), readers: named(readers) };
}
