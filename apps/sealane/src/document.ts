import { open } from "node:fs/promises";
import { readSmallFile } from "@sealane/cli";
import { parseCertificate } from "@sealane/pki";
import { type ArtefactSummary, inspectArtefact, type Licence, parseLicence, parseRelease, type Release } from "@sealane/software";
import { SealaneError } from "@sealane/wire";
import { commandErrors } from "./errors.ts";

/** Anything that Sealane emits as a file, told apart by its content, with nothing proven. */
export type Document =
  | { readonly kind: "artefact"; readonly summary: ArtefactSummary }
  | { readonly kind: "licence"; readonly licence: Licence; readonly bytes: Uint8Array }
  | { readonly kind: "release"; readonly release: Release; readonly bytes: Uint8Array }
  | { readonly kind: "certificate"; readonly certificate: ReturnType<typeof parseCertificate>; readonly bytes: Uint8Array };

/** Licences, releases and certificates are far smaller. */
const maxSmallBytes = 65_536;
const artefactMark = new TextEncoder().encode("sealane-artefact-");

/** Reads a file and says what it is. Errors: VERIFY_KIND_UNKNOWN, ARTEFACT_*. */
export async function readDocument(path: string): Promise<Document> {
  if (await isArtefact(path)) return { kind: "artefact", summary: await inspectArtefact(path) };
  const bytes = await readSmallFile(path, { maxBytes: maxSmallBytes, mayAsk: false, what: "the file" }).catch((cause: unknown) => {
    throw cause instanceof SealaneError ? commandErrors.error("VERIFY_KIND_UNKNOWN", { path }, cause) : cause;
  });
  const readers: readonly (() => Document)[] = [
    () => ({ kind: "licence", licence: parseLicence(bytes).licence, bytes }),
    () => ({ kind: "release", release: parseRelease(bytes).release, bytes }),
    () => ({ kind: "certificate", certificate: parseCertificate(bytes), bytes }),
  ];
  for (const read of readers) {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof SealaneError)) throw error;
    }
  }
  throw commandErrors.error("VERIFY_KIND_UNKNOWN", { path });
}

async function isArtefact(path: string): Promise<boolean> {
  const file = await open(path, "r");
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(artefactMark.length + 2), 0, artefactMark.length + 2, 0);
    return Buffer.from(buffer.buffer, 0, bytesRead).includes(artefactMark);
  } finally {
    await file.close();
  }
}
