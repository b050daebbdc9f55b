import type { Kem } from "./kem.ts";
import { Secret } from "./secret.ts";
import { xWingEncapsulate } from "./x-wing.ts";

/** X-Wing as KEM 0x647a of HPKE; its g^xy is its secret. */
export const xWingKem: Kem = {
  id: 0x647a,
  keyKind: "x-wing",
  encapsulate: (publicKey, random) => xWingEncapsulate({ halves: publicKey.halves, raw: publicKey.raw }, random),
  secretOf: (shared) => Secret.take("kem secret", shared),
};
