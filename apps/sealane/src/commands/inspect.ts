import { formatBytes, formatTable, formatTime, outputOf } from "@sealane/cli";
import { sha256 } from "@sealane/crypto";
import type { Licence, Release, SoftwareDescription } from "@sealane/software";
import type { Command } from "commander";
import { type Document, readDocument } from "../document.ts";

type Rows = readonly (readonly [string, string])[];

/** `sealane inspect FILE`: the public part, without any key and without judging it. */
export async function runInspect(file: string, command: Command): Promise<void> {
  const document = await readDocument(file);
  const rows = rowsOf(document);
  const fields = {
    kind: document.kind,
    verified: false,
    ...Object.fromEntries(rows.map(([key, value]) => [key.replaceAll(" ", "_"), value])),
  };
  outputOf(command).result(fields, `${formatTable([document.kind, ""], rows)}\nNothing of this was verified: see \`sealane verify\`.`);
}

/** The public part of a document as rows for people. */
export function rowsOf(document: Document): Rows {
  switch (document.kind) {
    case "artefact": {
      const { artefactId, plaintextBytes, segments, segmentBytes, fileBytes, overheadPercent, bodySha256 } = document.summary;
      return [
        ["artefact", artefactId.toHex()],
        ["plaintext", `${plaintextBytes} bytes (${formatBytes(plaintextBytes)})`],
        ["segments", `${segments} of ${segmentBytes} bytes`],
        ["file", `${fileBytes} bytes${overheadPercent === null ? "" : ` (${overheadPercent.toFixed(4)} % more)`}`],
        ["body sha256", bodySha256.toHex()],
      ];
    }
    case "licence":
      return licenceRows(document.licence);
    case "release":
      return releaseRows(document.release);
    case "certificate":
      return certificateRows(document);
    default:
      return document satisfies never;
  }
}

function softwareRows(software: SoftwareDescription): Rows {
  return [
    ["module", software.module],
    ["version", `${software.version} (sequence ${software.sequence})`],
    ["models", software.models.length === 0 ? "any" : software.models.join(", ")],
    ["class", software.softwareClass],
    ["installed as", software.entry === null ? software.format : `${software.format}, runs ${software.entry}`],
    ["artefact", software.artefactId.toHex()],
    ["size", `${software.plaintextBytes} bytes (${formatBytes(software.plaintextBytes)})`],
    ["sha256", software.sha256.toHex()],
  ];
}

function licenceRows(licence: Licence): Rows {
  return [
    ["issuer", licence.issuer],
    ["recipient", licence.recipient],
    ["valid from", formatTime(licence.notBeforeSeconds)],
    ["valid until", formatTime(licence.expiresAtSeconds)],
    ...softwareRows(licence),
    ["rights", licence.rights.length === 0 ? "none named" : licence.rights.join(", ")],
    ["copyright", licence.copyright ?? "not named"],
    ["licence id", licence.licenceId.toHex()],
  ];
}

function releaseRows(release: Release): Rows {
  return [
    ["publisher", release.publisher],
    ["published", formatTime(release.publishedAtSeconds)],
    ["grade", release.grade],
    ...softwareRows(release),
    ["lowest sequence to set back to", String(release.floorSequence)],
  ];
}

function certificateRows({ certificate, bytes }: Extract<Document, { kind: "certificate" }>): Rows {
  return [
    ["name", certificate.name ?? "not named"],
    ["purpose", certificate.kind === "end entity" ? certificate.purpose : "issues certificates"],
    ["valid from", formatTime(certificate.notBeforeSeconds)],
    ["valid until", formatTime(certificate.notAfterSeconds)],
    ["key", certificate.publicKey.kind],
    ["fingerprint", sha256(bytes).toHex()],
  ];
}
