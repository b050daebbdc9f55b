import { agreementSeedBytes, Secret, type Suite, type SuiteName, suiteNumbered } from "@sealane/crypto";
import { linkErrors } from "@sealane/link";
import { byteString, type Codec, decodeAs, encodeAs, literal, type Name, nameCodec, tuple, uint } from "@sealane/wire";

/** What may be known of a group's epoch by everybody, and must be known to who broadcasts to it. */
export interface GroupRecord {
  readonly groupId: Name;
  /** 1 for the first; grows by one. */
  readonly epoch: number;
  readonly suite: SuiteName;
  /** The group's public value: that which its members share the secret of. */
  readonly publicValue: Uint8Array;
  /** The last second of the epoch. */
  readonly expiresAtSeconds: number;
}

/** One epoch of a group with its secret. */
export interface GroupEpoch extends Pick<GroupRecord, "groupId" | "epoch" | "expiresAtSeconds"> {
  readonly suite: Suite;
  readonly secret: Secret<"agreement seed">;
}

interface EncodedEpoch extends Pick<GroupEpoch, "groupId" | "epoch" | "expiresAtSeconds"> {
  readonly label: typeof label;
  readonly suite: number;
  readonly seed: Uint8Array;
}

/** Begins the bytes, so that nothing else that travels in a record is taken for them. */
const label = "Sealane group";

const codec: Codec<EncodedEpoch> = tuple<EncodedEpoch>({
  label: literal(label),
  groupId: nameCodec,
  epoch: uint(),
  suite: uint(),
  expiresAtSeconds: uint(),
  seed: byteString({ min: agreementSeedBytes, max: agreementSeedBytes }),
});

/** Bytes of an epoch: label, name of 128 bytes, seed, three numbers. */
export const maxEpochBytes = 256;

/** What everybody may know of an epoch. */
export function recordOf({ groupId, epoch, suite, expiresAtSeconds, secret }: GroupEpoch): GroupRecord {
  return { groupId, epoch, suite: suite.name, publicValue: suite.agreement.publicOf(secret), expiresAtSeconds };
}

/** Encodes an epoch with its secret; the caller wipes it. */
export function encodeEpoch({ groupId, epoch, suite, expiresAtSeconds, secret }: GroupEpoch): Uint8Array {
  return secret.use((seed) => encodeAs(codec, { label, groupId, epoch, suite: suite.id, expiresAtSeconds, seed }));
}

/** Reads an epoch with its secret, a copy. Errors: WIRE_*, CRYPTO_SUITE_UNKNOWN. */
export function decodeEpoch(bytes: Uint8Array): GroupEpoch {
  const { groupId, epoch, suite, expiresAtSeconds, seed } = decodeAs(codec, bytes, { maxBytes: maxEpochBytes, what: "group" });
  return { groupId, epoch, suite: suiteNumbered(suite), expiresAtSeconds, secret: Secret.copy("agreement seed", seed) };
}

/** Reads something that was saved. Error: LINK_STATE_WRONG. */
export function loadSaved<T>(saved: Secret, read: (bytes: Uint8Array) => T): T {
  try {
    return saved.use(read);
  } catch (cause) {
    throw linkErrors.error("LINK_STATE_WRONG", {}, cause);
  }
}
