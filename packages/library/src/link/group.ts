import { defaultSuite, Secret, type SuiteName } from "@sealane/crypto";
import type { Environment } from "../environment.ts";
import { nameArgument, requireSeconds, suiteArgument } from "../own-arguments.ts";
import { decodeEpoch, encodeEpoch, type GroupEpoch, type GroupRecord, loadSaved, recordOf } from "./group-secret.ts";
import type { ConfidentialLink } from "./links.ts";

const defaultEpochSeconds = 86_400;

/** How a group is made. */
export interface GroupOptions {
  /** 1 to 128 of `a-z 0-9 . _ : -`. */
  readonly groupId: string;
  /** `hybrid` (post-quantum encryption) unless told. */
  readonly suite?: SuiteName;
  /** How long the epoch lasts: a day unless told. */
  readonly lifeSeconds?: number;
  readonly environment: Environment;
}

/**
 * A group at the party that makes it: one secret for each epoch, which the members get over their own links. A member that is to
 * leave is not admitted to the next epoch; what it could open before, it still can.
 *
 * ```ts
 * using group = Group.create({ groupId: "fleet", environment });
 * const record = group.admit(link); // for each member, over its link
 * const { message } = await office.broadcastToGroup(group.record, licence); // for all
 * ```
 */
export class Group implements Disposable {
  readonly #epoch: GroupEpoch;
  readonly #environment: Environment;

  private constructor(epoch: GroupEpoch, environment: Environment) {
    this.#epoch = epoch;
    this.#environment = environment;
  }

  /** Makes a group with its first epoch. Error: LIBRARY_ARGUMENT_WRONG. */
  static create(options: GroupOptions): Group {
    const { environment, lifeSeconds = defaultEpochSeconds } = options;
    requireSeconds("lifeSeconds", lifeSeconds, 1);
    const suite = suiteArgument(options.suite ?? defaultSuite.name);
    const { seed: secret } = suite.agreement.generate(environment.random);
    const expiresAtSeconds = environment.clock.nowSeconds() + lifeSeconds;
    return new Group({ groupId: nameArgument("groupId", options.groupId), epoch: 1, suite, expiresAtSeconds, secret }, environment);
  }

  /** Reads what {@link Group.save} gave. Error: LINK_STATE_WRONG. */
  static load(saved: Secret<"saved group">, environment: Environment): Group {
    return new Group(loadSaved(saved, decodeEpoch), environment);
  }

  /** What may be known by everybody: who broadcasts to the group needs it, from a source that it trusts. */
  get record(): GroupRecord {
    return recordOf(this.#epoch);
  }

  /** The group for a store that keeps it encrypted; the caller wipes it. */
  save(): Secret<"saved group"> {
    return Secret.take("saved group", encodeEpoch(this.#epoch));
  }

  /** The next epoch, with a new secret that nobody has yet. Software for it alone must be sealed anew. */
  next({ lifeSeconds = defaultEpochSeconds }: { readonly lifeSeconds?: number } = {}): Group {
    requireSeconds("lifeSeconds", lifeSeconds, 1);
    const { groupId, epoch, suite } = this.#epoch;
    const { seed: secret } = suite.agreement.generate(this.#environment.random);
    const expiresAtSeconds = this.#environment.clock.nowSeconds() + lifeSeconds;
    return new Group({ groupId, epoch: epoch + 1, suite, expiresAtSeconds, secret }, this.#environment);
  }

  /**
   * Makes the peer of a link a member for this epoch: the next record of the link, for `GroupMemberships.join`. Whether the peer may
   * be one, the caller decides. Errors: those of {@link ConfidentialLink.seal}.
   */
  admit(link: ConfidentialLink): Uint8Array {
    using invitation = this.save();
    return invitation.use((bytes) => link.seal(bytes));
  }

  [Symbol.dispose](): void {
    this.#epoch.secret[Symbol.dispose]();
  }
}
