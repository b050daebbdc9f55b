import { generateKeyPairSync, sign } from "node:crypto";
import { importRaw, rawPublic } from "../import-key.ts";
import type { NativeKeyType } from "./native-key-type.ts";

/** ML-DSA-65 (FIPS 204): raw 1952 bytes; PKCS #8 is the 32-byte seed (RFC 9881, section 6). */
export const mlDsa65Key: NativeKeyType = {
  kind: "ml-dsa-65",
  is: (object) => object.asymmetricKeyType === "ml-dsa-65",
  rawOf: rawPublic,
  fromRaw: (raw) => importRaw(raw, { asymmetricKeyType: "ml-dsa-65" }),
  generate: () => generateKeyPairSync("ml-dsa-65").privateKey,
  sign: (privateKey, message) => sign(null, message, privateKey),
};
