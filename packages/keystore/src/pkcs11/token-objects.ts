import { cryptoErrors, type KeyKind, type KeyPurpose, type PublicKey, systemRandom } from "@sealane/crypto";
import { equalBytes } from "@sealane/wire";
import { keystoreErrors } from "../errors.ts";
import { attributes, classes, refusals } from "./constants.ts";
import type { Attribute, Handle } from "./cryptoki.ts";
import { type AttributeReader, generatorOf, publicKeyFrom, type TokenUse, tokenKeyType } from "./key-types.ts";
import { isRefusal } from "./refusal.ts";
import { type Connection, requirePresent } from "./token-access.ts";
import type { KeySelector } from "./uri.ts";

/** A private key of a token, found in one session. */
export interface FoundKey {
  readonly handle: Handle;
  readonly publicKey: PublicKey;
  /** CKA_ID, by which it is found again; empty where the token gave it none. */
  readonly id: Uint8Array;
  /** What the key and the token allow. */
  readonly purposes: ReadonlySet<KeyPurpose>;
  /** Whether the token wants the PIN for every operation. */
  readonly authenticatesAlways: boolean;
}

/** The private keys that are meant. */
export function findPrivateKeys(connection: Connection, selector: KeySelector): Handle[] {
  const found = find(connection, { class: classes.privateKey, selector });
  if (found.length === 0) requirePresent(connection);
  return found;
}

/** The label of a key; null for a key without one, or whose label is no text. */
export function labelOf(connection: Connection, handle: Handle): string | null {
  const label = readerOf(connection, handle)(attributes.label);
  return label === null || label.length === 0 ? null : Buffer.from(label).toString("utf8");
}

/**
 * Finds one private key with its public half, and makes sure that it never leaves the token.
 * Errors: KEYSTORE_KEY_MISSING, KEYSTORE_TOKEN_KEY_AMBIGUOUS, KEYSTORE_TOKEN_KEY_EXTRACTABLE, KEYSTORE_TOKEN_KEY_WRONG.
 */
export function findKey(connection: Connection, selector: KeySelector): FoundKey {
  const handle = findOne(connection, selector);
  const read = readerOf(connection, handle);
  requireKept(read, selector);
  const publicKey = publicKeyOf(connection, handle, selector);
  const { uses, kind } = tokenKeyType(publicKey.kind);
  const allowed = (Object.entries(uses) as [KeyPurpose, TokenUse][]).filter(([, { usage }]) => isTrue(read(usage)));
  const purposes = new Set(allowed.filter(([, { mechanism }]) => connection.mechanisms.has(mechanism)).map(([purpose]) => purpose));
  if (purposes.size === 0 && allowed.length > 0) throw keystoreErrors.error("KEYSTORE_TOKEN_KIND_UNSUPPORTED", { kind });
  const id = read(attributes.id) ?? new Uint8Array(0);
  return { handle, publicKey, id, purposes, authenticatesAlways: isTrue(read(attributes.alwaysAuthenticate)) };
}

/**
 * Makes a key pair in the token, for one purpose or for all of its kind.
 * Errors: KEYSTORE_KEY_EXISTS, KEYSTORE_TOKEN_KIND_UNSUPPORTED, CRYPTO_PRIVATE_KEY_WRONG for a purpose that the kind does not
 * have, KEYSTORE_TOKEN_KEY_EXTRACTABLE for a token that does not keep what it was told.
 */
export async function generateKey(
  connection: Connection,
  input: { readonly label: string; readonly kind: KeyKind; readonly purpose: KeyPurpose | null },
): Promise<PublicKey> {
  const { label, kind, purpose } = input;
  const type = tokenKeyType(kind);
  const uses = purpose === null ? Object.values(type.uses) : [type.uses[purpose]].filter((use) => use !== undefined);
  if (uses.length === 0) throw cryptoErrors.error("CRYPTO_PRIVATE_KEY_WRONG", { kind });
  if (uses.some(({ mechanism }) => !connection.mechanisms.has(mechanism))) {
    throw keystoreErrors.error("KEYSTORE_TOKEN_KIND_UNSUPPORTED", { kind });
  }
  const mechanism = generatorOf(type, connection.mechanisms);
  if (findPrivateKeys(connection, { label, id: null }).length > 0) throw keystoreErrors.error("KEYSTORE_KEY_EXISTS", { id: label });

  const id = Buffer.from(systemRandom.bytes(idBytes));
  const names: readonly Attribute[] = [
    { type: attributes.token, value: true },
    { type: attributes.label, value: Buffer.from(label, "utf8") },
    { type: attributes.id, value: id },
  ];
  const usages = uses.map(({ usage }) => usage);
  const { cryptoki, session } = connection;
  const pair = await cryptoki.C_GenerateKeyPairAsync(
    session,
    mechanism,
    [...names, { type: attributes.private, value: false }, ...publicUsages(usages), ...type.parameters],
    [...names, ...privateTemplate(usages)],
  );
  try {
    requireKept(readerOf(connection, pair.privateKey), { label, id });
    return publicKeyFrom(readerOf(connection, pair.publicKey));
  } catch (error) {
    for (const handle of [pair.privateKey, pair.publicKey]) cryptoki.C_DestroyObject(session, handle);
    throw error;
  }
}

/** Destroys a private key and its public half. Errors: KEYSTORE_KEY_MISSING, KEYSTORE_TOKEN_KEY_AMBIGUOUS. */
export function destroyKey(connection: Connection, label: string): void {
  const { cryptoki, session } = connection;
  const handle = findOne(connection, { label, id: null });
  const id = readerOf(connection, handle)(attributes.id);
  cryptoki.C_DestroyObject(session, handle);
  for (const each of find(connection, { class: classes.publicKey, selector: { label, id } })) cryptoki.C_DestroyObject(session, each);
}

const idBytes = 16;
const objectsAtOnce = 64;

function findOne(connection: Connection, selector: KeySelector): Handle {
  const [handle, second] = findPrivateKeys(connection, selector);
  if (handle === undefined) throw keystoreErrors.error("KEYSTORE_KEY_MISSING", namesIn(selector));
  if (second !== undefined) throw keystoreErrors.error("KEYSTORE_TOKEN_KEY_AMBIGUOUS", namesIn(selector));
  return handle;
}

function find(connection: Connection, wanted: { readonly class: number; readonly selector: KeySelector }): Handle[] {
  const { cryptoki, session } = connection;
  const { label, id } = wanted.selector;
  const template: Attribute[] = [
    { type: attributes.class, value: wanted.class },
    { type: attributes.token, value: true },
  ];
  if (label !== null) template.push({ type: attributes.label, value: Buffer.from(label, "utf8") });
  if (id !== null) template.push({ type: attributes.id, value: Buffer.from(id) });
  cryptoki.C_FindObjectsInit(session, template);
  try {
    const handles: Handle[] = [];
    for (;;) {
      const found = cryptoki.C_FindObjects(session, objectsAtOnce);
      if (found.length === 0) return handles;
      handles.push(...found);
    }
  } finally {
    cryptoki.C_FindObjectsFinal(session);
  }
}

function readerOf({ cryptoki, session }: Connection, handle: Handle): AttributeReader {
  return (type) => {
    try {
      return cryptoki.C_GetAttributeValue(session, handle, [{ type }])[0]?.value ?? null;
    } catch (error) {
      if (isRefusal(error, refusals.attributeTypeInvalid, refusals.attributeSensitive)) return null;
      throw error;
    }
  };
}

/** What is public of a private key: attributes of its own, or of the public key that has its id or else its label. */
function publicKeyOf(connection: Connection, handle: Handle, selector: KeySelector): PublicKey {
  const own = readerOf(connection, handle);
  const id = own(attributes.id);
  const same = id === null || id.length === 0 ? { label: selector.label ?? "", id: null } : { label: null, id };
  const [beside] = find(connection, { class: classes.publicKey, selector: same });
  const other = beside === undefined ? null : readerOf(connection, beside);
  // CKA_VALUE of a private key is the key: it is not even asked for
  return publicKeyFrom((type) => (type === attributes.value ? null : own(type)) ?? other?.(type) ?? null);
}

/** Whether the token keeps a key for itself. What it does not tell counts as no. */
function requireKept(read: AttributeReader, selector: KeySelector): void {
  if (!isTrue(read(attributes.sensitive)) || !isFalse(read(attributes.extractable))) {
    throw keystoreErrors.error("KEYSTORE_TOKEN_KEY_EXTRACTABLE", namesIn(selector));
  }
}

/** Every usage is told, for what is left away a token fills in as it likes. */
function privateTemplate(usages: readonly number[]): Attribute[] {
  const { sign, signRecover, decrypt, derive, unwrap } = attributes;
  return [
    { type: attributes.private, value: true },
    { type: attributes.sensitive, value: true },
    { type: attributes.extractable, value: false },
    ...[sign, signRecover, decrypt, derive, unwrap].map((type) => ({ type, value: usages.includes(type) })),
  ];
}

function publicUsages(usages: readonly number[]): Attribute[] {
  return [
    { type: attributes.verify, value: usages.includes(attributes.sign) },
    { type: attributes.encrypt, value: usages.includes(attributes.decrypt) },
    { type: attributes.wrap, value: false },
  ];
}

function isTrue(value: Uint8Array | null): boolean {
  return value?.length === 1 && value[0] === 1;
}

function isFalse(value: Uint8Array | null): boolean {
  return value !== null && equalBytes(value, Uint8Array.of(0));
}

function namesIn({ label, id }: KeySelector): Record<string, string> {
  return { ...(label === null ? {} : { id: label }), ...(id === null ? {} : { ckaId: id.toHex() }) };
}
