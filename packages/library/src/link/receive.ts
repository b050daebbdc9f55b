import type { Secret } from "@sealane/crypto";
import {
  ConfidentialLink as Confidential,
  decodeMessage,
  linkErrors,
  loadAwaitedReply,
  loadAwaitedThird,
  readReference,
  type ThirdContent,
  UnconfirmedLink as Unconfirmed,
} from "@sealane/link";
import { type ArtefactId, artefactId } from "@sealane/wire";
import type { AnonymousMechanism, NamedMechanism } from "../mechanism.ts";
import { requireBytes } from "../own-arguments.ts";
import { plainBytes } from "../plain-bytes.ts";
import { type ConfidentialLink, confidentialLink, type UnconfirmedLink, unconfirmedLink } from "./links.ts";
import { continueContext, type Own, pendingReference, requireMechanism } from "./party-context.ts";

/** A mechanism whose first message is replied to. */
export type LinkMechanism = NamedMechanism | AnonymousMechanism;

/** How a later message is received. */
export interface ReceiveOptions<Mechanism extends LinkMechanism> {
  /** The mechanisms that may come: what comes back is typed by them. `signed-transport` alone unless told. */
  readonly mechanisms?: readonly Mechanism[];
  /** At the originator of `mutual-agreement`: what the third message vouches for; nothing unless told. */
  readonly content?: ThirdContent;
}

/** The originator's link after the reply. */
export interface EstablishedLink {
  readonly kind: "established";
  readonly link: ConfidentialLink;
}

/** The originator's link after the second message of three. */
export interface RepliedLink<Link extends ConfidentialLink | UnconfirmedLink> {
  readonly kind: "replied";
  /** The third message, for the recipient: before any record. */
  readonly message: Uint8Array;
  readonly link: Link;
}

/** The recipient's link after the third message. */
export interface CompletedLink {
  readonly kind: "completed";
  readonly link: ConfidentialLink;
  /** `mutual-agreement`: the artefact that the originator vouches for, or null. */
  readonly artefactId: ArtefactId | null;
  /** The encoded licence that the originator sent, or null; proven by `verifyAuthorisation`. */
  readonly licence: Uint8Array | null;
  /** `mutual-agreement`: the encoded release that the originator sent, or null; proven by `verifyAuthorisation`. */
  readonly release: Uint8Array | null;
}

/** What the receipt of a later message of each mechanism gives. */
export interface ReceivedBy extends Record<AnonymousMechanism, EstablishedLink> {
  readonly "signed-transport": EstablishedLink;
  readonly "recovered-transport": EstablishedLink;
  readonly "signed-agreement": EstablishedLink;
  readonly "mutual-certified": EstablishedLink;
  readonly "mutual-nonce": RepliedLink<ConfidentialLink> | CompletedLink;
  readonly "mutual-agreement": RepliedLink<UnconfirmedLink> | CompletedLink;
}

/** What was received, by the mechanisms that may come. */
export type ReceivedLink<Mechanism extends LinkMechanism> = ReceivedBy[Mechanism];

/** What {@link receiveLink} is told: the mechanisms are given. */
type GivenMechanisms<Mechanism extends LinkMechanism> = ReceiveOptions<Mechanism> & { readonly mechanisms: readonly Mechanism[] };

/** Receives an answer, M2 or M3 of these mechanisms. Errors: as of `Party.receive`. */
export function receiveLink<Mechanism extends LinkMechanism>(
  own: Own,
  message: Uint8Array,
  options: GivenMechanisms<Mechanism>,
): Promise<ReceivedLink<Mechanism>>;
export async function receiveLink(
  own: Own,
  message: Uint8Array,
  options: GivenMechanisms<LinkMechanism>,
): Promise<ReceivedLink<LinkMechanism>> {
  requireBytes("message", message);
  const { header } = decodeMessage(message);
  requireMechanism(header.mechanism, options.mechanisms);
  const awaits = header.number === 3 ? "third" : "reply";
  const reference = pendingReference(readReference(message), awaits);
  using saved = await own.options.pending.find(reference);
  if (saved === null) throw linkErrors.error("LINK_MESSAGE_UNEXPECTED");
  const pending: Pending = { reference, saved, message };
  return awaits === "third" ? await receiveThird(own, pending) : await receiveReply(own, pending, options.content);
}

interface Pending {
  readonly reference: string;
  readonly saved: Secret<"saved pending link">;
  readonly message: Uint8Array;
}

async function receiveReply(
  own: Own,
  { reference, saved, message }: Pending,
  content: ThirdContent | undefined,
): Promise<ReceivedLink<LinkMechanism>> {
  const { environment, pending } = own.options;
  using awaited = loadAwaitedReply(saved);
  if (content !== undefined && awaited.mechanism !== "mutual-agreement") throw linkErrors.error("LINK_FIELD_WRONG", { field: "content" });
  const { link, message: third } = await awaited.receive(continueContext(own), message, content);
  const isFirst = await pending.remove(reference);
  if (isFirst && third !== null) {
    return link instanceof Unconfirmed
      ? { kind: "replied", message: third, link: unconfirmedLink(link, environment) }
      : { kind: "replied", message: third, link: confidentialLink(link, environment) };
  }
  if (isFirst && link instanceof Confidential) return { kind: "established", link: confidentialLink(link, environment) };
  link[Symbol.dispose]();
  throw linkErrors.error("LINK_MESSAGE_UNEXPECTED");
}

async function receiveThird(own: Own, { reference, saved, message }: Pending): Promise<CompletedLink> {
  const { environment, pending } = own.options;
  using awaited = loadAwaitedThird(saved);
  const { link, artefactId: id, licence, release } = await awaited.receive(continueContext(own), message);
  if (!(await pending.remove(reference))) {
    link[Symbol.dispose]();
    throw linkErrors.error("LINK_MESSAGE_UNEXPECTED");
  }
  return {
    kind: "completed",
    link: confidentialLink(link, environment),
    artefactId: id && artefactId(plainBytes(id)),
    licence: licence && plainBytes(licence),
    release: release && plainBytes(release),
  };
}
