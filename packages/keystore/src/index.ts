export { type KeystoreCode, keystoreErrors } from "./errors.ts";
export { FileKeyStore, type FileKeyStoreOptions } from "./file-key-store.ts";
export type { KeyStore } from "./key-store.ts";
export { maxPinBytes, maxTokenUriLength } from "./limits.ts";
export { openPkcs11Key, openPkcs11KeyStore, type Pkcs11Key, type Pkcs11Options } from "./pkcs11/open.ts";
export type { AskPin } from "./pkcs11/pin.ts";
export type { Pkcs11KeyStore } from "./pkcs11/pkcs11-key-store.ts";
export type { TokenKey } from "./pkcs11/token-key.ts";
export { type KeySelector, type Pkcs11Uri, parsePkcs11Uri, type TokenSelector, withOwnName } from "./pkcs11/uri.ts";
