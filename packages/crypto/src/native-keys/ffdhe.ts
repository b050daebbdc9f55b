import { generateKeyPairSync } from "node:crypto";
import { dhAgree } from "../agreement.ts";
import { type FfdheKind, ffdheGroup } from "../ffdhe.ts";
import { asBuffer } from "../import-key.ts";
import type { NativeKeyType } from "./native-key-type.ts";

/** The finite-field groups of RFC 7919: raw y in the modulus' length. Their keys agree and, as no suite encrypts to them, do not open. */
export const ffdheKeys: readonly NativeKeyType[] = (["ffdhe2048", "ffdhe3072", "ffdhe4096"] as const).map(ffdheKey);

function ffdheKey(kind: FfdheKind): NativeKeyType {
  const group = ffdheGroup(kind);
  return {
    kind,
    is: group.has,
    rawOf: group.valueOf,
    fromRaw: group.importValue,
    generate: () => generateKeyPairSync("dh", { prime: asBuffer(group.modulus), generator: 2 }).privateKey,
    agree: dhAgree(group),
  };
}
