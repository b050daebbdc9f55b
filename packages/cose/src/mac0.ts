import { hmac, verifyHmac } from "@sealane/crypto";
import { type CborValue, Tagged } from "@sealane/wire";
import { coseAlgorithm, coseTag, headerLabel } from "./labels.ts";
import {
  type CoseStructure,
  coveredBytes,
  encodeProtected,
  parseStructure,
  requireBytes,
  requireForm,
  requireHeaders,
} from "./structure.ts";

/** COSE_Mac0 (RFC 9052, section 6.2) with HMAC 256/256, always tagged. */

const protectedBytes = encodeProtected(new Map([[headerLabel.alg, coseAlgorithm.hmac256]]));

/** Authenticates a payload under a shared key. */
export function mac0(key: Uint8Array, input: { readonly payload: Uint8Array; readonly externalAad: Uint8Array }): CborValue {
  const tag = hmac(key, coveredBytes("MAC0", protectedBytes, input.externalAad, input.payload));
  return new Tagged(coseTag.mac0, [protectedBytes, new Map(), input.payload, tag]);
}

/** Checks a tag and gives the payload. Errors: COSE_STRUCTURE_WRONG, COSE_HEADER_WRONG, CRYPTO_MAC_WRONG. */
export function verifyMac0(key: Uint8Array, value: CborValue, externalAad: Uint8Array): Uint8Array {
  requireForm(value, { tag: coseTag.mac0, tagged: true });
  const structure = parseMac0(value);
  requireHeaders(structure, { algorithm: coseAlgorithm.hmac256 });
  const payload = requireBytes(structure.rest[0]);
  verifyHmac(key, coveredBytes("MAC0", structure.protectedBytes, externalAad, payload), requireBytes(structure.rest[1]));
  return payload;
}

/** Reads the structure without judging headers or tag; `rest` is [payload, tag]. */
export function parseMac0(value: CborValue): CoseStructure {
  return parseStructure(value, { tag: coseTag.mac0, length: 4 });
}
