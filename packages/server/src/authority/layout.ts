import { dirname, join, resolve } from "node:path";
import type { Purpose } from "@sealane/pki";

/** Where the keys stand that decide who may do what: in the operator's folder, never in the server's. Keys are 0600. */
export interface AuthorityFolder {
  readonly root: string;
  /** Private keys (FileKeyStore). */
  readonly keys: string;
  /** The `pkcs11:` URI of the token that has them; missing where they are files. */
  readonly token: string;
  /** The root's own certificate, DER. */
  readonly authority: string;
  /** Certificate of the intermediate that certifies publishers, DER. */
  readonly publishers: string;
  /** Certificate of the server's issuing key, DER: a copy, by which a certificate of the server is verified here. */
  readonly issuer: string;
  /** The operator's `order-sign` certificate: a chain as a CBOR array of DER certificates. */
  readonly operatorChain: string;
}

/** The paths in an operator's folder. */
export function authorityFolder(root: string): AuthorityFolder {
  return {
    root,
    keys: join(root, "keys"),
    token: join(root, "token.uri"),
    authority: join(root, "authority.der"),
    publishers: join(root, "publishers.der"),
    issuer: join(root, "issuer.der"),
    operatorChain: join(root, "operator.cbor"),
  };
}

/** A server's folder and the operator's. */
export interface AuthorityPlace {
  /** The server's folder. */
  readonly folder: string;
  /** The operator's folder; default: `operator` beside the server's. */
  readonly operator?: string;
}

/** The operator's folder of a server. */
export function authorityFolderOf({ folder, operator }: AuthorityPlace): AuthorityFolder {
  return authorityFolder(resolve(operator ?? join(dirname(resolve(folder)), "operator")));
}

/** Ids of the keys in the operator's key store. */
export const rootKeyId = "root";
export const publishersKeyId = "publishers";
export const operatorKeyId = "operator";

/** What the server's issuing key may certify: everything but who releases software and who gives orders. */
export const issuerPurposes: readonly Purpose[] = [
  "terminal-sign",
  "terminal-decrypt",
  "terminal-agree",
  "server-sign",
  "server-decrypt",
  "server-agree",
  "licence-sign",
  "enrol-decrypt",
];

/** What the operator's intermediate may certify. */
export const publishersPurposes: readonly Purpose[] = ["release-sign"];
