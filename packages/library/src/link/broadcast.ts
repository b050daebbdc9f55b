import { defaultSuite, type SuiteName, suiteNamed } from "@sealane/crypto";
import {
  type BroadcastLink as Broadcast,
  type OriginateOptions as CoreOptions,
  GroupLink as Group,
  linkErrors,
  mechanismNamed,
  PublicLink as Public,
} from "@sealane/link";
import type { BroadcastMechanism } from "../mechanism.ts";
import { suiteArgument } from "../own-arguments.ts";
import { type GroupLink, groupLink, type PublicLink, publicLink } from "./broadcast-links.ts";
import type { GroupRecord } from "./group-secret.ts";
import { type Own, originatorContext, requireLicence } from "./party-context.ts";

/** How a broadcast to a group is made. */
export interface GroupBroadcastOptions {
  /** How long its key lives: 30 minutes unless told; never longer than the sender's certificate and the group's epoch. */
  readonly keyLifeSeconds?: number;
  /** Until when it may be accepted: as long as its key lives unless told. */
  readonly expiresAtSeconds?: number;
  /** Sends the own signing certificate along; unless told it is sent. False for recipients that find it by themselves. */
  readonly sendCertificate?: boolean;
}

/** How a broadcast to everybody is made. */
export interface BroadcastOptions extends GroupBroadcastOptions {
  /** `hybrid` unless told. */
  readonly suite?: SuiteName;
}

/** A broadcast that was made. */
export interface OriginatedBroadcast<Link extends PublicLink | GroupLink> {
  /** For whoever hears it, as often as you like while it lasts. */
  readonly message: Uint8Array;
  readonly link: Link;
}

/** Makes M1 for everybody. Errors: as of `Party.broadcast`. */
export async function broadcastToAll(own: Own, licence: Uint8Array, options: BroadcastOptions): Promise<OriginatedBroadcast<PublicLink>> {
  const { suite = defaultSuite.name, ...rest } = options;
  const isLink = (link: Broadcast): link is Public => link instanceof Public;
  const { message, link } = await broadcast(own, { name: "open-broadcast", isLink }, { ...rest, licence, suite: suiteArgument(suite) });
  return { message, link: publicLink(link, own.options.environment) };
}

/** Makes M1 for the members of a group. Errors: as of `Party.broadcastToGroup`. */
export async function broadcastToMembers(
  own: Own,
  { suite, ...group }: GroupRecord,
  options: GroupBroadcastOptions & { readonly licence: Uint8Array },
): Promise<OriginatedBroadcast<GroupLink>> {
  const { environment } = own.options;
  if (environment.clock.nowSeconds() > group.expiresAtSeconds) throw linkErrors.error("LINK_EXPIRED", { group: group.groupId });
  const isLink = (link: Broadcast): link is Group => link instanceof Group;
  const { message, link } = await broadcast(own, { name: "group-broadcast", isLink }, { ...options, group, suite: suiteNamed(suite) });
  return { message, link: groupLink(link, environment) };
}

async function broadcast<Link extends Broadcast>(
  own: Own,
  { name, isLink }: { readonly name: BroadcastMechanism; readonly isLink: (link: Broadcast) => link is Link },
  options: CoreOptions & { readonly licence: Uint8Array },
): Promise<{ readonly message: Uint8Array; readonly link: Link }> {
  requireLicence(options.licence);
  const { equations, originate } = mechanismNamed(name);
  const made = equations[own.self.role] === undefined ? null : await originate(originatorContext(own, []), options);
  if (made?.kind !== "broadcast" || !isLink(made.link)) throw linkErrors.error("LINK_MECHANISM_UNKNOWN", { mechanism: name });
  return { message: made.message, link: made.link };
}
