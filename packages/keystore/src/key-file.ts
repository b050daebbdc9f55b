import { createPrivateKey } from "node:crypto";
import { type Secret, SoftwareKey } from "@sealane/crypto";
import { keystoreErrors } from "./errors.ts";

/** The content of key files: one PKCS #8 key as PEM (RFC 7468, sections 10 and 11), which `openssl pkey` reads too. */

const plainLabel = "PRIVATE KEY";
const encryptedLabel = "ENCRYPTED PRIVATE KEY";

/**
 * Encodes a key, encrypted (PBES2 with PBKDF2 and AES-256-CBC, RFC 8018) if there is a password. `node:crypto` does not know X-Wing
 * keys and so cannot encrypt them. Error: KEYSTORE_ENCRYPTION_UNSUPPORTED for such a key with a password.
 */
export function encodeKeyFile(key: SoftwareKey, password: Secret | null): Uint8Array {
  const { kind } = key.publicKey;
  if (password !== null && kind === "x-wing") throw keystoreErrors.error("KEYSTORE_ENCRYPTION_UNSUPPORTED", { kind });
  const der = asBuffer(key.toPkcs8());
  try {
    return toPem(password === null ? { label: plainLabel, der } : { label: encryptedLabel, der: encrypt(der, password) });
  } finally {
    der.fill(0);
  }
}

/**
 * Decodes a key file; with a password only an encrypted one is accepted. The errors tell nothing of the content.
 * Errors: KEYSTORE_KEY_DAMAGED, KEYSTORE_KEY_UNENCRYPTED, KEYSTORE_PASSWORD_MISSING, KEYSTORE_PASSWORD_WRONG.
 */
export function decodeKeyFile(bytes: Uint8Array, options: { readonly id: string; readonly password: Secret | null }): SoftwareKey {
  const { id, password } = options;
  const file = fromPem(bytes);
  if (file === null) throw keystoreErrors.error("KEYSTORE_KEY_DAMAGED", { id });
  if (file.label === plainLabel && password !== null) throw keystoreErrors.error("KEYSTORE_KEY_UNENCRYPTED", { id });
  if (file.label === encryptedLabel && password === null) throw keystoreErrors.error("KEYSTORE_PASSWORD_MISSING", { id });
  const pkcs8 = password === null ? file.der : decrypt(file.der, password);
  if (pkcs8 === null) throw keystoreErrors.error("KEYSTORE_PASSWORD_WRONG", { id });
  try {
    return SoftwareKey.fromPkcs8(pkcs8);
  } catch {
    throw keystoreErrors.error("KEYSTORE_KEY_DAMAGED", { id });
  } finally {
    pkcs8.fill(0);
  }
}

function encrypt(der: Buffer, password: Secret): Buffer {
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  return password.use((bytes) => key.export({ type: "pkcs8", format: "der", cipher: "aes-256-cbc", passphrase: asBuffer(bytes) }));
}

function decrypt(der: Buffer, password: Secret): Buffer | null {
  return password.use((bytes) => {
    try {
      const key = createPrivateKey({ key: der, format: "der", type: "pkcs8", passphrase: asBuffer(bytes) });
      return key.export({ type: "pkcs8", format: "der" });
    } catch {
      return null;
    }
  });
}

function toPem({ label, der }: { readonly label: string; readonly der: Buffer }): Uint8Array {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return new TextEncoder().encode([`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n"));
}

const pem = new RegExp(`^-----BEGIN (${plainLabel}|${encryptedLabel})-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END \\1-----\r?\n?$`);

function fromPem(bytes: Uint8Array): { readonly label: string; readonly der: Buffer } | null {
  const [, label, base64] = pem.exec(asBuffer(bytes).toString("latin1")) ?? [];
  if (label === undefined || base64 === undefined) return null;
  const text = base64.replace(/[\r\n]/g, "");
  const der = Buffer.from(text, "base64");
  return der.toString("base64") === text ? { label, der } : null; // Node's decoder passes over much
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
