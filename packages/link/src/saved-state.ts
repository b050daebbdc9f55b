import { Secret, type Suite, suiteNumbered } from "@sealane/crypto";
import { type CborValue, type Codec, decode, decodeAs, encodeAs, literal, tuple, uint } from "@sealane/wire";
import { linkErrors } from "./errors.ts";
import { maxStateBytes } from "./limits.ts";

/** Pending states as bytes: [kind, ...fields], for a store that keeps them encrypted. */

export const suiteCodec: Codec<Suite> = {
  toCbor: ({ id }) => id,
  fromCbor: (value, field) => suiteNumbered(uint().fromCbor(value, field)),
};

/** Secret bytes inside a saved state: lent to the encoder, and taken over from the decoder, which makes copies. */
export function secretCodec<Kind extends string>(kind: Kind, bytes: Codec<Uint8Array>): Codec<Secret<Kind>> {
  return {
    toCbor: (secret) => secret.use((held) => held),
    fromCbor: (value, field) => Secret.take(kind, bytes.fromCbor(value, field)),
  };
}

/** How the states of one kind are kept. */
export interface StateForm<T> {
  readonly kind: string;
  readonly codec: Codec<T>;
}

/** Encodes a state under its kind. */
export function saveState<T>({ kind, codec }: StateForm<T>, state: T): Secret<"saved pending link"> {
  return Secret.take("saved pending link", encodeAs(tuple<Kept<T>>({ kind: literal(kind), state: codec }), { kind, state }));
}

/** Reads a state of this kind. Error: LINK_STATE_WRONG. */
export function loadState<T>({ kind, codec }: StateForm<T>, saved: Secret<"saved pending link">): T {
  try {
    return saved.use((bytes) =>
      decodeAs(tuple<Kept<T>>({ kind: literal(kind), state: codec }), bytes, { maxBytes: maxStateBytes, what: "pending link" }),
    ).state;
  } catch (cause) {
    throw linkErrors.error("LINK_STATE_WRONG", {}, cause);
  }
}

/** Which kind a saved state is of; empty where it is of none. Error: LINK_STATE_WRONG. */
export function kindOfState(saved: Secret<"saved pending link">): string {
  try {
    const value: CborValue = saved.use((bytes) => decode(bytes, maxStateBytes));
    const [kind] = Array.isArray(value) ? value : [];
    return typeof kind === "string" ? kind : "";
  } catch (cause) {
    throw linkErrors.error("LINK_STATE_WRONG", {}, cause);
  }
}

interface Kept<T> {
  readonly kind: string;
  readonly state: T;
}
