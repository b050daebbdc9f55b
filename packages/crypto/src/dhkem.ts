import { decapsulate } from "node:crypto";
import { concatBytes } from "@sealane/wire";
import { agreeAsSender, type DhGroup } from "./dh-group.ts";
import { cryptoErrors } from "./errors.ts";
import { type FfdheKind, ffdheGroup } from "./ffdhe.ts";
import { digestBytes, hkdfExpand, hkdfExtract } from "./hash.ts";
import { asBuffer } from "./import-key.ts";
import type { Kem } from "./kem.ts";
import { kemSuiteId, labeledInfo, labeledKeyMaterial } from "./labeled-hkdf.ts";
import type { NativeKeyType } from "./native-keys/native-key-type.ts";
import { p256Group } from "./p256.ts";
import { Secret } from "./secret.ts";
import { x25519Group } from "./x25519.ts";

/** DHKEM with HKDF-SHA-256 (RFC 9180, section 4.1): a 32-byte secret; encapsulated keys and public keys are values of the group. */

const empty = new Uint8Array(0);

/** DHKEM(X25519, HKDF-SHA256). */
export const x25519Kem: Kem = dhKem(x25519Group);

/** DHKEM(P-256, HKDF-SHA256). */
export const p256Kem: Kem = dhKem(p256Group);

/**
 * DHKEM over a finite-field group: the same construction under KEM numbers of our own, for RFC 9180 has none for these groups. It
 * encrypts a certificate to the agreement key that it is for, and nothing else (docs/protocol.md, enrolment).
 */
export function ffdheKem(kind: FfdheKind): Kem {
  return dhKem(ffdheGroup(kind));
}

function dhKem(group: DhGroup): Kem {
  return {
    id: group.kemId,
    keyKind: group.keyKind,
    encapsulate(publicKey, random) {
      const { privateKey, publicRaw: encapsulated } = group.keyPairOf(random.bytes(32));
      const shared = agreeAsSender(privateKey, publicKey.native);
      return { encapsulated, secret: dhSecretOf(group, shared, { encapsulated, recipientRaw: publicKey.raw }) };
    },
    secretOf: (shared, values) => dhSecretOf(group, shared, values),
  };
}

/**
 * The recipient's half, by OpenSSL's own DHKEM in one call; for key handles only. `requireSafe` refuses what OpenSSL would take: values
 * in a second encoding, or unsafe. Error: CRYPTO_OPEN_FAILED.
 */
export function dhDecapsulate(requireSafe: (encapsulated: Uint8Array) => void): NonNullable<NativeKeyType["decapsulate"]> {
  return (privateKey, encapsulated) => {
    try {
      requireSafe(encapsulated);
      return Secret.take("kem secret", decapsulate(privateKey, asBuffer(encapsulated)));
    } catch {
      throw cryptoErrors.error("CRYPTO_OPEN_FAILED");
    }
  };
}

/** ExtractAndExpand of RFC 9180, section 4.1; wipes g^xy. */
function dhSecretOf(group: DhGroup, shared: Uint8Array, values: Parameters<Kem["secretOf"]>[1]): Secret<"kem secret"> {
  const { encapsulated, recipientRaw } = values;
  const suiteId = kemSuiteId(group.kemId);
  const keyMaterial = labeledKeyMaterial(suiteId, "eae_prk", shared);
  shared.fill(0);
  const info = labeledInfo(suiteId, { label: "shared_secret", info: concatBytes(encapsulated, recipientRaw), length: digestBytes });
  const key = hkdfExtract(empty, keyMaterial);
  keyMaterial.fill(0);
  const secret = hkdfExpand(key, info, digestBytes);
  key.fill(0);
  return Secret.take("kem secret", secret);
}
