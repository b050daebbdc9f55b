import { cryptoErrors, ecdsaBytes, type KeyKind, lowS, type PublicKey, rsaModulusBytes, rsaModulusOf, sha256 } from "@sealane/crypto";
import { keystoreErrors } from "../errors.ts";
import { attributes, classes, keyTypes, mechanisms, mgf1Sha256, noDerivation, parameterTypes } from "./constants.ts";
import type { Attribute, Mechanism } from "./cryptoki.ts";
import type { Connection } from "./token-access.ts";
import type { FoundKey } from "./token-objects.ts";

/** Something that a token does with a key. */
export type TokenOperation = (connection: Connection, key: FoundKey) => Promise<Uint8Array>;

const saltBytes = 32;
const curveSecretBytes = 32;

/**
 * Signs as the key's kind signs: ECDSA of the SHA-256, s in the lower half; Ed25519; RSASSA-PSS of the SHA-256 with a salt of 32
 * bytes. The token is given the digest where it can be.
 */
export function signatureBy({ kind }: PublicKey, message: Uint8Array): TokenOperation {
  switch (kind) {
    case "p256": {
      const input = { mechanism: { mechanism: mechanisms.ecdsa }, message: sha256(message), bytes: ecdsaBytes };
      return async (connection, key) => lowS(await sign(connection, key, input));
    }
    case "ed25519":
      return (connection, key) => sign(connection, key, { mechanism: { mechanism: mechanisms.eddsa }, message, bytes: 64 });
    case "rsa2048":
    case "rsa3072":
    case "rsa4096": {
      const parameter = { type: parameterTypes.rsaPss, hashAlg: mechanisms.sha256, mgf: mgf1Sha256, saltLen: saltBytes };
      const input = { mechanism: { mechanism: mechanisms.rsaPss, parameter }, message: sha256(message), bytes: rsaModulusBytes(kind) };
      return (connection, key) => sign(connection, key, input);
    }
    default:
      throw cryptoErrors.error("CRYPTO_PRIVATE_KEY_WRONG", { kind });
  }
}

/**
 * RSASP1 on a block as long as the modulus and below it (`SigningKey.signBlock`).
 * Error: CRYPTO_PRIVATE_KEY_WRONG for another block.
 */
export function signBlockBy(publicKey: PublicKey, block: Uint8Array): TokenOperation {
  if (!isBelowModulus(publicKey, block)) throw cryptoErrors.error("CRYPTO_PRIVATE_KEY_WRONG", { bytes: block.length });
  const input = { mechanism: { mechanism: mechanisms.rsaRaw }, message: block, bytes: block.length };
  return (connection, key) => sign(connection, key, input);
}

/** Whether a block is as long as an RSA key's modulus, and a smaller number. */
export function isBelowModulus(publicKey: PublicKey, block: Uint8Array): boolean {
  const modulus = rsaModulusOf(publicKey);
  return block.length === modulus.length && Buffer.compare(block, modulus) < 0;
}

/** RSADP on a block as long as the modulus (RFC 8017, section 5.1.2): as many bytes, for the caller to unpad and to wipe. */
export function decryptRaw(block: Uint8Array): TokenOperation {
  return async ({ cryptoki, session, authenticate }, key) => {
    const input = Buffer.from(block);
    const output = Buffer.alloc(block.length);
    try {
      cryptoki.C_DecryptInit(session, { mechanism: mechanisms.rsaRaw }, key.handle);
      if (key.authenticatesAlways) await authenticate();
      const opened = await cryptoki.C_DecryptAsync(session, input, output);
      const whole = new Uint8Array(block.length); // some modules leave zeros at the front away
      whole.set(opened, block.length - opened.length);
      return whole;
    } finally {
      input.fill(0);
      output.fill(0);
    }
  };
}

/**
 * Agrees with a public value that was checked before, for the caller to wipe: on the shared x-coordinate, 32 bytes (RFC 7748, section
 * 6.1; SEC 1, section 3.3.1), or on g^xy in the modulus' length (RFC 2631, section 2.1.2). It exists in the token for a moment, as an
 * object of the session that may be read.
 *
 * This call of `pkcs11js` is the one that waits in JavaScript's thread: its asynchronous form (2.1.7) never frees its arguments.
 */
export function deriveSecret({ kind }: PublicKey, value: Uint8Array): TokenOperation {
  const { mechanism, bytes } = agreementBy(kind, Buffer.from(value));
  return async ({ cryptoki, session }, key) => {
    const derived = cryptoki.C_DeriveKey(session, mechanism, key.handle, secretTemplate(bytes));
    try {
      const read = cryptoki.C_GetAttributeValue(session, derived, [{ type: attributes.value }])[0]?.value;
      if (read === undefined || read.length === 0 || read.length > bytes) {
        throw keystoreErrors.error("KEYSTORE_TOKEN_FAILED", { bytes: read?.length ?? null });
      }
      const secret = new Uint8Array(bytes); // some modules leave zeros at the front away
      secret.set(read, bytes - read.length);
      read.fill(0);
      return secret;
    } finally {
      cryptoki.C_DestroyObject(session, derived);
    }
  };
}

function agreementBy(kind: KeyKind, value: Buffer): { readonly mechanism: Mechanism; readonly bytes: number } {
  const isCurve = kind === "p256" || kind === "x25519";
  if (!isCurve) return { mechanism: { mechanism: mechanisms.dh, parameter: value }, bytes: value.length };
  const parameter = { type: parameterTypes.ecdh, kdf: noDerivation, publicData: value };
  return { mechanism: { mechanism: mechanisms.ecdh, parameter }, bytes: curveSecretBytes };
}

function secretTemplate(bytes: number): Attribute[] {
  return [
    { type: attributes.class, value: classes.secretKey },
    { type: attributes.keyType, value: keyTypes.genericSecret },
    { type: attributes.valueBytes, value: bytes },
    { type: attributes.token, value: false },
    { type: attributes.private, value: false },
    { type: attributes.sensitive, value: false },
    { type: attributes.extractable, value: true },
  ];
}

interface SignInput {
  readonly mechanism: Mechanism;
  readonly message: Uint8Array;
  /** Of the signature. */
  readonly bytes: number;
}

async function sign(
  { cryptoki, session, authenticate }: Connection,
  key: FoundKey,
  { mechanism, message, bytes }: SignInput,
): Promise<Uint8Array> {
  const input = Buffer.alloc(message.length + 1).subarray(0, message.length); // of no bytes alone the module would get no address
  input.set(message);
  try {
    cryptoki.C_SignInit(session, mechanism, key.handle);
    if (key.authenticatesAlways) await authenticate();
    const signature = await cryptoki.C_SignAsync(session, input, Buffer.alloc(bytes));
    if (signature.length !== bytes) throw keystoreErrors.error("KEYSTORE_TOKEN_FAILED", { bytes: signature.length });
    return signature;
  } finally {
    input.fill(0); // which also keeps it: the module's thread reads it where it is, and `pkcs11js` holds no reference
  }
}
