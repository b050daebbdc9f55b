import { join } from "node:path";

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

/** The server's certified keys, each with one purpose; ids in the key store, and file names below `certificates`. */
export const certifiedKeys = ["server-sign", "server-decrypt", "licence-sign", "enrol-decrypt"] as const;
export type CertifiedKeyId = (typeof certifiedKeys)[number];

/** The id of the authority's key, which needs no certificate but its own. */
export const authorityKeyId = "authority";

/** The file of a certified key's chain. */
export function certificatePath(folder: ServerFolder, id: CertifiedKeyId): string {
  return join(folder.certificates, `${id}.cbor`);
}
