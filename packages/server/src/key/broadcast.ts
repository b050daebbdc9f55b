import { apiErrors, type BroadcastChannel, requireAllowed } from "@sealane/api";
import { defaultSuite, type Suite, suiteNamed } from "@sealane/crypto";
import { defaultBroadcastSeconds, everyRecipient, linkErrors, type Mechanism, mechanismNamed, suitesOf } from "@sealane/link";
import { type Name, SealaneError } from "@sealane/wire";
import { postponeSeconds, renewSeconds } from "../limits.ts";
import type { BroadcastMessage, RunningBroadcast, StoredBroadcast } from "../storage/broadcasts.ts";
import type { IssuedLicence } from "../storage/licences.ts";
import type { StoredRelease } from "../storage/releases.ts";
import { contentKeyOf } from "./content-key.ts";
import { groupRecordOf } from "./groups.ts";
import type { KeyRole } from "./key-role.ts";
import { licenceOf, proveRelease } from "./licence.ts";

/** What an operator asks for. */
export interface BroadcastWish {
  readonly module: string;
  /** The newest release for this model; of any models unless told. */
  readonly model: string | null;
  readonly mechanism: string;
  /** Null: the first of this server's. */
  readonly suite: string | null;
  readonly group: Name | null;
  readonly lifeSeconds: number;
}

/**
 * Starts a broadcast (EQ3, EQ4): M1 with the licence for everybody and the wrapped content key are made once, whoever listens, and stand
 * on the channel. An open one gives the content key to everybody, for ever, so that its release must have been published as public.
 *
 * Errors: LINK_MECHANISM_UNKNOWN, CRYPTO_SUITE_UNKNOWN, API_REQUEST_WRONG (a group where none belongs, or none where one does),
 * RELEASE_UNKNOWN, POLICY_REFUSED, RELEASE_NOT_PUBLIC, GROUP_UNKNOWN, SERVER_BROADCASTS_FULL, RELEASE_*, STORE_*.
 */
export async function startBroadcast(role: KeyRole, wish: BroadcastWish): Promise<RunningBroadcast> {
  const mechanism = mechanismNamed(wish.mechanism);
  if (!mechanism.broadcast) throw linkErrors.error("LINK_MECHANISM_UNKNOWN", { mechanism: mechanism.name, broadcast: false });
  const suite = wish.suite === null ? (suitesOf(role.self)[0] ?? defaultSuite) : suiteNamed(wish.suite);
  const { group, module, model, lifeSeconds } = wish;
  if (mechanism.needs.recipient.includes("group") !== (group !== null)) throw apiErrors.error("API_REQUEST_WRONG", { field: "group" });
  const { releases } = role.stores;
  const [release] = model === null ? await releases.newestOf(module, 1) : await releases.newest(model, { module, max: 1 });
  if (release === undefined) throw apiErrors.error("RELEASE_UNKNOWN", { module });
  const startedAtSeconds = role.now();
  const endsAtSeconds = startedAtSeconds + lifeSeconds;
  const { issued, ...message } = await makeMessage(role, { mechanism, suite, group, release, endsAtSeconds });
  const id = role.random.bytes(16);
  const { artefactId } = release.description;
  const broadcast = { id, artefactId, mechanism: mechanism.name, suite: suite.name, group, startedAtSeconds, endsAtSeconds };
  await role.atomically(async (stores) => {
    await stores.licences.add(issued);
    await stores.broadcasts.add({ ...broadcast, ...message });
  });
  role.listeners.wakeAll();
  return { ...broadcast, issuedAtSeconds: message.issuedAtSeconds };
}

/** Ends a broadcast: nobody who asks from now on gets it. Error: BROADCAST_UNKNOWN. */
export async function stopBroadcast(role: KeyRole, id: Uint8Array): Promise<void> {
  if (!(await role.stores.broadcasts.remove(id))) throw apiErrors.error("BROADCAST_UNKNOWN");
}

export interface ChannelQuery {
  /** What stands behind this position. */
  readonly after: number;
  readonly waitSeconds: number;
  /** Says that the client went. */
  readonly signal: AbortSignal;
}

/** What stands on the channel; without anything behind the position it waits for the first. Errors: STORE_*. */
export async function readChannel(role: KeyRole, query: ChannelQuery): Promise<BroadcastChannel> {
  const { after, waitSeconds, signal } = query;
  using waiter = role.listeners.enter();
  const channel = await role.stores.broadcasts.after(after, role.now());
  if (channel.items.length > 0 || waitSeconds === 0) return channel;
  await waiter.wait(waitSeconds, signal);
  return await role.stores.broadcasts.after(after, role.now());
}

/**
 * Gives every broadcast whose M1 is old a new one, with the same licence. Called for whoever listens, and one call at a time: a minute
 * later nothing is left to do, however many there are. What cannot be renewed (its release is not public any more, the policy has
 * changed) is tried again later and ends with its M1. Gives why, for the log. Errors: STORE_*.
 */
export async function renewBroadcasts(role: KeyRole): Promise<readonly SealaneError[]> {
  const failures: SealaneError[] = [];
  for (const broadcast of await role.stores.broadcasts.due(role.now())) {
    try {
      await renew(role, broadcast);
    } catch (error) {
      if (!(error instanceof SealaneError) || error.entry.blame === "system") throw error;
      failures.push(error);
      await role.stores.broadcasts.postpone(broadcast.id, role.now() + postponeSeconds);
    }
  }
  return failures;
}

async function renew(role: KeyRole, broadcast: StoredBroadcast): Promise<void> {
  const { id, position, artefactId, group, endsAtSeconds } = broadcast;
  const release = await role.stores.releases.find(artefactId);
  if (release === null) throw apiErrors.error("RELEASE_UNKNOWN");
  const [mechanism, suite] = [mechanismNamed(broadcast.mechanism), suiteNamed(broadcast.suite)];
  const { issued, ...message } = await makeMessage(role, { mechanism, suite, group, release, endsAtSeconds });
  const isRenewed = await role.atomically(async (stores) => {
    if (!(await stores.broadcasts.renew({ id, position, ...message }))) return false;
    await stores.licences.add(issued);
    return true;
  });
  if (isRenewed) role.listeners.wakeAll();
}

/** M1, and the content key wrapped under its link; both are made without knowing who will hear them. */
async function makeMessage(
  role: KeyRole,
  of: {
    readonly mechanism: Mechanism;
    readonly suite: Suite;
    readonly group: Name | null;
    readonly release: StoredRelease;
    readonly endsAtSeconds: number;
  },
): Promise<BroadcastMessage & { readonly issued: IssuedLicence }> {
  const { self, random } = role;
  const { mechanism, suite, group, release, endsAtSeconds } = of;
  const { artefactId, softwareClass } = release.description;
  requireAllowed(role.policy, { softwareClass, mechanism: mechanism.name });
  const proven = proveRelease(role, release);
  requirePublic(mechanism, proven);
  const issued = await licenceOf(role, { terminal: null, nameless: everyRecipient, release });
  const record = group === null ? {} : { group: await groupRecordOf(role, group, suite) };
  const nowSeconds = role.now();
  const keyLifeSeconds = Math.min(defaultBroadcastSeconds, endsAtSeconds - nowSeconds, issued.expiresAtSeconds - nowSeconds);
  const options = { suite, licence: issued.licence, keyLifeSeconds, ...record };
  const sent = await mechanism.originate({ self, recipient: [], nowSeconds, random }, options);
  if (sent.kind !== "broadcast") throw linkErrors.error("LINK_MECHANISM_UNKNOWN", { mechanism: mechanism.name });
  using link = sent.link;
  using contentKey = await contentKeyOf(role, proven, release.sealedContentKey);
  const wrap = link.wrap(contentKey, { artefactId, licenceDigest: issued.digest, random, nowSeconds });
  return {
    message: sent.message,
    wrap,
    issuedAtSeconds: nowSeconds,
    expiresAtSeconds: link.keyExpiresAtSeconds,
    renewAtSeconds: nowSeconds + renewSeconds,
    issued,
  };
}

/** Under a public link a content key is public for ever. Error: RELEASE_NOT_PUBLIC. */
export function requirePublic({ grade }: Mechanism, release: ReturnType<typeof proveRelease>): void {
  if (grade !== "public" || release.grade === "public") return;
  throw apiErrors.error("RELEASE_NOT_PUBLIC", { module: release.module, version: release.version });
}
