import { concatBytes } from "@sealane/wire";
import { hkdfExpand, hkdfExtract } from "./hash.ts";

/** HKDF as HPKE and its KEMs use it: every call names its purpose and the algorithms that it is for (RFC 9180, section 4). */

const hpkeVersion = new TextEncoder().encode("HPKE-v1");
const empty = new Uint8Array(0);

/** The suite_id of a KEM (RFC 9180, section 4.1). */
export function kemSuiteId(id: number): Uint8Array {
  return concatBytes(ascii("KEM"), Uint8Array.of(id >> 8, id & 255));
}

/** The input of Extract in LabeledExtract (RFC 9180, section 4). */
export function labeledKeyMaterial(suiteId: Uint8Array, label: string, keyMaterial: Uint8Array): Uint8Array {
  return concatBytes(hpkeVersion, suiteId, ascii(label), keyMaterial);
}

/** The input of Expand in LabeledExpand (RFC 9180, section 4). */
export function labeledInfo(
  suiteId: Uint8Array,
  input: { readonly label: string; readonly info: Uint8Array; readonly length: number },
): Uint8Array {
  const { label, info, length } = input;
  return concatBytes(Uint8Array.of(length >> 8, length & 255), hpkeVersion, suiteId, ascii(label), info);
}

/** LabeledExpand for what DeriveKeyPair makes of one seed. */
export type ExpandSeed = (label: string, info: Uint8Array, length: number) => Uint8Array;

/** Lends `make` the expansion of a key pair's seed, which is wiped (DeriveKeyPair of RFC 9180, section 7.1.3). */
export function withExpandedSeed<T>(kemId: number, seed: Uint8Array, make: (expand: ExpandSeed) => T): T {
  const suiteId = kemSuiteId(kemId);
  const keyMaterial = labeledKeyMaterial(suiteId, "dkp_prk", seed);
  seed.fill(0);
  const key = hkdfExtract(empty, keyMaterial);
  keyMaterial.fill(0);
  try {
    return make((label, info, length) => hkdfExpand(key, labeledInfo(suiteId, { label, info, length }), length));
  } finally {
    key.fill(0);
  }
}

/** The labels are few and each is needed for every message. */
const labels = new Map<string, Uint8Array>();

function ascii(text: string): Uint8Array {
  const known = labels.get(text);
  if (known !== undefined) return known;
  const made = new TextEncoder().encode(text);
  labels.set(text, made);
  return made;
}
