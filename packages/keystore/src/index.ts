export { type KeystoreCode, keystoreErrors } from "./errors.ts";
export { FileKeyStore, type FileKeyStoreOptions } from "./file-key-store.ts";
export type { KeyStore } from "./key-store.ts";
