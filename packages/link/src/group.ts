import { type MaybePromise, type Secret, sha256 } from "@sealane/crypto";
import { bytesAs, type Codec, type Digest, digest, type Name, nameCodec, tuple, uint } from "@sealane/wire";

/** Groups of `group-broadcast`: a secret that members were given over a confidential link, new for each epoch (docs/protocol.md). */

/** What the server says of a group's epoch in public. */
export interface GroupRecord {
  readonly groupId: Name;
  /** Grows by one; a member keeps the highest and, until its end, the one before. */
  readonly epoch: number;
  /** g^x: the public value of the suite's agreement. */
  readonly publicValue: Uint8Array;
  readonly expiresAtSeconds: number;
}

/** How a message names the epoch of a group. */
export interface GroupReference {
  readonly groupId: Name;
  readonly epoch: number;
  readonly publicDigest: Digest;
}

export const groupReferenceCodec: Codec<GroupReference> = tuple<GroupReference>({
  groupId: nameCodec,
  epoch: uint(),
  publicDigest: bytesAs(digest),
});

/** The reference of a record. */
export function groupReferenceOf({ groupId, epoch, publicValue }: GroupRecord): GroupReference {
  return { groupId, epoch, publicDigest: sha256(publicValue) };
}

/** A member's copy of a group's secret. */
export interface GroupMembership extends GroupRecord {
  readonly secret: Secret<"agreement seed">;
}

/** The groups of this party. */
export interface GroupMemberships {
  /** The membership of one epoch; null when it is not held, or not any more. */
  find(group: GroupReference): MaybePromise<GroupMembership | null>;
}
