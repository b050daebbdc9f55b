import { createPrivateKey, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { SoftwareKey } from "../../src/index.ts";

/** Keys that protect nothing, made once: RSA keys take long to make. */
export const rsaKinds = ["rsa2048", "rsa3072", "rsa4096"] as const;

export interface RsaKey {
  readonly kind: (typeof rsaKinds)[number];
  readonly key: SoftwareKey;
  readonly native: KeyObject;
  readonly modulus: bigint;
  readonly modulusBytes: number;
}

/** The key of a kind. */
export function rsaKey(kind: RsaKey["kind"]): RsaKey {
  const native = createPrivateKey(readFileSync(resolve(import.meta.dirname, `${kind}.pem`)));
  const { n = "" } = native.export({ format: "jwk" });
  const modulus = Uint8Array.fromBase64(n, { alphabet: "base64url" });
  return {
    kind,
    key: SoftwareKey.fromPkcs8(native.export({ type: "pkcs8", format: "der" })),
    native,
    modulus: BigInt(`0x${modulus.toHex()}`),
    modulusBytes: modulus.length,
  };
}

/** A number as so many bytes, big-endian. */
export function bigEndian(value: bigint, length: number): Uint8Array {
  return Uint8Array.fromHex(value.toString(16).padStart(2 * length, "0"));
}
