import assert from "node:assert/strict";
import { createPublicKey, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename, dirname } from "node:path";

/** The structures of the working group's examples; `sign` and `mac` are COSE_Sign and COSE_Mac. */
const kinds = ["sign0", "mac0", "encrypted", "enveloped", "sign", "mac"] as const;

/** One example of the COSE working group (repository cose-wg/Examples). */
export interface Example {
  /** Folder and file name. */
  readonly name: string;
  readonly kind: (typeof kinds)[number];
  /** The message must be refused. */
  readonly fail: boolean;
  /** The name of the algorithm that made it, as ES256. */
  readonly algorithm: string;
  readonly message: Uint8Array;
  readonly plaintext: Uint8Array;
  readonly externalAad: Uint8Array;
  /** What a signature, tag or encryption covers; null where each signer covers something of its own. */
  readonly covered: Uint8Array | null;
  /** The content key of the kinds that have one. */
  readonly contentKey: Uint8Array;
  /** An IV that is not in the message. */
  readonly unsentIv: Uint8Array;
  /** The public key of sign0. */
  publicKey(): KeyObject;
}

export function loadExample(path: string): Example {
  const json: unknown = JSON.parse(readFileSync(path, "utf8"));
  const kind = kinds.find((candidate) => at(json, "input", candidate) !== undefined);
  assert.ok(kind !== undefined, `${path} has a structure`);
  const structure = at(json, "input", kind);
  const plaintext = at(json, "input", "plaintext");
  const covered = ["ToBeSign_hex", "ToMac_hex", "AAD_hex"]
    .map((field) => at(json, "intermediates", field))
    .find((hex) => hex !== undefined);
  const algorithm = [at(structure, "protected", "alg"), at(structure, "unprotected", "alg"), at(structure, "alg")].find(isText);
  return {
    name: `${basename(dirname(path))}/${basename(path)}`,
    kind,
    fail: at(json, "fail") === true,
    algorithm: algorithm ?? "none",
    message: fromHex(at(json, "output", "cbor")),
    plaintext: isText(plaintext) ? Buffer.from(plaintext) : fromHex(at(json, "input", "plaintext_hex")),
    externalAad: optionalHex(at(structure, "external")),
    covered: covered === undefined ? null : fromHex(covered),
    contentKey: optionalHex(at(json, "intermediates", "CEK_hex")),
    unsentIv: optionalHex(at(structure, "unsent", "IV_hex")),
    publicKey: () => importKey(at(structure, "key")),
  };
}

/** The value at a path of a JSON document. */
function at(json: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined), json);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function fromHex(hex: unknown): Uint8Array {
  assert.ok(isText(hex) && /^([0-9a-fA-F]{2})*$/.test(hex), "hex");
  return Uint8Array.from(Buffer.from(hex, "hex"));
}

function optionalHex(hex: unknown): Uint8Array {
  return hex === undefined ? new Uint8Array() : fromHex(hex);
}

function importKey(key: unknown): KeyObject {
  const coordinate = (name: string): string => {
    const text = at(key, name);
    return isText(text) ? text : Buffer.from(fromHex(at(key, `${name}_hex`))).toString("base64url");
  };
  const crv = at(key, "crv");
  assert.ok(isText(crv));
  const isCurve = crv.startsWith("Ed");
  const jwk = isCurve ? { kty: "OKP", crv, x: coordinate("x") } : { kty: "EC", crv, x: coordinate("x"), y: coordinate("y") };
  return createPublicKey({ key: jwk, format: "jwk" });
}
