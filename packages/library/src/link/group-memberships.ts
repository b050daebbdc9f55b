import { Secret, type Suite, sha256 } from "@sealane/crypto";
import { type GroupMembership, type GroupReference, linkErrors } from "@sealane/link";
import { byteString, type Codec, decodeAs, encodeAs, equalBytes, listOf, type Name, nameCodec, tuple, uint } from "@sealane/wire";
import type { Clock } from "../environment.ts";
import { decodeEpoch, encodeEpoch, type GroupEpoch, type GroupRecord, loadSaved, maxEpochBytes, recordOf } from "./group-secret.ts";
import type { ConfidentialLink } from "./links.ts";

/** How long a member keeps an epoch beside its successor, at most. */
const overlapSeconds = 3_600;

/** Groups of one party, and bytes of all of them when they are saved: two epochs each. */
const maxGroups = 64;
const maxSavedBytes = 65_536;

/** Finds the membership that a message is for; for this package only. */
export let findMembership: (memberships: GroupMemberships, group: GroupReference, suite: Suite) => GroupMembership | null;

/** One epoch at a member. */
interface Held {
  /** Who admitted this party. */
  readonly maker: Name;
  readonly epoch: GroupEpoch;
  readonly publicValue: Uint8Array;
  readonly keptUntilSeconds: number;
}

/**
 * The groups that a party is a member of: of each the highest epoch, and the one before for an hour at most. Wiped by `using`.
 *
 * ```ts
 * const groups = new GroupMemberships(environment.clock);
 * groups.join(link, record); // the record that the group's maker sent over the link
 * const accepted = await gateway.accept(message, { mechanisms: ["group-broadcast"], groups });
 * ```
 */
export class GroupMemberships implements Disposable {
  readonly #clock: Clock;
  #held: readonly Held[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  static {
    findMembership = (memberships, group, suite) => memberships.#find(group, suite);
  }

  /** Reads what {@link GroupMemberships.save} gave. Error: LINK_STATE_WRONG. */
  static load(saved: Secret<"saved memberships">, clock: Clock): GroupMemberships {
    const memberships = new GroupMemberships(clock);
    memberships.#held = loadSaved(saved, (bytes) => decodeAs(savedCodec, bytes, { maxBytes: maxSavedBytes, what: "memberships" }));
    return memberships;
  }

  /** The memberships for a store that keeps them encrypted; the caller wipes it. */
  save(): Secret<"saved memberships"> {
    this.#forget();
    return Secret.take("saved memberships", encodeAs(savedCodec, this.#held));
  }

  /**
   * Joins a group, or its next epoch, by the record that `Group.admit` made: the next one of the link. While it lasts, only the same
   * peer can bring the next epoch. Whether that peer may run this group, the caller decides by what is returned.
   *
   * Errors: those of {@link ConfidentialLink.open}; CRYPTO_SUITE_UNKNOWN; LINK_PEER_WRONG when the peer is anonymous, or another than
   * the group's; LINK_FIELD_WRONG for an epoch below the one that is held, or another one of its number; LINK_EXPIRED; LINK_EXHAUSTED after 64 groups.
   */
  join(link: ConfidentialLink, record: Uint8Array): GroupRecord {
    const opened = link.open(record);
    const epoch = decodeEpoch(opened);
    opened.fill(0);
    try {
      return this.#add(epoch, link.peer);
    } catch (error) {
      epoch.secret[Symbol.dispose]();
      throw error;
    }
  }

  /** Leaves a group: its secrets are wiped. */
  leave(groupId: string): void {
    this.#keep((held) => held.epoch.groupId !== groupId);
  }

  [Symbol.dispose](): void {
    this.#keep(() => false);
  }

  #add(epoch: GroupEpoch, maker: Name | null): GroupRecord {
    this.#forget();
    const nowSeconds = this.#clock.nowSeconds();
    const record = recordOf(epoch);
    const { groupId, expiresAtSeconds: keptUntilSeconds, publicValue } = record;
    const current = this.#held.find((held) => held.epoch.groupId === groupId);
    if (maker === null || (current !== undefined && current.maker !== maker)) throw linkErrors.error("LINK_PEER_WRONG", { group: groupId });
    if (nowSeconds > keptUntilSeconds) throw linkErrors.error("LINK_EXPIRED", { expiredSecondsAgo: nowSeconds - keptUntilSeconds });
    const isHeld = current?.epoch.epoch === epoch.epoch && equalBytes(current.publicValue, publicValue);
    if (current !== undefined && !isHeld && epoch.epoch <= current.epoch.epoch)
      throw linkErrors.error("LINK_FIELD_WRONG", { field: "epoch" });
    const groups = new Set(this.#held.map((held) => held.epoch.groupId)).add(groupId).size;
    if (groups > maxGroups) throw linkErrors.error("LINK_EXHAUSTED", { groups: maxGroups });
    this.#keep((held) => held.epoch.groupId !== groupId || held.epoch.epoch === epoch.epoch - 1);
    const latestSeconds = nowSeconds + overlapSeconds;
    const others = this.#held.map((held) =>
      held.epoch.groupId === groupId ? { ...held, keptUntilSeconds: Math.min(held.keptUntilSeconds, latestSeconds) } : held,
    );
    this.#held = [{ maker, epoch, publicValue, keptUntilSeconds }, ...others];
    return record;
  }

  #find({ groupId, epoch, publicDigest }: GroupReference, suite: Suite): GroupMembership | null {
    this.#forget();
    const found = this.#held.find((held) => held.epoch.groupId === groupId && held.epoch.epoch === epoch && held.epoch.suite === suite);
    if (found === undefined || !equalBytes(sha256(found.publicValue), publicDigest)) return null;
    const { expiresAtSeconds, secret } = found.epoch;
    return { groupId, epoch, publicValue: found.publicValue, expiresAtSeconds, secret };
  }

  #forget(): void {
    const nowSeconds = this.#clock.nowSeconds();
    this.#keep(({ keptUntilSeconds }) => nowSeconds <= keptUntilSeconds);
  }

  #keep(isKept: (held: Held) => boolean): void {
    for (const held of this.#held) if (!isKept(held)) held.epoch.secret[Symbol.dispose]();
    this.#held = this.#held.filter(isKept);
  }
}

interface Saved extends Pick<Held, "maker" | "keptUntilSeconds"> {
  readonly epoch: Uint8Array;
}

const entryCodec: Codec<Saved> = tuple<Saved>({ maker: nameCodec, keptUntilSeconds: uint(), epoch: byteString({ max: maxEpochBytes }) });

const savedCodec: Codec<readonly Held[]> = listOf<Held>(
  {
    toCbor: ({ epoch, ...held }) => entryCodec.toCbor({ ...held, epoch: encodeEpoch(epoch) }),
    fromCbor(value, field) {
      const { epoch: bytes, ...held } = entryCodec.fromCbor(value, field);
      const epoch = decodeEpoch(bytes);
      return { ...held, epoch, publicValue: recordOf(epoch).publicValue };
    },
  },
  { max: 2 * maxGroups },
);
