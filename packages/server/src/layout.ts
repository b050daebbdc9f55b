import { join } from "node:path";
import { type KeyKind, type KeyPurpose, keyKindsOf, type Suite } from "@sealane/crypto";
import type { Purpose } from "@sealane/pki";

/** Where everything stands in a server's folder. The folder is 0700; keys, storage key and database are 0600. */
export interface ServerFolder {
  readonly root: string;
  /** Private keys (FileKeyStore). */
  readonly keys: string;
  /** The `pkcs11:` URI of the token that has the private keys but that of enrolment; missing where all are files. */
  readonly token: string;
  /** One file for each certified key: its chain, leaf first, as a CBOR array of DER certificates. */
  readonly certificates: string;
  /** The root's certificate, DER: what terminals trust. Its key is not here. */
  readonly authority: string;
  /** The certificate of the issuing key, DER: an intermediate authority below the root. */
  readonly issuer: string;
  /** 32 bytes under which secrets in the database are sealed. */
  readonly storageKey: string;
  /** The key of the period of now, which is replaced when that is over (RowKeys): never in a backup. */
  readonly rowKey: string;
  readonly database: string;
  /** Sealed artefacts: all that the download role needs. */
  readonly artefacts: string;
}

/** The paths in a server's folder. */
export function serverFolder(root: string): ServerFolder {
  return {
    root,
    keys: join(root, "keys"),
    token: join(root, "token.uri"),
    certificates: join(root, "certificates"),
    authority: join(root, "authority.der"),
    issuer: join(root, "issuer.der"),
    storageKey: join(root, "storage.key"),
    rowKey: join(root, "row.key"),
    database: join(root, "data.sqlite"),
    artefacts: join(root, "artefacts"),
  };
}

/** Ids of the server's certified keys in the key store; also file names below `certificates`. Those of links have one for each kind of key. */
export type CertifiedKeyId = "licence-sign" | "enrol-decrypt" | LinkKeyId;
type LinkKeyId = `${LinkPurpose}-${KeyKind}`;
type LinkPurpose = "server-sign" | "server-decrypt" | "server-agree";

/** A certified key: what it is for, and of what kind it is. */
export interface CertifiedKeyPlan {
  readonly id: CertifiedKeyId;
  readonly purpose: Purpose;
  readonly kind: KeyKind;
  /** What the key itself does. */
  readonly use: KeyPurpose;
}

/** The ids of the keys for links, by purpose, in the order of the suites. */
export interface LinkKeyIds {
  readonly signing: readonly LinkKeyId[];
  readonly decryption: readonly LinkKeyId[];
  readonly agreement: readonly LinkKeyId[];
}

/** The ids of the keys that links of some suites need. */
export function linkKeyIds(suites: readonly Suite[]): LinkKeyIds {
  const kinds = keyKindsOf(suites);
  return {
    signing: kinds.signing.map((kind) => `server-sign-${kind}` as const),
    decryption: kinds.decryption.map((kind) => `server-decrypt-${kind}` as const),
    agreement: kinds.agreement.map((kind) => `server-agree-${kind}` as const),
  };
}

/** All certified keys of a server of some suites. */
export function certifiedKeyPlans(suites: readonly Suite[]): readonly CertifiedKeyPlan[] {
  const kinds = keyKindsOf(suites);
  const linkKeys = (purpose: LinkPurpose, use: KeyPurpose, of: readonly KeyKind[]): readonly CertifiedKeyPlan[] =>
    of.map((kind) => ({ id: `${purpose}-${kind}` as const, purpose, kind, use }));
  return [
    ...linkKeys("server-sign", "sign", kinds.signing),
    ...linkKeys("server-decrypt", "decrypt", kinds.decryption),
    ...linkKeys("server-agree", "agree", kinds.agreement),
    { id: "licence-sign", purpose: "licence-sign", kind: lastingKind(suites), use: "sign" },
    { id: enrolmentKeyId, purpose: "enrol-decrypt", kind: "x-wing", use: "decrypt" },
  ];
}

/**
 * The kind of the keys whose signatures outlive a link, those of the authorities and of licences: with the suite `pq` ML-DSA-65, for else its
 * promise would not hold; P-256 where no suite has another key that certificates are signed with; otherwise Ed25519.
 */
export function lastingKind(suites: readonly Suite[]): KeyKind {
  const { signing } = keyKindsOf(suites);
  if (signing.includes("ml-dsa-65")) return "ml-dsa-65";
  return signing.includes("p256") && !signing.includes("ed25519") ? "p256" : "ed25519";
}

/** The id of the key that issues certificates. */
export const issuerKeyId = "issuer";

/** The id of the key that enrolment requests are encrypted to. */
export const enrolmentKeyId = "enrol-decrypt";

/** The file of a certified key's chain. */
export function certificatePath(folder: ServerFolder, id: CertifiedKeyId): string {
  return join(folder.certificates, `${id}.cbor`);
}
