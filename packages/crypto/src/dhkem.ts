import { concatBytes } from "@sealane/wire";
import { agreeAsRecipient, agreeAsSender, type DhGroup } from "./dh-group.ts";
import { type FfdheKind, ffdheGroup } from "./ffdhe.ts";
import type { Kem } from "./kem.ts";
import { kemSuiteId, labeledExpand, labeledExtract } from "./labeled-hkdf.ts";
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

/** The recipient's half; for key handles only. Error: CRYPTO_OPEN_FAILED, also for a value that is unsafe or in a second encoding. */
export function dhDecapsulate(group: DhGroup): NonNullable<NativeKeyType["decapsulate"]> {
  return (privateKey, { raw: recipientRaw }, encapsulated) =>
    dhSecretOf(group, agreeAsRecipient(group, privateKey, encapsulated, "CRYPTO_OPEN_FAILED"), { encapsulated, recipientRaw });
}

/** ExtractAndExpand of RFC 9180, section 4.1; wipes g^xy. */
function dhSecretOf(group: DhGroup, shared: Uint8Array, values: Parameters<Kem["secretOf"]>[1]): Secret<"kem secret"> {
  const suiteId = kemSuiteId(group.kemId);
  const key = labeledExtract(suiteId, { salt: empty, label: "eae_prk", keyMaterial: shared });
  shared.fill(0);
  const info = concatBytes(values.encapsulated, values.recipientRaw);
  const secret = labeledExpand(suiteId, { key, label: "shared_secret", info, length: 32 });
  key.fill(0);
  return Secret.take("kem secret", secret);
}
