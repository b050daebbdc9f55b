import type { Kem } from "./kem.ts";
import { xWingEncapsulate } from "./x-wing.ts";

/** X-Wing as KEM 0x647a of HPKE. */
export const xWingKem: Kem = {
  id: 0x647a,
  keyKind: "x-wing",
  encapsulate: (publicKey, random) => xWingEncapsulate({ halves: publicKey.halves, raw: publicKey.raw }, random),
};
