import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { certificateChainCodec } from "@sealane/api";
import { formatTime } from "@sealane/cli";
import {
  maxCertificateBytes,
  maxChainCertificates,
  parseCertificate,
  pkiErrors,
  type TrustAnchor,
  trustAnchor,
  verifyCertificate,
  verifyIntermediate,
} from "@sealane/pki";
import { authorityFolder, serverFolder } from "@sealane/server";
import { decodeAs, hasCode, permissionDenied } from "@sealane/wire";
import { operatorFolder } from "../profile.ts";
import { type Finding, faultOf } from "./finding.ts";

/** A certificate that ends within so many days is named, though it is no fault yet. */
const soonDays = 30;
const daySeconds = 86_400;
const restoreAdvice = "Restore this file from a backup of its folder";
const maxChainBytes = maxChainCertificates * (maxCertificateBytes + 16);

/**
 * The certificates in this machine's folders, each proven below the root beside it: a finding for each that is not, or that ends soon; and
 * one for each folder whose certificates are all good.
 */
export async function ownCertificates(root: string, nowSeconds: number): Promise<readonly Finding[]> {
  const server = serverFolder(join(root, "server"));
  const operator = operatorFolder(root);
  const served = (await readdir(server.certificates).catch(() => [])).map((name) => join(server.certificates, name));
  const mine = [operator.publisherChain, operator.operatorChain];
  return [
    ...(await certificatesOf(server.root, { authority: server.authority, intermediate: server.issuer, chains: served }, nowSeconds)),
    ...(await certificatesOf(
      operator.root,
      { authority: operator.authority, intermediate: authorityFolder(operator.root).publishers, chains: mine },
      nowSeconds,
    )),
  ];
}

interface CertificateFiles {
  /** The root's own certificate. */
  readonly authority: string;
  readonly intermediate: string;
  readonly chains: readonly string[];
}

async function certificatesOf(folder: string, files: CertificateFiles, nowSeconds: number): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const ends: number[] = [];
  const look = async (path: string, endOf: (bytes: Uint8Array) => number): Promise<void> => {
    const check = `certificate: ${path}`;
    try {
      const notAfterSeconds = endOf(await readFile(path));
      ends.push(notAfterSeconds);
      const days = Math.floor((notAfterSeconds - nowSeconds) / daySeconds);
      if (days < soonDays) findings.push({ check, ok: true, found: `ends in ${days} days: ${formatTime(notAfterSeconds)}` });
    } catch (error) {
      const denied = permissionDenied(error, path);
      if (denied !== null) findings.push(faultOf(check, denied));
      else if (!isMissing(error)) findings.push({ ...faultOf(check, error), ...(isOver(error) ? {} : { advice: restoreAdvice }) });
    }
  };
  const anchors: TrustAnchor[] = [];
  await look(files.authority, (der) => {
    const anchor = trustAnchor(der);
    anchors.push(anchor);
    return anchor.certificate.notAfterSeconds;
  });
  for (const anchor of anchors) {
    await look(files.intermediate, (der) => verifyIntermediate(der, { anchor, nowSeconds }).notAfterSeconds);
    for (const path of files.chains) await look(path, (bytes) => endOfChain(bytes, anchor, nowSeconds));
  }
  if (ends.length === 0 || findings.length > 0) return findings;
  return [{ check: `certificates: ${folder}`, ok: true, found: `valid until ${formatTime(Math.min(...ends))}` }];
}

function endOfChain(bytes: Uint8Array, anchor: TrustAnchor, nowSeconds: number): number {
  const chain = decodeAs(certificateChainCodec, bytes, { maxBytes: maxChainBytes, what: "certificates" });
  const leaf = parseCertificate(chain[0] ?? new Uint8Array());
  if (leaf.kind !== "end entity") throw pkiErrors.error("PKI_PURPOSE_WRONG", { got: leaf.kind });
  return verifyCertificate({ chain, anchors: [anchor], purpose: leaf.purpose, nowSeconds }).notAfterSeconds;
}

/** One that ended is not damaged. */
function isOver(error: unknown): boolean {
  return hasCode(error, "PKI_CERTIFICATE_EXPIRED") || hasCode(error, "PKI_CERTIFICATE_NOT_YET_VALID");
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
