import { certificateChainCodec } from "@sealane/api";
import type { KeyKind, Randomness } from "@sealane/crypto";
import type { KeyStore } from "@sealane/keystore";
import type { Purpose } from "@sealane/pki";
import { type Authority, createAuthority, issueAuthority, issueCertificate } from "@sealane/pki/issue";
import { writeFileAtomic } from "@sealane/software";
import { encodeAs, type Name, parseName } from "@sealane/wire";
import { exists } from "../files.ts";
import { issuerKeyId, type ServerFolder } from "../layout.ts";
import { backdateSeconds, certificateLifeSeconds, intermediateLifeSeconds, rootLifeSeconds } from "../limits.ts";
import { type AuthorityFolder, issuerPurposes, operatorKeyId, publishersKeyId, publishersPurposes, rootKeyId } from "./layout.ts";

/** What authorities are made with. */
export interface Making {
  readonly store: KeyStore;
  /** Of the new keys. */
  readonly kind: KeyKind;
  /** The server's; authorities are named after it. */
  readonly name: Name;
  readonly nowSeconds: number;
  readonly random: Randomness;
}

/** Makes a root with its key in the operator's folder. Errors: KEYSTORE_*, FILE_WRITE_FAILED, PKI_*. */
export async function makeRoot(folder: AuthorityFolder, { store, kind, name, nowSeconds, random }: Making): Promise<Authority> {
  await store.generate(rootKeyId, kind, "sign");
  const key = await store.signingKey(rootKeyId);
  const validity = { notBeforeSeconds: nowSeconds - backdateSeconds, notAfterSeconds: nowSeconds + rootLifeSeconds };
  const certificate = await createAuthority({ name, key, ...validity, random });
  await writeFileAtomic(folder.authority, certificate);
  return { certificate, key };
}

/**
 * Makes what a root certifies in the operator's folder: the authority of publishers and the operator's own key. What is there stays, so
 * that an interrupted run can be repeated. Errors: KEYSTORE_*, FILE_WRITE_FAILED, PKI_*, SERVER_FILE_WRONG.
 */
export async function makeOperatorKeys(folder: AuthorityFolder, root: Authority, making: Making): Promise<void> {
  await makeIntermediate(folder.publishers, root, {
    ...making,
    id: publishersKeyId,
    commonName: `publishers of ${making.name}`,
    purposes: publishersPurposes,
  });
  if (await exists(folder.operatorChain)) return;
  const { store, kind, nowSeconds, random } = making;
  if (!(await store.has(operatorKeyId))) await store.generate(operatorKeyId, kind, "sign");
  const subject = { name: parseName(operatorKeyId), purpose: "order-sign", publicKey: await store.publicKey(operatorKeyId) } as const;
  const certificate = await issueCertificate({ authority: root, subject, ...oneYear(nowSeconds), random });
  await writeFileAtomic(folder.operatorChain, encodeAs(certificateChainCodec, [certificate]));
}

/** Makes a server's issuing key; one that is there stays. Errors: as {@link makeOperatorKeys}. */
export async function makeIssuer(folder: ServerFolder, root: Authority, making: Making): Promise<void> {
  const issuer = { id: issuerKeyId, commonName: `issuer of ${making.name}`, purposes: issuerPurposes };
  await makeIntermediate(folder.issuer, root, { ...making, ...issuer });
}

async function makeIntermediate(
  path: string,
  root: Authority,
  making: Making & { readonly id: string; readonly commonName: string; readonly purposes: readonly Purpose[] },
): Promise<void> {
  if (await exists(path)) return;
  const { store, kind, id, commonName, purposes, nowSeconds, random } = making;
  if (!(await store.has(id))) await store.generate(id, kind, "sign");
  const validity = { notBeforeSeconds: nowSeconds - backdateSeconds, notAfterSeconds: nowSeconds + intermediateLifeSeconds };
  const publicKey = await store.publicKey(id);
  await writeFileAtomic(path, await issueAuthority({ authority: root, commonName, publicKey, purposes, ...validity, random }));
}

/** Issues a certificate of one year below an intermediate, and gives its chain. Errors: those of `issueCertificate`. */
export async function issueOneYear(
  authority: Authority,
  input: Pick<Parameters<typeof issueCertificate>[0], "subject" | "random"> & { readonly nowSeconds: number },
): Promise<readonly Uint8Array[]> {
  const { subject, random, nowSeconds } = input;
  return [await issueCertificate({ authority, subject, random, ...oneYear(nowSeconds) }), authority.certificate];
}

function oneYear(nowSeconds: number): { readonly notBeforeSeconds: number; readonly notAfterSeconds: number } {
  return { notBeforeSeconds: nowSeconds - backdateSeconds, notAfterSeconds: nowSeconds + certificateLifeSeconds };
}
