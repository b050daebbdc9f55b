import { generateKeyPairSync } from "node:crypto";
import { dhAgree } from "../agreement.ts";
import { refuseUnsafePoint } from "../curve-points.ts";
import { dhDecapsulate } from "../dhkem.ts";
import { rawPublic } from "../import-key.ts";
import { x25519Group } from "../x25519.ts";
import type { NativeKeyType } from "./native-key-type.ts";

/** X25519 (RFC 7748): raw 32 bytes, in their one encoding and not of small order. */
export const x25519Key: NativeKeyType = {
  kind: "x25519",
  is: (object) => object.asymmetricKeyType === "x25519",
  rawOf(publicKey) {
    const raw = rawPublic(publicKey);
    refuseUnsafePoint("x25519", raw);
    return raw;
  },
  fromRaw: x25519Group.importValue,
  generate: () => generateKeyPairSync("x25519").privateKey,
  decapsulate: dhDecapsulate((encapsulated) => refuseUnsafePoint("x25519", encapsulated)),
  agree: dhAgree(x25519Group),
};
