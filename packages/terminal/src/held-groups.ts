import { type GivenMembership, maxGivenEpochs, maxGroupsPerTerminal, openMembership, splitSeeds, verifyGroupRecord } from "@sealane/api";
import { Secret, sha256 } from "@sealane/crypto";
import { type GroupMembership, type GroupMemberships, type GroupReference, mechanismNamed } from "@sealane/link";
import { byteString, type Codec, concatBytes, equalBytes, listOf, literal, type Name, nameCodec, tuple, uint } from "@sealane/wire";
import { loadState, type StateFile, saveState } from "./disk.ts";
import { terminalErrors } from "./errors.ts";
import { keepSecret, openKeptSecret } from "./kept-secret.ts";
import { keptGroupAad, stateVersion } from "./labels.ts";
import { groupOverlapSeconds, maxGroupsFileBytes, maxHeldRecordBytes, maxKeptBytes } from "./limits.ts";
import { ask, originateLink, type Session } from "./link-client.ts";
import { changeState } from "./state-change.ts";

/** An epoch of a group as it is kept: the signed record, and its seeds encrypted to this terminal. */
interface HeldEpoch {
  readonly group: Name;
  readonly epoch: number;
  readonly record: Uint8Array;
  readonly kept: Uint8Array;
  /** Its signed end, or earlier when a newer epoch has begun. */
  readonly endsAtSeconds: number;
}

interface GroupsFile {
  readonly version: typeof stateVersion;
  readonly epochs: readonly HeldEpoch[];
}

const groupsFile: StateFile<GroupsFile> = {
  codec: tuple<GroupsFile>({
    version: literal(stateVersion),
    epochs: listOf(
      tuple<HeldEpoch>({
        group: nameCodec,
        epoch: uint(),
        record: byteString({ min: 1, max: maxHeldRecordBytes }),
        kept: byteString({ min: 1, max: maxKeptBytes }),
        endsAtSeconds: uint(),
      }) satisfies Codec<HeldEpoch>,
      { max: maxGroupsPerTerminal * maxGivenEpochs },
    ),
  }),
  maxBytes: maxGroupsFileBytes,
  what: "groups",
};

/**
 * The secrets of this terminal's groups (EQ4): of each the highest epoch and, until its signed end and an hour at most, the one before.
 * A secret that is not held is asked for over a confidential link, once for an epoch.
 */
export class HeldGroups implements GroupMemberships, Disposable {
  readonly #session: Session;
  readonly #asked = new Set<string>();
  readonly #opened: GroupMembership[] = [];

  constructor(session: Session) {
    this.#session = session;
  }

  /**
   * The membership that a broadcast is for; null when this terminal is not a member.
   * Errors: TERMINAL_STATE_DAMAGED; GROUP_RECORD_WRONG; those of `originateLink`, `ask` and `changeState`.
   */
  async find(wanted: GroupReference): Promise<GroupMembership | null> {
    const held = await this.#load();
    const found = await this.#open(held, wanted);
    const name = `${wanted.groupId} ${wanted.epoch}`;
    if (found !== null || this.#asked.has(name)) return found;
    this.#asked.add(name);
    return await this.#open(await this.#merge(await this.#ask()), wanted);
  }

  /** Wipes the secrets that were used. */
  [Symbol.dispose](): void {
    for (const { secret } of this.#opened.splice(0)) secret[Symbol.dispose]();
  }

  async #load(): Promise<readonly HeldEpoch[]> {
    return (await loadState(this.#session.terminal.folder.groups, groupsFile))?.epochs ?? [];
  }

  async #open(held: readonly HeldEpoch[], wanted: GroupReference): Promise<GroupMembership | null> {
    const { terminal, enrolment } = this.#session;
    const found = held.find(({ group, epoch }) => group === wanted.groupId && epoch === wanted.epoch);
    if (found === undefined || terminal.clock.nowSeconds() > found.endsAtSeconds) return null;
    using seeds = await openKeptSecret(found.kept, { key: enrolment.keeper, kind: "group seeds" }, keptGroupAad(found));
    const memberships = openMembership(this.#verify(found.record), seeds.use(splitSeeds));
    this.#opened.push(...memberships);
    return memberships.find(({ publicValue }) => equalBytes(sha256(publicValue), wanted.publicDigest)) ?? null;
  }

  /** Writes down what is to be held from now on: what the server gave, and of what is held the epoch before it. */
  async #merge(given: readonly HeldEpoch[]): Promise<readonly HeldEpoch[]> {
    const { terminal, enrolment } = this.#session;
    return await changeState(terminal, enrolment, async () => {
      const epochs = mergeEpochs(await this.#load(), given, terminal.clock.nowSeconds());
      await saveState(terminal.folder.groups, groupsFile, { version: stateVersion, epochs });
      return epochs;
    });
  }

  async #ask(): Promise<readonly HeldEpoch[]> {
    const session = this.#session;
    const opened = await originateLink(session, { mechanism: mechanismNamed("signed-transport"), suite: null });
    using link = opened.link;
    const reply = await ask(session, link, { kind: "groups" });
    if (reply.kind !== "groups") throw terminalErrors.error("TERMINAL_SERVER_WRONG", { reply: reply.kind });
    return reply.memberships.map((membership) => this.#keep(membership));
  }

  #keep({ record, seeds }: GivenMembership): HeldEpoch {
    const { terminal, enrolment } = this.#session;
    const proven = this.#verify(record);
    const { groupId: group, epoch, expiresAtSeconds: endsAtSeconds } = proven;
    using secret = Secret.take("group seeds", concatBytes(...seeds));
    for (const membership of openMembership(proven, seeds)) membership.secret[Symbol.dispose]();
    const kept = keepSecret(secret, { publicKey: enrolment.keeper.publicKey, random: terminal.random }, keptGroupAad({ group, epoch }));
    return { group, epoch, record, kept, endsAtSeconds };
  }

  #verify(record: Uint8Array): ReturnType<typeof verifyGroupRecord> {
    const { terminal, enrolment } = this.#session;
    const { anchors, serverName } = enrolment;
    return verifyGroupRecord(record, { anchors, server: serverName, nowSeconds: terminal.clock.nowSeconds() });
  }
}

/** Of each group that was given, the two highest epochs; one that is not the highest ends within the hour. Other groups are forgotten. */
export function mergeEpochs(held: readonly HeldEpoch[], given: readonly HeldEpoch[], nowSeconds: number): readonly HeldEpoch[] {
  return [...new Set(given.map(({ group }) => group))].flatMap((group) => {
    const epochs = new Map<number, HeldEpoch>();
    for (const each of [...held, ...given]) if (each.group === group) epochs.set(each.epoch, each);
    const [current, ...before] = [...epochs.values()].sort((a, b) => b.epoch - a.epoch);
    const earlier = before.map((each) => ({ ...each, endsAtSeconds: Math.min(each.endsAtSeconds, nowSeconds + groupOverlapSeconds) }));
    const lasting = earlier.filter(({ endsAtSeconds }) => endsAtSeconds > nowSeconds).slice(0, maxGivenEpochs - 1);
    return current === undefined ? [] : [current, ...lasting];
  });
}
