import { type ErrorTable, errorTable, exitCodes } from "@sealane/wire";

const user = { blame: "user", retry: "never", http: 500, exit: exitCodes.configuration } as const;

export type KeystoreCode =
  | "KEYSTORE_ID_WRONG"
  | "KEYSTORE_KEY_EXISTS"
  | "KEYSTORE_KEY_MISSING"
  | "KEYSTORE_KEY_DAMAGED"
  | "KEYSTORE_FILE_EXPOSED"
  | "KEYSTORE_PASSWORD_MISSING"
  | "KEYSTORE_PASSWORD_WRONG"
  | "KEYSTORE_KEY_UNENCRYPTED"
  | "KEYSTORE_ENCRYPTION_UNSUPPORTED"
  | "KEYSTORE_ACCESS_FAILED";

/** Errors of key stores. */
export const keystoreErrors: ErrorTable<KeystoreCode> = errorTable({
  KEYSTORE_ID_WRONG: {
    ...user,
    http: 400,
    exit: exitCodes.usage,
    sentence: "A key's id is 1 to 64 of a-z, 0-9 and -",
    advice: "Use another id",
  },
  KEYSTORE_KEY_EXISTS: {
    ...user,
    http: 409,
    sentence: "There is already a key with this id",
    advice: "Use it, or remove it first if nothing needs it any more",
  },
  KEYSTORE_KEY_MISSING: {
    ...user,
    sentence: "There is no key with this id",
    advice: "Check the folder of the key store; restore the key from a backup, or enrol again",
  },
  KEYSTORE_KEY_DAMAGED: {
    ...user,
    sentence: "The key file is not a PEM file with one PKCS #8 key of a known kind",
    advice: "Restore the key from a backup, or enrol again",
  },
  KEYSTORE_FILE_EXPOSED: {
    ...user,
    sentence: "Other users can read the key file, or change its folder",
    advice: "If nobody could have copied the key, set the file to mode 0600 and the folder to 0700; otherwise replace the key",
  },
  KEYSTORE_PASSWORD_MISSING: {
    ...user,
    sentence: "The key file is encrypted and no password was given",
    advice: "Give the file that holds the password (`--key-password-file`)",
  },
  KEYSTORE_PASSWORD_WRONG: {
    ...user,
    sentence: "The key file cannot be decrypted: the password is wrong, or the file is damaged",
    advice: "Check the password file; if it is right, restore the key from a backup",
  },
  KEYSTORE_KEY_UNENCRYPTED: {
    ...user,
    sentence: "The key file is not encrypted although a password was given",
    advice: "Encrypt it with `openssl pkcs8 -topk8 -v2 aes-256-cbc`, or give no password",
  },
  KEYSTORE_ENCRYPTION_UNSUPPORTED: {
    ...user,
    sentence: "A key of this kind cannot be kept in an encrypted file",
    advice: "Keep the keys without a password, on a disk that is encrypted",
  },
  KEYSTORE_ACCESS_FAILED: {
    ...user,
    blame: "system",
    retry: "later",
    sentence: "The key store cannot be read or written",
    advice: "Check the owner of the folder, the space on the disk and the file system",
  },
});
