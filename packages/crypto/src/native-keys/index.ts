import type { KeyObject } from "node:crypto";
import { cryptoErrors } from "../errors.ts";
import { ed25519Key } from "./ed25519.ts";
import { ffdheKeys } from "./ffdhe.ts";
import { mlDsa65Key } from "./ml-dsa.ts";
import type { NativeKeyKind, NativeKeyType } from "./native-key-type.ts";
import { p256Key } from "./p256.ts";
import { rsa2048Key, rsa3072Key, rsa4096Key } from "./rsa.ts";
import { x25519Key } from "./x25519.ts";

export type { NativeKeyKind, NativeKeyType } from "./native-key-type.ts";

/** Every kind, each in a file of its own. */
const nativeKeyTypes: readonly NativeKeyType[] = [
  ed25519Key,
  x25519Key,
  p256Key,
  mlDsa65Key,
  rsa2048Key,
  rsa3072Key,
  rsa4096Key,
  ...ffdheKeys,
];

/** What there is to know of a kind. Error: CRYPTO_PUBLIC_KEY_WRONG. */
export function nativeKeyType(kind: NativeKeyKind): NativeKeyType {
  return found(
    nativeKeyTypes.find((type) => type.kind === kind),
    kind,
  );
}

/** The kind of a key object. Error: CRYPTO_PUBLIC_KEY_WRONG for one that suites do not use. */
export function nativeKeyTypeOf(object: KeyObject): NativeKeyType {
  return found(
    nativeKeyTypes.find((type) => type.is(object)),
    object.asymmetricKeyType ?? "symmetric",
  );
}

function found(type: NativeKeyType | undefined, kind: string): NativeKeyType {
  if (type === undefined) throw cryptoErrors.error("CRYPTO_PUBLIC_KEY_WRONG", { kind });
  return type;
}
