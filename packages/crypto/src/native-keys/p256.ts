import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { equalBytes } from "@sealane/wire";
import { dhAgree } from "../agreement.ts";
import { dhDecapsulate } from "../dhkem.ts";
import { lowS } from "../ecdsa.ts";
import { cryptoErrors } from "../errors.ts";
import { isUncompressedP256, p256Group, refuseOtherForms } from "../p256.ts";
import type { NativeKeyType } from "./native-key-type.ts";

/** Everything before the point in DER: id-ecPublicKey on the named curve (RFC 5480, section 2). */
const spkiPrefix = Uint8Array.fromHex("3059301306072a8648ce3d020106082a8648ce3d030107034200");

/** P-256 (FIPS 186-5): raw 65 bytes, the uncompressed point. */
export const p256Key: NativeKeyType = {
  kind: "p256",
  is: (object) => object.asymmetricKeyType === "ec" && object.asymmetricKeyDetails?.namedCurve === "prime256v1",
  /**
   * OpenSSL keeps the form in which it read a key: compressed, hybrid, with the curve spelled out, or infinity, which it cannot write
   * (`raw-public` of it is not asked for: that failure would show in the next import of another key).
   */
  rawOf(publicKey) {
    const spki = spkiOf(publicKey);
    const raw = Uint8Array.from(spki.subarray(spkiPrefix.length));
    if (isUncompressedP256(raw) && equalBytes(spki.subarray(0, spkiPrefix.length), spkiPrefix)) return raw;
    throw cryptoErrors.error("CRYPTO_PUBLIC_KEY_WRONG", { kind: "p256" });
  },
  fromRaw: p256Group.importValue,
  generate: () => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey,
  sign: (privateKey, message) => lowS(sign("sha256", message, { key: privateKey, dsaEncoding: "ieee-p1363" })),
  decapsulate: dhDecapsulate(refuseOtherForms),
  agree: dhAgree(p256Group),
};

function spkiOf(publicKey: KeyObject): Uint8Array {
  try {
    return publicKey.export({ type: "spki", format: "der" });
  } catch (cause) {
    throw cryptoErrors.error("CRYPTO_PUBLIC_KEY_WRONG", { kind: "p256" }, cause);
  }
}
