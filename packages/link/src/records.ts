import { aeadKeyBytes, aeadNonceBytes, aeadOpen, aeadSeal, aeadTagBytes } from "@sealane/crypto";
import { byteString, type Codec, decodeAs, encodeAs, hasCode, lendEncoding, tuple, uint } from "@sealane/wire";
import { linkErrors } from "./errors.ts";
import { lendKey } from "./key-schedule.ts";
import { purpose, type Role, roleNumbers } from "./labels.ts";
import { maxRecordBytes, maxRecords } from "./limits.ts";
import type { LinkState } from "./link-state.ts";

/** Record = [sequence, ciphertext]; nonce = IV xor sequence; AAD = [th, direction, sequence, type]. */
interface SealedRecord {
  readonly sequence: number;
  readonly ciphertext: Uint8Array;
}

const overheadBytes = 64;

const recordCodec: Codec<SealedRecord> = tuple<SealedRecord>({
  sequence: uint(maxRecords),
  ciphertext: byteString({ min: aeadTagBytes, max: maxRecordBytes + overheadBytes }),
});

/** Where a record stands in its link. */
export interface RecordPlace {
  readonly sender: Role;
  readonly sequence: number;
  readonly type: number;
}

/** Encrypts one record. Errors: LINK_RECORD_TOO_LARGE, LINK_EXHAUSTED. */
export function sealRecord(state: LinkState, place: RecordPlace, plaintext: Uint8Array): Uint8Array {
  if (plaintext.length > maxRecordBytes)
    throw linkErrors.error("LINK_RECORD_TOO_LARGE", { bytes: plaintext.length, limit: maxRecordBytes });
  if (place.sequence >= maxRecords) throw linkErrors.error("LINK_EXHAUSTED", { records: maxRecords });
  const ciphertext = withRecordKey(state, place, (input) => aeadSeal(input, plaintext));
  return encodeAs(recordCodec, { sequence: place.sequence, ciphertext });
}

/**
 * Opens the record that stands at `place` and no other.
 * Errors: those of `decode`, LINK_RECORD_OUT_OF_ORDER, LINK_RECORD_WRONG, LINK_EXHAUSTED.
 */
export function openRecord(state: LinkState, place: RecordPlace, bytes: Uint8Array): Uint8Array {
  const { sequence, ciphertext } = decodeAs(recordCodec, bytes, { maxBytes: maxRecordBytes + 2 * overheadBytes, what: "record" });
  if (sequence !== place.sequence) throw linkErrors.error("LINK_RECORD_OUT_OF_ORDER", { expected: place.sequence, got: sequence });
  if (sequence >= maxRecords) throw linkErrors.error("LINK_EXHAUSTED", { records: maxRecords });
  try {
    return withRecordKey(state, place, (input) => aeadOpen(input, ciphertext));
  } catch (cause) {
    if (!hasCode(cause, "CRYPTO_OPEN_FAILED")) throw cause;
    throw linkErrors.error("LINK_RECORD_WRONG", { sequence }, cause);
  }
}

function withRecordKey<T>(
  state: LinkState,
  place: RecordPlace,
  use: (input: { readonly key: Uint8Array; readonly nonce: Uint8Array; readonly aad: Uint8Array }) => T,
): T {
  const { prk, suite, th } = state;
  const { sender, sequence } = place;
  const ivBinding = { purpose: purpose.recordIv[sender], suite, th, length: aeadNonceBytes };
  const nonce = lendKey(prk, ivBinding, (iv) => xorSequence(iv, sequence));
  const keyBinding = { purpose: purpose.recordKey[sender], suite, th, length: aeadKeyBytes };
  return lendKey(prk, keyBinding, (key) =>
    lendEncoding([th, roleNumbers[sender], sequence, place.type], (aad) => use({ key, nonce, aad })),
  );
}

function xorSequence(iv: Uint8Array, sequence: number): Uint8Array {
  const nonce = iv.slice();
  for (let shift = 0; shift < 32; shift += 8) {
    const at = aeadNonceBytes - 1 - shift / 8;
    nonce[at] = (nonce[at] ?? 0) ^ ((sequence >>> shift) & 0xff);
  }
  return nonce;
}
