import { createSecureContext } from "node:tls";
import { serverErrors } from "../errors.ts";
import { readServerFile } from "../files.ts";

/** Where a TLS certificate with its issuers and its key stand, as PEM. */
export interface TlsFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

export interface TlsCertificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

const maxPemBytes = 65_536;

/** Reads both files and tries them together. Errors: SERVER_TLS_WRONG, SERVER_FILE_WRONG. */
export async function readCertificate({ certificateFile, keyFile }: TlsFiles): Promise<TlsCertificate> {
  const certificate = {
    cert: Buffer.from(await readServerFile(certificateFile, maxPemBytes)),
    key: Buffer.from(await readServerFile(keyFile, maxPemBytes)),
  };
  try {
    createSecureContext(certificate);
    return certificate;
  } catch {
    throw serverErrors.error("SERVER_TLS_WRONG"); // no cause: a parser's message may quote the key
  }
}
