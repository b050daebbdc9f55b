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
  | "KEYSTORE_ACCESS_FAILED"
  | "KEYSTORE_TOKEN_URI_WRONG"
  | "KEYSTORE_TOKEN_SUPPORT_MISSING"
  | "KEYSTORE_TOKEN_MODULE_WRONG"
  | "KEYSTORE_TOKEN_GONE"
  | "KEYSTORE_TOKEN_AMBIGUOUS"
  | "KEYSTORE_TOKEN_PIN_MISSING"
  | "KEYSTORE_TOKEN_PIN_FILE_WRONG"
  | "KEYSTORE_TOKEN_PIN_FILE_EXPOSED"
  | "KEYSTORE_TOKEN_PIN_WRONG"
  | "KEYSTORE_TOKEN_PIN_LOCKED"
  | "KEYSTORE_TOKEN_KIND_UNSUPPORTED"
  | "KEYSTORE_TOKEN_KEY_AMBIGUOUS"
  | "KEYSTORE_TOKEN_KEY_EXTRACTABLE"
  | "KEYSTORE_TOKEN_KEY_WRONG"
  | "KEYSTORE_TOKEN_FAILED";

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
  KEYSTORE_TOKEN_URI_WRONG: {
    ...user,
    http: 400,
    exit: exitCodes.usage,
    sentence: "The pkcs11: URI is not one that is understood here",
    advice: "Write pkcs11:token=LABEL;object=LABEL?module-path=/PATH&pin-source=file:/PATH; a PIN itself never stands in it",
  },
  KEYSTORE_TOKEN_SUPPORT_MISSING: {
    ...user,
    sentence: "Tokens cannot be used: the package pkcs11js is not installed or was not compiled",
    advice: "Install a C++ compiler, make and Python, then run `npm install pkcs11js` beside Sealane (`npm run tokens` in its repository)",
  },
  KEYSTORE_TOKEN_MODULE_WRONG: {
    ...user,
    sentence: "The token's PKCS #11 module was not named or cannot be loaded",
    advice: "Give the absolute path of the token maker's library as module-path in the URI",
  },
  KEYSTORE_TOKEN_GONE: {
    ...user,
    blame: "system",
    retry: "later",
    http: 503,
    exit: exitCodes.retryLater,
    sentence: "The token is not there: it was removed, or is another than the URI names",
    advice: "Plug the token in and try again; if it is there, compare its label and serial number with the URI",
  },
  KEYSTORE_TOKEN_AMBIGUOUS: {
    ...user,
    sentence: "Several tokens are meant by the URI",
    advice: "Name the one by its serial number (`serial=`)",
  },
  KEYSTORE_TOKEN_PIN_MISSING: {
    ...user,
    sentence: "The token asks for a PIN and none was given",
    advice: "Name the file that holds it (`pin-source=file:/PATH` in the URI), or run the command where it can ask",
  },
  KEYSTORE_TOKEN_PIN_FILE_WRONG: {
    ...user,
    sentence: "The file with the token's PIN cannot be read, or does not hold one line of text",
    advice: "Write the PIN alone into the file that the URI names",
  },
  KEYSTORE_TOKEN_PIN_FILE_EXPOSED: {
    ...user,
    sentence: "Other users can read the file with the token's PIN",
    advice: "If nobody could have read it, set it to mode 0600; otherwise change the token's PIN",
  },
  KEYSTORE_TOKEN_PIN_WRONG: {
    ...user,
    sentence: "The token refused the PIN; it was tried once, for tokens lock themselves after a few wrong ones",
    advice: "Give the right PIN and start again",
  },
  KEYSTORE_TOKEN_PIN_LOCKED: {
    ...user,
    sentence: "The token accepts no PIN any more: it is locked, expired or was never set",
    advice: "Unlock the token or set its PIN with its maker's tool",
  },
  KEYSTORE_TOKEN_KIND_UNSUPPORTED: {
    ...user,
    exit: exitCodes.incompatible,
    sentence: "The token has no keys of this kind, or cannot use them as asked",
    advice: "Choose suites whose keys the token has (`--suites p256` is the one that most have), or keep the keys in files",
  },
  KEYSTORE_TOKEN_KEY_AMBIGUOUS: {
    ...user,
    sentence: "Several keys of the token have this name",
    advice: "Rename the others with the token maker's tool",
  },
  KEYSTORE_TOKEN_KEY_EXTRACTABLE: {
    ...user,
    sentence: "The key could be read out of the token: it is not used",
    advice: "Make a new key in the token that is sensitive and not extractable",
  },
  KEYSTORE_TOKEN_KEY_WRONG: {
    ...user,
    sentence: "The key in the token is of no kind that is used here, or its public half is not in the token",
    advice: "Use a P-256, Ed25519 or X25519 key, or RSA or ffdhe of 2048, 3072 or 4096 bits, with its public key beside it",
  },
  KEYSTORE_TOKEN_FAILED: {
    ...user,
    blame: "system",
    retry: "later",
    http: 503,
    exit: exitCodes.retryLater,
    sentence: "The token or its PKCS #11 module failed",
    advice: "Look up the reason in the token maker's documentation; plug the token in again, or restart its service",
  },
});
