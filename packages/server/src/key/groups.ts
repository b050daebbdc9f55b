import {
  apiErrors,
  type GivenMembership,
  type GroupEpoch,
  groupRecordFor,
  issueGroupRecord,
  parseGroupRecord,
  splitSeeds,
} from "@sealane/api";
import { agreementFor, agreementSeedBytes, Secret, type Suite } from "@sealane/crypto";
import { type GroupRecord, mainSigning } from "@sealane/link";
import type { Name } from "@sealane/wire";
import { serverErrors } from "../errors.ts";
import { epochLifeSeconds, epochOverlapSeconds, maxGroups } from "../limits.ts";
import type { GroupSeeds, StoredEpoch } from "../storage/group-epochs.ts";
import type { Group } from "../storage/groups.ts";
import type { ActiveTerminal } from "../storage/terminals.ts";
import type { KeyRole } from "./key-role.ts";

/** Makes a group without members. Errors: SERVER_GROUP_TAKEN, SERVER_GROUPS_EXCEEDED. */
export async function createGroup(role: KeyRole, name: Name): Promise<Group> {
  const nowSeconds = role.now();
  await role.atomically(async ({ groups }) => {
    if ((await groups.list(nowSeconds)).length >= maxGroups) throw serverErrors.error("SERVER_GROUPS_EXCEEDED", { limit: maxGroups });
    if (!(await groups.create(name, nowSeconds))) throw serverErrors.error("SERVER_GROUP_TAKEN", { group: name });
  });
  return await groupOf(role, name);
}

/**
 * Adds terminals to a group and removes others. Whoever is added is given the secret of the epoch of now; when somebody is removed a new
 * epoch begins. Errors: GROUP_UNKNOWN, TERMINAL_UNKNOWN, SERVER_GROUPS_EXCEEDED, STORE_*.
 */
export async function changeMembers(
  role: KeyRole,
  name: Name,
  change: { readonly add: readonly Name[]; readonly remove: readonly Name[] },
): Promise<Group> {
  await role.atomically(async ({ groups, terminals }) => {
    if (!(await groups.has(name))) throw apiErrors.error("GROUP_UNKNOWN", { group: name });
    for (const terminal of change.add) {
      if ((await terminals.find(terminal)) === null) throw apiErrors.error("TERMINAL_UNKNOWN", { terminal });
    }
    await groups.add(name, change.add);
    await groups.remove(name, change.remove);
  });
  await replaceStale(role, name);
  return await groupOf(role, name);
}

/** Begins a new epoch of a group: members ask for its secret, and what is broadcast from now on is for who holds it. Error: GROUP_UNKNOWN. */
export async function rotateGroup(role: KeyRole, name: Name): Promise<Group> {
  await beginEpoch(role, name);
  return await groupOf(role, name);
}

/** What M1 of a broadcast to a group names and is made for. Error: GROUP_UNKNOWN. */
export async function groupRecordOf(role: KeyRole, name: Name, suite: Suite): Promise<GroupRecord> {
  const [epoch, ...earlier] = await usableEpochs(role, name);
  for (const each of earlier) each[Symbol.dispose]();
  if (epoch === undefined) throw apiErrors.error("GROUP_UNKNOWN", { group: name });
  using current = epoch;
  return groupRecordFor(suite, parseGroupRecord(current.record));
}

/** The secrets of all groups of a terminal, for the record of a link that only it can read. Errors: STORE_*. */
export async function membershipsOf(role: KeyRole, { name }: ActiveTerminal): Promise<readonly GivenMembership[]> {
  const given: GivenMembership[] = [];
  for (const group of await role.stores.groups.of(name)) {
    for (const epoch of await usableEpochs(role, group)) {
      using held = epoch;
      given.push({ record: held.record, seeds: held.seeds.use(splitSeeds) });
    }
  }
  return given;
}

async function groupOf(role: KeyRole, name: Name): Promise<Group> {
  const group = await role.stores.groups.find(name, role.now());
  if (group === null) throw apiErrors.error("GROUP_UNKNOWN", { group: name });
  return group;
}

/** The epoch of now, which lasts long enough to be used, and the one before it until its end. Error: GROUP_UNKNOWN. */
async function usableEpochs(role: KeyRole, name: Name): Promise<readonly StoredEpoch[]> {
  await replaceStale(role, name);
  const epochs = await role.stores.groupEpochs.current(name, role.now());
  const [current] = epochs;
  if (current !== undefined && current.expiresAtSeconds - role.now() > epochOverlapSeconds) return epochs;
  for (const each of epochs) each[Symbol.dispose]();
  await beginEpoch(role, name);
  return await role.stores.groupEpochs.current(name, role.now());
}

/** Begins a new epoch where the secret of the one there is was held by somebody who is no member any more. */
async function replaceStale(role: KeyRole, name: Name): Promise<void> {
  const state = await role.stores.groupEpochs.state(name);
  if (state?.isStale === true) await beginEpoch(role, name);
}

async function beginEpoch(role: KeyRole, name: Name): Promise<void> {
  const nowSeconds = role.now();
  const state = await role.stores.groupEpochs.state(name);
  if (state === null) throw apiErrors.error("GROUP_UNKNOWN", { group: name });
  const signing = mainSigning(role.self);
  const expiresAtSeconds = Math.min(nowSeconds + epochLifeSeconds, signing.certificate.notAfterSeconds);
  const epoch = state.lastEpoch + 1;
  const { values, seeds } = makeSecrets(role);
  using secret = seeds;
  const record = await issueGroupRecord(signing, { groupId: name, epoch, values, expiresAtSeconds });
  const ending = await shortened(role, name, nowSeconds + epochOverlapSeconds);
  const isBegun = await role.atomically(async ({ groupEpochs }) => {
    if (!(await groupEpochs.begin({ group: name, epoch, record, seeds: secret, expiresAtSeconds }))) return false;
    if (ending !== null) await groupEpochs.shorten({ group: name, ...ending });
    return true;
  });
  if (isBegun) role.listeners.wakeAll();
}

/** The epoch of now with an earlier end, signed anew; null when there is none that lasts longer. */
async function shortened(
  role: KeyRole,
  name: Name,
  expiresAtSeconds: number,
): Promise<{ readonly epoch: number; readonly record: Uint8Array; readonly expiresAtSeconds: number } | null> {
  const epochs = await role.stores.groupEpochs.current(name, role.now());
  for (const { seeds } of epochs) seeds[Symbol.dispose]();
  const [current] = epochs;
  if (current === undefined || current.expiresAtSeconds <= expiresAtSeconds) return null;
  const record = await issueGroupRecord(mainSigning(role.self), { ...parseGroupRecord(current.record), expiresAtSeconds });
  return { epoch: current.epoch, record, expiresAtSeconds };
}

/** A secret for each kind of agreement key that this server's suites use. */
function makeSecrets({ random, self }: KeyRole): { readonly values: GroupEpoch["values"]; readonly seeds: GroupSeeds } {
  const joined = new Uint8Array(self.agreement.length * agreementSeedBytes);
  const values = self.agreement.map(({ key }, position) => {
    const { kind } = key.publicKey;
    const { publicValue, seed } = agreementFor(kind).generate(random);
    using own = seed;
    own.use((bytes) => joined.set(bytes, position * agreementSeedBytes));
    return { kind, publicValue };
  });
  return { values, seeds: Secret.take("group seeds", joined) };
}
