import {
  type BroadcastItem,
  broadcastChannelCodec,
  type GivenMembership,
  type GroupEpoch,
  groupRecordFor,
  issueGroupRecord,
} from "@sealane/api";
import { agreementFor, defaultSuite, type Secret, type SigningKey, type Suite, sha256, standardKinds, systemRandom } from "@sealane/crypto";
import { type CertifiedKey, type MechanismName, mainSigning, mechanismNamed, type Self } from "@sealane/link";
import type { SoftwareDescription } from "@sealane/software";
import { encodeAs, parseName } from "@sealane/wire";
import type { FakeClock } from "./fake-clock.ts";

/** How a broadcast is made; everything has a default. */
export interface BroadcastWish {
  readonly mechanism?: MechanismName;
  readonly suite?: Suite;
  readonly group?: GroupEpoch;
  /** The licence in M1, in place of one for everybody. */
  readonly licence?: Uint8Array;
  /** The release beside M1, in place of the publisher's. */
  readonly release?: Uint8Array;
  /** The content key that is wrapped, in place of the artefact's. */
  readonly contentKey?: Secret<"content key">;
  /** Who signs, in place of the server. */
  readonly signing?: CertifiedKey<SigningKey>;
  /** How long ago it was signed. */
  readonly ageSeconds?: number;
}

export interface ChannelParts {
  readonly clock: FakeClock;
  readonly self: Self;
  /** A licence for everybody. */
  readonly licence: (description: SoftwareDescription) => Promise<Uint8Array>;
  readonly release: (description: SoftwareDescription) => Promise<Uint8Array>;
  readonly contentKey: (artefactId: Uint8Array) => Secret<"content key">;
}

/** The broadcast channel of the test's server, and the groups that it gives to members. */
export class FakeChannel {
  readonly #parts: ChannelParts;
  /** What is on the channel; a test may change it. */
  items: BroadcastItem[] = [];
  /** What a member is given. */
  memberships: GivenMembership[] = [];
  #position = 0;

  constructor(parts: ChannelParts) {
    this.#parts = parts;
  }

  reply(after: number): Uint8Array {
    const items = this.items.filter(({ position }) => position > after).slice(0, 16);
    return encodeAs(broadcastChannelCodec, { position: this.#position, items });
  }

  /** Puts software on the channel. */
  async broadcast(description: SoftwareDescription, wish: BroadcastWish = {}): Promise<BroadcastItem> {
    const { clock, self, licence: licenceFor, contentKey } = this.#parts;
    const { mechanism = "open-broadcast", suite = defaultSuite, group, ageSeconds = 0, signing = mainSigning(self) } = wish;
    const licence = wish.licence ?? (await licenceFor(description));
    const { name } = signing.certificate;
    const nowSeconds = clock.now - ageSeconds;
    const sent = await mechanismNamed(mechanism).originate(
      { self: { ...self, name, signing: [signing] }, recipient: [], nowSeconds, random: systemRandom },
      { suite, licence, ...(group === undefined ? {} : { group: groupRecordFor(suite, group) }) },
    );
    if (sent.kind !== "broadcast") throw new Error(`${mechanism} is no broadcast`);
    using link = sent.link;
    const { artefactId } = description;
    const binding = { artefactId, licenceDigest: sha256(licence), random: systemRandom, nowSeconds };
    const wrap = link.wrap(wish.contentKey ?? contentKey(artefactId), binding);
    return this.put(sent.message, { wrap, release: wish.release ?? (await this.#parts.release(description)) });
  }

  /** Puts anything on the channel. */
  put(message: Uint8Array, { wrap, release }: Pick<BroadcastItem, "wrap" | "release">): BroadcastItem {
    const item = { position: ++this.#position, message, wrap, release };
    this.items.push(item);
    return item;
  }

  /** Begins an epoch of a group, whose secrets a member is given first. */
  async begin(
    epoch: number,
    wish: { readonly lastsSeconds?: number; readonly signing?: CertifiedKey<SigningKey> } = {},
  ): Promise<GroupEpoch> {
    const { clock, self } = this.#parts;
    const made = standardKinds.agreement.map((kind) => {
      return { kind, ...agreementFor(kind).generate(systemRandom) };
    });
    const values = made.map(({ kind, publicValue }) => ({ kind, publicValue }));
    const expiresAtSeconds = clock.now + (wish.lastsSeconds ?? 86_400);
    const group: GroupEpoch = { groupId: parseName("fleet"), epoch, values, expiresAtSeconds };
    const record = await issueGroupRecord(wish.signing ?? mainSigning(self), group);
    const seeds = made.map(({ seed }) => seed.use((bytes) => Uint8Array.from(bytes)));
    this.memberships = [{ record, seeds }, ...this.memberships];
    return group;
  }
}
