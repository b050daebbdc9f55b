import { parseSign1, requireBytes, sign1, verifySign1 } from "@sealane/cose";
import { agreementFor, agreementSeedBytes, type KeyKind, keyKindsOf, Secret, type SigningKey, type Suite, suites } from "@sealane/crypto";
import { type CertifiedKey, type GroupMembership, type GroupRecord, maxCertificateBytes, maxChainLength } from "@sealane/link";
import { type TrustAnchor, verifyCertificate } from "@sealane/pki";
import {
  anyValue,
  byteString,
  type CborValue,
  type Codec,
  decodeAs,
  encodeAs,
  equalBytes,
  listOf,
  type Name,
  nameCodec,
  oneOf,
  SealaneError,
  tuple,
  uint,
  wireErrors,
} from "@sealane/wire";
import { apiErrors } from "./errors.ts";
import { statementAad } from "./labels.ts";
import { maxGroupRecordBytes } from "./limits.ts";

/**
 * Groups of `group-broadcast` (docs/protocol.md, groups): the signed record of an epoch stands for a certificate of g^x, and a member is
 * given it with the secrets behind it as a record of a confidential link.
 */

/** What a server says of one epoch of a group. */
export interface GroupEpoch {
  readonly groupId: Name;
  readonly epoch: number;
  /** g^x for each kind of agreement key, in the order of the suites. */
  readonly values: readonly GroupValue[];
  readonly expiresAtSeconds: number;
}

/** A public value of a group: of an X25519 or an X-Wing key that nobody has alone. */
interface GroupValue {
  readonly kind: KeyKind;
  readonly publicValue: Uint8Array;
}

const kinds = keyKindsOf(suites).agreement;

const anyValueCodec: Codec<GroupValue> = tuple<GroupValue>({ kind: oneOf(kinds), publicValue: byteString({ max: 4_096 }) });

/** A public value has one length for its kind. */
const valueCodec: Codec<GroupValue> = {
  toCbor: (value) => anyValueCodec.toCbor(value),
  fromCbor(value, field) {
    const read = anyValueCodec.fromCbor(value, field);
    const { publicBytes } = agreementFor(read.kind);
    if (read.publicValue.length === publicBytes) return read;
    throw wireErrors.error("WIRE_SHAPE_WRONG", { field: `${field}.publicValue`, expected: `${publicBytes} bytes` });
  },
};

const epochCodec: Codec<GroupEpoch> = tuple<GroupEpoch>({
  groupId: nameCodec,
  epoch: uint(),
  values: listOf(valueCodec, { min: 1, max: kinds.length }),
  expiresAtSeconds: uint(),
});

interface SignedRecord {
  /** The signer's certificates, leaf first. */
  readonly chain: readonly Uint8Array[];
  readonly signature: CborValue;
}

const recordCodec: Codec<SignedRecord> = tuple<SignedRecord>({
  chain: listOf(byteString({ min: 1, max: maxCertificateBytes }), { min: 1, max: maxChainLength }),
  signature: anyValue,
});

declare const verified: unique symbol;

/** An epoch whose server was proven; made by {@link verifyGroupRecord} only. */
export interface VerifiedGroupEpoch extends GroupEpoch {
  readonly [verified]: true;
}

/** Signs an epoch: [chain, COSE_Sign1]. Errors: what the key handle throws. */
export async function issueGroupRecord(signer: CertifiedKey<SigningKey>, epoch: GroupEpoch): Promise<Uint8Array> {
  const signature = await sign1(signer.key, { payload: encodeAs(epochCodec, epoch), externalAad: statementAad("group record") });
  return encodeAs(recordCodec, { chain: signer.certificate.chain, signature });
}

/**
 * Proves the record of an epoch: size, encoding, the signer's certificate (`server-sign`, of the server that is named), signature.
 * Whether the epoch has ended is the caller's to judge. Error: GROUP_RECORD_WRONG, with the reason as its cause.
 */
export function verifyGroupRecord(
  bytes: Uint8Array,
  trust: { readonly anchors: readonly TrustAnchor[]; readonly server: Name; readonly nowSeconds: number },
): VerifiedGroupEpoch {
  return orRecordWrong(() => {
    const { anchors, server: name, nowSeconds } = trust;
    const { chain, signature } = decodeAs(recordCodec, bytes, { maxBytes: maxGroupRecordBytes, what: "group record" });
    const { publicKey } = verifyCertificate({ chain, anchors, purpose: "server-sign", name, nowSeconds });
    return decodeEpoch(verifySign1(signature, { publicKey, externalAad: statementAad("group record") })) as VerifiedGroupEpoch;
  });
}

/** What a record says, with nothing proven: for the server that made it. Error: GROUP_RECORD_WRONG. */
export function parseGroupRecord(bytes: Uint8Array): GroupEpoch {
  return orRecordWrong(() => {
    const { signature } = decodeAs(recordCodec, bytes, { maxBytes: maxGroupRecordBytes, what: "group record" });
    return decodeEpoch(requireBytes(parseSign1(signature).rest[0]));
  });
}

/** The part of an epoch that a suite uses. Error: GROUP_RECORD_WRONG when it has none. */
export function groupRecordFor({ agreement }: Suite, { groupId, epoch, values, expiresAtSeconds }: GroupEpoch): GroupRecord {
  const value = values.find(({ kind }) => kind === agreement.keyKind);
  if (value === undefined) throw apiErrors.error("GROUP_RECORD_WRONG", { group: groupId, epoch, kind: agreement.keyKind });
  return { groupId, epoch, publicValue: value.publicValue, expiresAtSeconds };
}

/** What a member is given: the signed record, and the seed behind each of its values in their order. */
export interface GivenMembership {
  readonly record: Uint8Array;
  readonly seeds: readonly Uint8Array[];
}

export const givenMembershipCodec: Codec<GivenMembership> = tuple<GivenMembership>({
  record: byteString({ min: 1, max: maxGroupRecordBytes }),
  seeds: listOf(byteString({ min: agreementSeedBytes, max: agreementSeedBytes }), { min: 1, max: kinds.length }),
});

/**
 * The secrets of an epoch, each proven to be the one behind its public value; takes the seeds over.
 * Error: GROUP_RECORD_WRONG.
 */
export function openMembership(epoch: VerifiedGroupEpoch, seeds: readonly Uint8Array[]): readonly GroupMembership[] {
  const { groupId, values, expiresAtSeconds } = epoch;
  if (seeds.length !== values.length) throw apiErrors.error("GROUP_RECORD_WRONG", { group: groupId, seeds: seeds.length });
  return values.map(({ kind, publicValue }, position) => {
    const secret = Secret.take("agreement seed", seeds[position] ?? new Uint8Array(0));
    if (!equalBytes(agreementFor(kind).publicOf(secret), publicValue)) {
      throw apiErrors.error("GROUP_RECORD_WRONG", { group: groupId, epoch: epoch.epoch, kind });
    }
    return { groupId, epoch: epoch.epoch, publicValue, expiresAtSeconds, secret };
  });
}

/** Copies of the seeds that are kept as one secret, in the order of the values; the caller wipes them. */
export function splitSeeds(joined: Uint8Array): readonly Uint8Array[] {
  return Array.from({ length: joined.length / agreementSeedBytes }, (_, position) =>
    Uint8Array.from(joined.subarray(position * agreementSeedBytes, (position + 1) * agreementSeedBytes)),
  );
}

function decodeEpoch(payload: Uint8Array): GroupEpoch {
  return decodeAs(epochCodec, payload, { maxBytes: maxGroupRecordBytes, what: "group epoch" });
}

function orRecordWrong<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (!(cause instanceof SealaneError)) throw cause;
    throw apiErrors.error("GROUP_RECORD_WRONG", { reason: cause.code }, cause);
  }
}
