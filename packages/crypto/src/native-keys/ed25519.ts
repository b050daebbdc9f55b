import { generateKeyPairSync, sign } from "node:crypto";
import { refuseUnsafePoint } from "../curve-points.ts";
import { importRaw, rawPublic } from "../import-key.ts";
import type { NativeKeyType } from "./native-key-type.ts";

/** Ed25519 (RFC 8032): raw 32 bytes, in their one encoding and not of small order. */
export const ed25519Key: NativeKeyType = {
  kind: "ed25519",
  is: (object) => object.asymmetricKeyType === "ed25519",
  rawOf(publicKey) {
    const raw = rawPublic(publicKey);
    refuseUnsafePoint("ed25519", raw);
    return raw;
  },
  fromRaw(raw) {
    refuseUnsafePoint("ed25519", raw);
    return importRaw(raw, { asymmetricKeyType: "ed25519" });
  },
  generate: () => generateKeyPairSync("ed25519").privateKey,
  sign: (privateKey, message) => sign(null, message, privateKey),
};
