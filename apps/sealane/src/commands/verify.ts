import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { formatTable, outputOf, stateFolder } from "@sealane/cli";
import { parseCertificate, type TrustAnchor, trustAnchor, verifyCertificate, verifyIntermediate } from "@sealane/pki";
import { authorityFolder } from "@sealane/server";
import { verifyArtefactFile, verifyLicence, verifyRelease } from "@sealane/software";
import { equalBytes } from "@sealane/wire";
import type { Command } from "commander";
import { clockSeconds } from "../clock.ts";
import { type Document, readDocument } from "../document.ts";
import { commandErrors } from "../errors.ts";
import { operatorFolder } from "../profile.ts";
import { rowsOf } from "./inspect.ts";

/** `sealane verify FILE`: proves what can be proven of it here, and says what that was. */
export async function runVerify(file: string, command: Command): Promise<void> {
  const options = command.opts<{ authority?: string; state?: string }>();
  const document = await readDocument(file);
  const path = options.authority ?? operatorFolder(stateFolder("sealane", options.state)).authority;
  const trust = { anchor: () => anchorOf(path, options), issuers: () => issuersBeside(path) };
  const proven = await prove(file, document, trust);
  const rows = rowsOf(document);
  const fields = {
    kind: document.kind,
    verified: true,
    proven,
    ...Object.fromEntries(rows.map(([key, value]) => [key.replaceAll(" ", "_"), value])),
  };
  outputOf(command).result(fields, `${formatTable([document.kind, ""], rows)}\nVerified: ${proven}.`);
}

/** What is trusted, read when it is needed. */
interface Trust {
  readonly anchor: () => Promise<TrustAnchor>;
  /** Intermediate authorities that a certificate may be issued by. */
  readonly issuers: () => Promise<readonly Uint8Array[]>;
}

async function prove(file: string, document: Document, { anchor, issuers }: Trust): Promise<string> {
  const nowSeconds = clockSeconds();
  switch (document.kind) {
    case "artefact":
      await verifyArtefactFile(file);
      return "the bytes are those of this artefact id; who published it, its release or licence tells";
    case "licence": {
      const { recipient, models } = document.licence;
      const expected = recipient === "*" ? "anonymous" : recipient;
      const [model = "any"] = models;
      verifyLicence(document.bytes, { anchors: [await anchor()], nowSeconds, recipients: [expected], model });
      return "signed by a licence issuer of this CA, and valid now";
    }
    case "release":
      verifyRelease(document.bytes, { anchors: [await anchor()], nowSeconds });
      return "signed by a publisher of this CA";
    case "certificate": {
      const { certificate, bytes } = document;
      if (certificate.kind !== "end entity") {
        const known = await anchor();
        if (equalBytes(certificate.issuer, certificate.subject)) {
          trustAnchor(bytes, { fingerprint: known.thumbprint });
          return "the authority that is trusted here";
        }
        verifyIntermediate(bytes, { anchor: known, nowSeconds });
        return "an authority directly below the one that is trusted here, and valid now";
      }
      const chain = [bytes, ...(await issuers()).filter((der) => isIssuedBy(certificate, der))];
      verifyCertificate({ chain, anchors: [await anchor()], purpose: certificate.purpose, nowSeconds });
      return "issued by this CA, and valid now";
    }
    default:
      return document satisfies never;
  }
}

async function anchorOf(path: string, options: { readonly authority?: string }): Promise<TrustAnchor> {
  try {
    return trustAnchor(await readFile(path));
  } catch (cause) {
    if (options.authority !== undefined) throw cause;
    throw commandErrors.error("VERIFY_ANCHOR_MISSING", { path }, cause);
  }
}

/** The intermediate authorities beside a root's certificate: in the operator's folder those of publishers and of the server. */
async function issuersBeside(path: string): Promise<readonly Uint8Array[]> {
  const { publishers, issuer } = authorityFolder(dirname(path));
  const found = await Promise.all([publishers, issuer].map((each) => readFile(each).catch(() => null)));
  return found.filter((der) => der !== null);
}

function isIssuedBy({ issuer }: ReturnType<typeof parseCertificate>, der: Uint8Array): boolean {
  return equalBytes(parseCertificate(der).subject, issuer);
}
