import { createPrivateKey, createPublicKey } from "node:crypto";
import { refuseUnsafePoint } from "./curve-points.ts";
import type { DhGroup } from "./dh-group.ts";
import { asBuffer, importRaw } from "./import-key.ts";

/** Bytes of a scalar, a coordinate and a shared secret. */
export const x25519Bytes = 32;

/** X25519 (RFC 7748): a seed is the scalar; a value is a coordinate in its one encoding, not of small order. */
export const x25519Group: DhGroup = {
  keyKind: "x25519",
  kemId: 0x0020,
  valueBytes: x25519Bytes,
  keyPairOf(seed) {
    try {
      const privateKey = createPrivateKey({ key: asBuffer(seed), format: "raw-private", asymmetricKeyType: "x25519" });
      return { privateKey, publicRaw: createPublicKey(privateKey).export({ format: "raw-public" }) };
    } finally {
      seed.fill(0);
    }
  },
  importValue(raw) {
    refuseUnsafePoint("x25519", raw);
    return importRaw(raw, { asymmetricKeyType: "x25519" });
  },
};
