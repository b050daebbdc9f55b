import { openUnderKey, sealUnderKey } from "@sealane/cose";
import { aeadKeyBytes, hkdfExpand, type Randomness, Secret } from "@sealane/crypto";
import { decode, encode } from "@sealane/wire";
import { serverErrors } from "../errors.ts";
import { rowContext } from "../labels.ts";

/** Where a secret stands; it cannot be opened anywhere else. */
export interface RowPlace {
  readonly table: string;
  readonly row: Uint8Array;
}

/** Bytes of a sealed secret: saved links are below 4 KiB. */
const maxSealedBytes = 8_192;

/**
 * Seals secrets for the database (COSE_Encrypt0, AES-256-GCM). Each row has a key of its own, HKDF-Expand(storage key, place), so
 * that the bound on random IVs under one key (2^32, NIST SP 800-38D, section 8.3) counts for a row and not for the server.
 */
export class RowSeal {
  readonly #storageKey: Secret<"storage key">;
  readonly #random: Randomness;

  constructor(storageKey: Secret<"storage key">, random: Randomness) {
    this.#storageKey = storageKey;
    this.#random = random;
  }

  seal(place: RowPlace, secret: Secret): Uint8Array {
    const externalAad = contextOf(place);
    return this.#withKey(externalAad, (key) =>
      secret.use((plaintext) => encode(sealUnderKey(key, this.#random, { plaintext, externalAad }))),
    );
  }

  /** Opens what {@link seal} made for the same place. Error: STORE_SECRET_WRONG. */
  open<Kind extends string>(place: RowPlace, sealed: Uint8Array, kind: Kind): Secret<Kind> {
    const externalAad = contextOf(place);
    try {
      const value = decode(sealed, maxSealedBytes);
      return this.#withKey(externalAad, (key) => Secret.take(kind, openUnderKey(key, { value, externalAad })));
    } catch (cause) {
      throw serverErrors.error("STORE_SECRET_WRONG", { table: place.table }, cause);
    }
  }

  #withKey<T>(context: Uint8Array, use: (key: Uint8Array) => T): T {
    return this.#storageKey.use((storageKey) => {
      const key = hkdfExpand(storageKey, context, aeadKeyBytes);
      try {
        return use(key);
      } finally {
        key.fill(0);
      }
    });
  }
}

function contextOf({ table, row }: RowPlace): Uint8Array {
  return encode([...rowContext, table, row]);
}
