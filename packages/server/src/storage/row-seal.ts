import { openUnderKey, sealUnderKey } from "@sealane/cose";
import { aeadKeyBytes, hkdfExpand, hkdfExtract, type Randomness, Secret } from "@sealane/crypto";
import { anyValue, type CborValue, type Codec, decode, encode, encodeAs, Tagged, tuple, uint } from "@sealane/wire";
import { serverErrors } from "../errors.ts";
import { firstRowContext, rowContext } from "../labels.ts";
import type { RowKeys } from "./row-keys.ts";

/** Where a secret stands; it cannot be opened anywhere else. */
export interface RowPlace {
  readonly table: string;
  readonly row: Uint8Array;
}

/** Bytes of a sealed secret: saved links are below 4 KiB. */
const maxSealedBytes = 8_192;

/** [period, COSE_Encrypt0]. */
const sealedCodec: Codec<{ readonly period: number; readonly value: CborValue }> = tuple({ period: uint(), value: anyValue });

/**
 * Seals secrets for the database (COSE_Encrypt0, AES-256-GCM) under two keys: the storage key, and the key of the period in which the
 * secret's life ends, which is erased then ({@link RowKeys}). Each row has a key of its own, HKDF(storage key, salt: the period's key, info:
 * place and period), so that the bound on random IVs under one key (2^32, NIST SP 800-38D, section 8.3) counts for a row and not for the
 * server.
 */
export class RowSeal {
  readonly #storageKey: Secret<"storage key">;
  readonly #keys: RowKeys;
  readonly #random: Randomness;

  constructor(storageKey: Secret<"storage key">, keys: RowKeys, random: Randomness) {
    this.#storageKey = storageKey;
    this.#keys = keys;
    this.#random = random;
  }

  /** Seals a secret until its end. */
  seal(place: RowPlace, secret: Secret, endsAtSeconds: number): Uint8Array {
    const period = this.#keys.periodOf(endsAtSeconds);
    const externalAad = contextOf(place, period);
    const value = this.#withKey(period, externalAad, (key) =>
      secret.use((plaintext) => sealUnderKey(key, this.#random, { plaintext, externalAad })),
    );
    if (value === null) throw serverErrors.error("STORE_SECRET_WRONG", { table: place.table });
    return encodeAs(sealedCodec, { period, value });
  }

  /** Opens what {@link seal} made for the same place; null when its time is over and its key erased. Error: STORE_SECRET_WRONG. */
  open<Kind extends string>(place: RowPlace, sealed: Uint8Array, kind: Kind): Secret<Kind> | null {
    try {
      const decoded = decode(sealed, maxSealedBytes);
      if (decoded instanceof Tagged) return Secret.take(kind, this.#openFirstForm(place, decoded));
      const { period, value } = sealedCodec.fromCbor(decoded, "sealed secret");
      const externalAad = contextOf(place, period);
      return this.#withKey(period, externalAad, (key) => Secret.take(kind, openUnderKey(key, { value, externalAad })));
    } catch (cause) {
      throw serverErrors.error("STORE_SECRET_WRONG", { table: place.table }, cause);
    }
  }

  /** Erases the keys of what is over. Errors: those of `RowKeys.forget`. */
  async forget(nowSeconds: number): Promise<void> {
    await this.#keys.forget(nowSeconds);
  }

  /** COSE_Encrypt0 alone, under the storage key alone: as versions before 0.2 sealed, of which a group's epoch has up to 30 days to live. */
  #openFirstForm({ table, row }: RowPlace, value: CborValue): Uint8Array {
    const externalAad = encode([...firstRowContext, table, row]);
    const key = this.#storageKey.use((storageKey) => hkdfExpand(storageKey, externalAad, aeadKeyBytes));
    try {
      return openUnderKey(key, { value, externalAad });
    } finally {
      key.fill(0);
    }
  }

  #withKey<T>(period: number, info: Uint8Array, use: (key: Uint8Array) => T): T | null {
    return this.#keys.use(period, (periodKey) => {
      const extracted = this.#storageKey.use((storageKey) => hkdfExtract(periodKey, storageKey));
      const key = hkdfExpand(extracted, info, aeadKeyBytes);
      try {
        return use(key);
      } finally {
        extracted.fill(0);
        key.fill(0);
      }
    });
  }
}

function contextOf({ table, row }: RowPlace, period: number): Uint8Array {
  return encode([...rowContext, table, row, period]);
}
