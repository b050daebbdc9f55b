import { createHmac } from "node:crypto";
import { bigEndian } from "./finite-field.ts";

/** The numbers of DHKEM with HKDF-SHA-256: of RFC 9180, section 7.1, and our own for the finite-field groups. */
export const kemIds = { x25519: 0x0020, p256: 0x0010, ffdhe2048: 0xfff1, ffdhe3072: 0xfff2, ffdhe4096: 0xfff3 } as const;

/** DHKEM's secret (RFC 9180, section 4.1), by HKDF from HMAC. */
export function dhkemSecret(
  kemId: number,
  shared: Uint8Array,
  values: { readonly encapsulated: Uint8Array; readonly recipientRaw: Uint8Array },
): Uint8Array {
  const info = Buffer.concat([values.encapsulated, values.recipientRaw]);
  return labeled(kemId, { extract: "eae_prk", keyMaterial: shared, expand: "shared_secret", info, length: 32 });
}

/** What DeriveKeyPair of RFC 9180, section 7.1.3, expands of a seed for a key with the label "sk". */
export function derivedExponent(kemId: number, seed: Uint8Array, length: number): Uint8Array {
  return labeled(kemId, { extract: "dkp_prk", keyMaterial: seed, expand: "sk", info: new Uint8Array(), length });
}

interface Labeled {
  readonly extract: string;
  readonly keyMaterial: Uint8Array;
  readonly expand: string;
  readonly info: Uint8Array;
  readonly length: number;
}

/** LabeledExpand of LabeledExtract with an empty salt (RFC 9180, section 4), up to 64 bytes. `hkdfSync` takes an info of 1024 at most. */
function labeled(kemId: number, input: Labeled): Uint8Array {
  const suite = Buffer.concat([Buffer.from("HPKE-v1KEM"), bigEndian(BigInt(kemId), 2)]);
  const key = hmac(new Uint8Array(32), suite, Buffer.from(input.extract), input.keyMaterial);
  const info = Buffer.concat([bigEndian(BigInt(input.length), 2), suite, Buffer.from(input.expand), input.info]);
  const first = hmac(key, info, Buffer.of(1));
  return Uint8Array.from(Buffer.concat([first, hmac(key, first, info, Buffer.of(2))]).subarray(0, input.length));
}

function hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
  return createHmac("sha256", key).update(Buffer.concat(parts)).digest();
}
