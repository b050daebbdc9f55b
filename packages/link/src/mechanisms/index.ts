import { type Suite, suites } from "@sealane/crypto";
import type { AwaitedAnswer } from "../answer.ts";
import { decodeMessage, type Message } from "../envelope.ts";
import { linkErrors } from "../errors.ts";
import { type MechanismName, type Role, roleNumbers } from "../labels.ts";
import type { UnconfirmedLink } from "../link.ts";
import type { OriginatorContext, RecipientContext } from "../parties.ts";
import { acceptSignedTransport, originateSignedTransport, type SignedTransportOptions } from "./signed-transport.ts";

/** What a mechanism is and promises; screens and documents take their words from here. */
export interface Mechanism {
  readonly name: MechanismName;
  /** Requirement ids by originator. */
  readonly equations: Readonly<Record<Role, string>>;
  readonly messages: string;
  readonly grade: "confidential" | "public";
  readonly anonymous: boolean;
  readonly broadcast: boolean;
  readonly forwardSecret: boolean;
  /** What the link promises, as a sentence about {originator} and {recipient}. */
  readonly promise: string;
  /** Who else could read, now or later. */
  readonly readers: string;
  originate(
    context: OriginatorContext,
    options: SignedTransportOptions,
  ): Promise<{ readonly message: Uint8Array; readonly awaited: AwaitedAnswer }>;
  accept(
    context: RecipientContext,
    message: Message,
  ): Promise<{ readonly answer: Uint8Array; readonly link: UnconfirmedLink; readonly licence: Uint8Array | null }>;
}

const signedTransport: Mechanism = {
  name: "signed-transport",
  equations: { server: "EQ1", terminal: "EQ5" },
  messages: "M1, answer",
  grade: "confidential",
  anonymous: false,
  broadcast: false,
  forwardSecret: false,
  promise: "Only {originator} and {recipient} hold the key of this link, and {originator} signed that it is meant for {recipient}",
  readers: "Nobody else can read it today; whoever obtains the decryption key of {recipient} later can read what was recorded",
  originate: originateSignedTransport,
  accept: acceptSignedTransport,
};

/** Every mechanism by name: the one list that services, commands and documents go by. */
export const mechanisms: Readonly<Record<MechanismName, Mechanism>> = { "signed-transport": signedTransport };

/** One way to establish a link: what may be asked for, offered and delivered. */
export interface Triple {
  readonly mechanism: Mechanism;
  readonly suite: Suite;
  readonly originator: Role;
}

/** The allowed triples, in the order in which they are shown. */
export function allowedTriples(): readonly Triple[] {
  const roles = Object.keys(roleNumbers) as Role[];
  return Object.values(mechanisms).flatMap((mechanism) =>
    suites.flatMap((suite) => roles.map((originator) => ({ mechanism, suite, originator }))),
  );
}

/** The mechanism of a name. Error: LINK_MECHANISM_UNKNOWN. */
export function mechanismNamed(name: string): Mechanism {
  const found = Object.values(mechanisms).find((mechanism) => mechanism.name === name);
  if (found === undefined) throw linkErrors.error("LINK_MECHANISM_UNKNOWN", { mechanism: name });
  return found;
}

/** Accepts the first message of any mechanism. Errors: those of `decodeMessage` and of the mechanism's `accept`. */
export async function acceptMessage(context: RecipientContext, bytes: Uint8Array): ReturnType<Mechanism["accept"]> {
  const message = decodeMessage(bytes);
  return await mechanisms[message.header.mechanism].accept(context, message);
}
