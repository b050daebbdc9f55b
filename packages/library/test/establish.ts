import {
  type ConfidentialLink,
  type LinkMechanism,
  namedMechanisms,
  type OriginateOptions,
  Party,
  type PartyOptions,
  type ReceiveOptions,
} from "../src/index.ts";
import { addressOf } from "./world.ts";

/** Both ends of a link. */
export interface Ends {
  readonly originator: ConfidentialLink;
  readonly recipient: ConfidentialLink;
  /** What the third message brought, where there is one. */
  readonly completed: { readonly artefactId: Uint8Array | null; readonly licence: Uint8Array | null } | null;
}

const hello = new TextEncoder().encode("hello");

/** Runs any mechanism between two parties with names, each message in a process of its own that has only the stores. */
export async function establish(
  from: PartyOptions,
  to: PartyOptions,
  options: OriginateOptions,
  content?: ReceiveOptions<LinkMechanism>["content"],
): Promise<Ends> {
  const mechanisms = namedMechanisms;
  const { message } = await new Party(from).originate(addressOf(to), options);
  const accepted = await new Party(to).accept(message, { mechanisms });
  const received = await new Party(from).receive(accepted.reply, { mechanisms, ...(content === undefined ? {} : { content }) });
  if (accepted.kind === "answered") {
    if (received.kind !== "established") throw new Error(`${received.kind} after an answer`);
    const { link: recipient } = accepted.link.confirm(received.link.seal(hello));
    return { originator: received.link, recipient, completed: null };
  }
  if (received.kind !== "replied") throw new Error(`${received.kind} after M2`);
  const completed = await new Party(to).receive(received.message, { mechanisms });
  if (completed.kind !== "completed") throw new Error(`${completed.kind} after M3`);
  const { link: recipient } = completed;
  const first = recipient.seal(hello);
  if (!("confirm" in received.link)) received.link.open(first);
  const originator = "confirm" in received.link ? received.link.confirm(first).link : received.link;
  return { originator, recipient, completed };
}
