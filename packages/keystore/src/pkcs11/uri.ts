import { isAbsolute } from "node:path";
import { fileURLToPath } from "node:url";
import type { Randomness } from "@sealane/crypto";
import type { SealaneError } from "@sealane/wire";
import { keystoreErrors } from "../errors.ts";
import { isKeyId } from "../key-store.ts";
import { maxTokenUriLength, ownNameBytes } from "../limits.ts";

/** Which token is meant: the one that has all that is named. */
export interface TokenSelector {
  readonly label: string | null;
  readonly serial: string | null;
  readonly manufacturer: string | null;
  readonly model: string | null;
  readonly slotId: bigint | null;
}

/** Which key of a token is meant: by its label (CKA_LABEL), its id (CKA_ID) or both. */
export interface KeySelector {
  readonly label: string | null;
  readonly id: Uint8Array | null;
}

/** What a `pkcs11:` URI says. */
export interface Pkcs11Uri {
  readonly token: TokenSelector;
  /** The key that `object` or `id` names; null where a token alone is meant. */
  readonly key: KeySelector | null;
  readonly modulePath: string | null;
  /** The file that holds the PIN. */
  readonly pinFile: string | null;
}

/**
 * Parses a `pkcs11:` URI (RFC 7512, section 2.3), of which these attributes are known: `token`, `serial`, `manufacturer`, `model`,
 * `slot-id`, `object`, `id`, `type=private`; `module-path` (absolute) and `pin-source` (a `file:` URI) after the `?`. All others
 * are refused, `pin-value` above all: what stands in an argument is read by every user of the machine.
 * Error: KEYSTORE_TOKEN_URI_WRONG, which names the attribute and never a value.
 */
export function parsePkcs11Uri(text: string): Pkcs11Uri {
  if (text.length > maxTokenUriLength) throw wrong("length");
  const [, path, query] = shape.exec(text) ?? [];
  if (path === undefined) throw wrong("scheme");
  const named = attributesIn(path, { separator: ";", known: pathAttributes, allowed: pathValue });
  const asked = attributesIn(query ?? "", { separator: "&", known: queryAttributes, allowed: queryValue });
  const type = textOf(named, "type");
  const slot = textOf(named, "slot-id");
  if (slot !== null && !/^[0-9]{1,20}$/.test(slot)) throw wrong("slot-id");
  const key = { label: textOf(named, "object"), id: named.get("id") ?? null };
  const namesKey = key.label !== null || key.id !== null;
  if (type !== null && !(type === "private" && namesKey)) throw wrong("type");
  return {
    token: {
      label: textOf(named, "token"),
      serial: textOf(named, "serial"),
      manufacturer: textOf(named, "manufacturer"),
      model: textOf(named, "model"),
      slotId: slot === null ? null : BigInt(slot),
    },
    key: namesKey ? key : null,
    modulePath: modulePathOf(asked),
    pinFile: pinFileOf(asked),
  };
}

/**
 * The same URI with a name of its own for the keys: the `object` that it has, `sealane` unless told, and eight random digits. So two
 * owners never have keys of one name in a token, and what an interrupted start left can be told from what is in use.
 * Error: KEYSTORE_TOKEN_URI_WRONG, also for what {@link objectOf} refuses and for a name that becomes too long.
 */
export function withOwnName(uri: string, random: Randomness): string {
  const name = objectOf(parsePkcs11Uri(uri)) ?? "sealane";
  const own = `${name}-${random.bytes(ownNameBytes).toHex()}`;
  const [, path = "", query] = shape.exec(uri) ?? [];
  const kept = path.split(";").filter((part) => part !== "" && !/^(?:object|type)=/.test(part));
  const named = `pkcs11:${[...kept, `object=${own}`].join(";")}${query === undefined ? "" : `?${query}`}`;
  objectOf(parsePkcs11Uri(named));
  return named;
}

/** The name that a URI gives to the keys of one owner. Error: KEYSTORE_TOKEN_URI_WRONG for `id`, and for a name that no key id may be. */
export function objectOf({ key }: Pkcs11Uri): string | null {
  if (key === null) return null;
  if (key.id !== null) throw wrong("id");
  if (key.label !== null && !isKeyId(key.label)) throw wrong("object");
  return key.label;
}

const shape = /^pkcs11:([^?#]*)(?:\?([^#]*))?$/;
const pathAttributes = ["token", "serial", "manufacturer", "model", "slot-id", "object", "id", "type"];
const queryAttributes = ["module-path", "pin-source"];

/** pk11-pchar and pk11-qchar of RFC 7512, section 2.3. */
const pathValue = /^(?:[A-Za-z0-9\-._~:[\]@!$'()*+,=&]|%[0-9A-Fa-f]{2})+$/;
const queryValue = /^(?:[A-Za-z0-9\-._~:[\]@!$'()*+,=/?|]|%[0-9A-Fa-f]{2})+$/;

interface Syntax {
  readonly separator: string;
  readonly known: readonly string[];
  readonly allowed: RegExp;
}

/** The attributes of one half, each at most once, with their values' bytes. */
function attributesIn(text: string, { separator, known, allowed }: Syntax): ReadonlyMap<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  if (text === "") return found;
  for (const part of text.split(separator)) {
    const [, name, value] = /^([a-z-]{1,20})=(.*)$/.exec(part) ?? [];
    if (name === undefined || value === undefined) throw wrong("form");
    if (!known.includes(name)) throw wrong(name);
    if (found.has(name) || !allowed.test(value)) throw wrong(name);
    found.set(name, decodePercent(value));
  }
  return found;
}

function decodePercent(value: string): Uint8Array {
  const latin1 = value.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Uint8Array.from(latin1, (character) => character.charCodeAt(0));
}

function textOf(found: ReadonlyMap<string, Uint8Array>, name: string): string | null {
  const bytes = found.get(name);
  if (bytes === undefined) return null;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    if (!/\p{Cc}/u.test(text)) return text;
  } catch {} // is told below
  throw wrong(name);
}

/** A relative path would be looked for in folders that the system chooses. */
function modulePathOf(found: ReadonlyMap<string, Uint8Array>): string | null {
  const path = textOf(found, "module-path");
  if (path === null) return null;
  if (!isAbsolute(path)) throw wrong("module-path");
  return path;
}

function pinFileOf(found: ReadonlyMap<string, Uint8Array>): string | null {
  const source = textOf(found, "pin-source");
  if (source === null) return null;
  if (!/^file:(?:\/\/)?\//.test(source)) throw wrong("pin-source");
  try {
    return fileURLToPath(source);
  } catch {
    throw wrong("pin-source");
  }
}

function wrong(attribute: string): SealaneError {
  return keystoreErrors.error("KEYSTORE_TOKEN_URI_WRONG", { attribute });
}
