import { readdir } from "node:fs/promises";
import { basename } from "node:path";
import { certificateChainCodec } from "@sealane/api";
import { type DecryptionKey, type PublicKey, type SigningKey, type Suite, suites } from "@sealane/crypto";
import { type CertifiedKey, maxCertificateBytes, maxChainLength, type Self } from "@sealane/link";
import { type Purpose, type TrustAnchor, type VerifiedCertificate, verifyCertificate } from "@sealane/pki";
import type { Authority } from "@sealane/pki/issue";
import { decodeAs, equalBytes, type Name } from "@sealane/wire";
import { loadAnchor, loadIntermediate, ofFile } from "./authority/load.ts";
import { serverErrors } from "./errors.ts";
import { accessing, readServerFile } from "./files.ts";
import { type CertifiedKeyId, certificatePath, enrolmentKeyId, issuerKeyId, linkKeyIds, type ServerFolder } from "./layout.ts";
import type { ServerKeys } from "./server-keys.ts";

/** What a role reads from the server's folder when it starts; each reads the private keys of its own work and no others. */

/** What is public of a server. */
export interface PublicIdentity {
  readonly anchor: TrustAnchor;
  readonly name: Name;
  /** One for each kind of key, in the order of the suites; the first signs what belongs to none. */
  readonly signing: readonly VerifiedCertificate[];
  readonly decryption: readonly VerifiedCertificate[];
  readonly agreement: readonly VerifiedCertificate[];
}

/** The key role's keys. */
export interface KeyRoleKeys {
  readonly anchor: TrustAnchor;
  readonly self: Self;
  readonly licenceSigner: CertifiedKey<SigningKey>;
}

/** The CA role's keys. */
export interface CaRoleKeys {
  /** The issuing key, an intermediate below the root. */
  readonly authority: Authority;
  readonly enrolment: CertifiedKey<DecryptionKey>;
  /** The server's first key that signs: by it terminals know that what they got is what was issued. */
  readonly confirming: CertifiedKey<SigningKey>;
}

/** What private keys are opened with. */
interface KeysNow {
  readonly keys: ServerKeys;
  readonly nowSeconds: number;
}

const maxChainBytes = maxChainLength * (maxCertificateBytes + 16);

/** Errors: SERVER_FILE_WRONG, PKI_*. */
export async function loadPublicIdentity(folder: ServerFolder, nowSeconds: number): Promise<PublicIdentity> {
  const anchor = await loadAnchor(folder.authority);
  const { signing, decryption, agreement } = linkKeyIds(await loadSuites(folder));
  const load = async (ids: readonly CertifiedKeyId[], purpose: Purpose): Promise<readonly VerifiedCertificate[]> =>
    await eachOf(ids, async (id) => await loadCertificate(folder, { id, purpose, anchor, nowSeconds }));
  const own = await load(signing, "server-sign");
  const [main] = own;
  if (main === undefined) throw serverErrors.error("SERVER_FILE_WRONG", { file: folder.certificates });
  return {
    anchor,
    name: main.name,
    signing: own,
    decryption: await load(decryption, "server-decrypt"),
    agreement: await load(agreement, "server-agree"),
  };
}

/** Errors: SERVER_FILE_WRONG, SERVER_KEY_MISMATCH, PKI_*, KEYSTORE_*. */
export async function loadKeyRoleKeys(folder: ServerFolder, { keys: { lasting: keys }, nowSeconds }: KeysNow): Promise<KeyRoleKeys> {
  const { anchor, name, signing, decryption, agreement } = await loadPublicIdentity(folder, nowSeconds);
  const licence = await loadCertificate(folder, { id: "licence-sign", purpose: "licence-sign", anchor, nowSeconds });
  return {
    anchor,
    self: {
      name,
      role: "server",
      signing: await eachOf(signing, async (each) => certified(await keys.signingKey(`server-sign-${each.publicKey.kind}`), each)),
      decryption: await eachOf(decryption, async (each) =>
        certified(await keys.decryptionKey(`server-decrypt-${each.publicKey.kind}`), each),
      ),
      agreement: await eachOf(agreement, async (each) => certified(await keys.agreementKey(`server-agree-${each.publicKey.kind}`), each)),
    },
    licenceSigner: certified(await keys.signingKey("licence-sign"), licence),
  };
}

/** The suites whose keys a server's folder has certificates for. Error: SERVER_FILE_WRONG, also for one that serves none of them: others are gone. */
async function loadSuites(folder: ServerFolder): Promise<readonly Suite[]> {
  const held = new Set(await accessing(folder.certificates, () => readdir(folder.certificates)));
  const filesOf = (some: readonly Suite[]): readonly string[] => {
    const { signing, decryption, agreement } = linkKeyIds(some);
    return [...signing, ...decryption, ...agreement].map((id) => basename(certificatePath(folder, id)));
  };
  const whole = suites.filter((suite) => filesOf([suite]).every((file) => held.has(file)));
  const used = filesOf(whole);
  if (filesOf(suites).some((file) => held.has(file) && !used.includes(file))) {
    throw serverErrors.error("SERVER_FILE_WRONG", { file: folder.certificates });
  }
  return whole;
}

/** Errors: SERVER_FILE_WRONG, SERVER_KEY_MISMATCH, PKI_*, KEYSTORE_*. */
export async function loadCaRoleKeys(folder: ServerFolder, { keys, nowSeconds }: KeysNow): Promise<CaRoleKeys> {
  const anchor = await loadAnchor(folder.authority);
  const enrolment = await loadCertificate(folder, { id: enrolmentKeyId, purpose: "enrol-decrypt", anchor, nowSeconds });
  const { signing } = await loadPublicIdentity(folder, nowSeconds);
  const [main] = signing;
  if (main === undefined) throw serverErrors.error("SERVER_FILE_WRONG", { file: folder.certificates });
  return {
    authority: await loadIntermediate(folder.issuer, { store: keys.lasting, id: issuerKeyId, anchor, nowSeconds }),
    enrolment: certified(await keys.enrolment.decryptionKey(enrolmentKeyId), enrolment),
    confirming: certified(await keys.lasting.signingKey(`server-sign-${main.publicKey.kind}`), main),
  };
}

async function loadCertificate(
  folder: ServerFolder,
  wanted: { readonly id: CertifiedKeyId; readonly purpose: Purpose; readonly anchor: TrustAnchor; readonly nowSeconds: number },
): Promise<VerifiedCertificate> {
  const { id, purpose, anchor, nowSeconds } = wanted;
  const file = certificatePath(folder, id);
  const bytes = await readServerFile(file, maxChainBytes);
  return ofFile(file, () => {
    const chain = decodeAs(certificateChainCodec, bytes, { maxBytes: maxChainBytes, what: id });
    return verifyCertificate({ chain, anchors: [anchor], purpose, nowSeconds });
  });
}

/** One after the other, in order. */
async function eachOf<Id, T>(ids: readonly Id[], load: (id: Id) => Promise<T>): Promise<readonly T[]> {
  const loaded: T[] = [];
  for (const id of ids) loaded.push(await load(id));
  return loaded;
}

function certified<Key extends { readonly publicKey: PublicKey }>(key: Key, certificate: VerifiedCertificate): CertifiedKey<Key> {
  requireSame(key.publicKey, certificate.publicKey, certificate.purpose);
  return { key, certificate };
}

function requireSame(key: PublicKey, certificate: PublicKey, id: string): void {
  if (!equalBytes(key.spki, certificate.spki)) throw serverErrors.error("SERVER_KEY_MISMATCH", { id });
}
