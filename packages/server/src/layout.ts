import { join } from "node:path";
import type { KeyKind } from "@sealane/crypto";
import type { Purpose } from "@sealane/pki";

/** Where everything stands in a server's folder. The folder is 0700; keys, storage key and database are 0600. */
export interface ServerFolder {
  readonly root: string;
  /** Private keys (FileKeyStore). */
  readonly keys: string;
  /** One file for each certified key: its chain, leaf first, as a CBOR array of DER certificates. */
  readonly certificates: string;
  /** The authority's own certificate, DER. */
  readonly authority: string;
  /** 32 bytes under which secrets in the database are sealed. */
  readonly storageKey: string;
  readonly database: string;
  /** Sealed artefacts: all that the download role needs. */
  readonly artefacts: string;
}

/** The paths in a server's folder. */
export function serverFolder(root: string): ServerFolder {
  return {
    root,
    keys: join(root, "keys"),
    certificates: join(root, "certificates"),
    authority: join(root, "authority.der"),
    storageKey: join(root, "storage.key"),
    database: join(root, "data.sqlite"),
    artefacts: join(root, "artefacts"),
  };
}

/** Ids of the server's certified keys in the key store; also file names below `certificates`. */
export type CertifiedKeyId = "server-sign" | "licence-sign" | "enrol-decrypt" | ServerDecryptionKeyId;

/** Ids of its keys for links and content keys. */
export type ServerDecryptionKeyId = "server-decrypt-x-wing" | "server-decrypt-x25519";

/** What each certified key is for, and of what kind it is. */
export const certifiedKeys: Readonly<Record<CertifiedKeyId, { readonly purpose: Purpose; readonly kind: KeyKind }>> = {
  "server-sign": { purpose: "server-sign", kind: "ed25519" },
  "server-decrypt-x-wing": { purpose: "server-decrypt", kind: "x-wing" },
  "server-decrypt-x25519": { purpose: "server-decrypt", kind: "x25519" },
  "licence-sign": { purpose: "licence-sign", kind: "ed25519" },
  "enrol-decrypt": { purpose: "enrol-decrypt", kind: "x-wing" },
};

/** One for each kind of decryption key that suites use. */
export const serverDecryptionKeys: readonly ServerDecryptionKeyId[] = ["server-decrypt-x-wing", "server-decrypt-x25519"];

/** The id of the authority's key, which needs no certificate but its own. */
export const authorityKeyId = "authority";

/** The file of a certified key's chain. */
export function certificatePath(folder: ServerFolder, id: CertifiedKeyId): string {
  return join(folder.certificates, `${id}.cbor`);
}
