import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "@sealane/software";
import { permissionDenied } from "@sealane/wire";
import { commandErrors } from "./errors.ts";

/** What an operator's machine knows of its server: `profile.json` and, apart from it, `operator.token` (0600). */
export interface Profile {
  readonly url: string;
  readonly serverName: string;
  /** SHA-256 of the CA certificate, lower-case hex. */
  readonly fingerprint: string;
  readonly publisher: string;
  /** `pkcs11:` URI of the token that has the publisher's key; a file unless told. */
  readonly publisherKey?: string;
}

/** The files of an operator's folder. */
export interface OperatorFolder {
  readonly root: string;
  readonly profile: string;
  readonly token: string;
  readonly keys: string;
  /** The publisher's release-sign certificate and its issuers: a CBOR array of DER. */
  readonly publisherChain: string;
  readonly authority: string;
  /** The operator's own order-sign certificate: a CBOR array of DER. */
  readonly operatorChain: string;
  /** `pkcs11:` URI of the token that has the operator's keys, where no file has. */
  readonly operatorToken: string;
  /** Artefacts being sealed; emptied at the next publish. */
  readonly sealing: string;
}

/** Id of the publisher's key in the operator's key store. */
export const publisherKeyId = "publisher";

/** Id of the key that signs orders, there too, and the name in its certificate. */
export const operatorKeyId = "operator";

export function operatorFolder(state: string): OperatorFolder {
  const root = join(state, "operator");
  return {
    root,
    profile: join(root, "profile.json"),
    token: join(root, "operator.token"),
    keys: join(root, "keys"),
    publisherChain: join(root, "publisher.cbor"),
    authority: join(root, "authority.der"),
    operatorChain: join(root, "operator.cbor"),
    operatorToken: join(root, "token.uri"),
    sealing: join(root, "sealing"),
  };
}

/** Reads the profile. Errors: PROFILE_MISSING, PROFILE_DAMAGED. */
export async function loadProfile(folder: OperatorFolder): Promise<Profile> {
  const text = await readOrMissing(folder.profile, folder.root);
  const value: unknown = parseJson(text, folder.profile);
  if (!isProfile(value)) throw commandErrors.error("PROFILE_DAMAGED", { path: folder.profile });
  return value;
}

export async function saveProfile(folder: OperatorFolder, profile: Profile): Promise<void> {
  await writeFileAtomic(folder.profile, new TextEncoder().encode(`${JSON.stringify(profile, null, 2)}\n`), { mode: 0o600 });
}

/** Reads the operator token. Error: PROFILE_MISSING. */
export async function loadOperatorToken(folder: OperatorFolder): Promise<string> {
  return (await readOrMissing(folder.token, folder.root)).trim();
}

export async function saveOperatorToken(folder: OperatorFolder, token: string): Promise<void> {
  await writeFileAtomic(folder.token, new TextEncoder().encode(`${token}\n`), { mode: 0o600 });
}

async function readOrMissing(path: string, root: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw permissionDenied(cause, path) ?? commandErrors.error("PROFILE_MISSING", { folder: root }, cause);
  }
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw commandErrors.error("PROFILE_DAMAGED", { path });
  }
}

function isProfile(value: unknown): value is Profile {
  if (typeof value !== "object" || value === null) return false;
  const texts = ["url", "serverName", "fingerprint", "publisher"];
  if ("publisherKey" in value && typeof value.publisherKey !== "string") return false;
  return texts.every((key) => key in value && typeof (value as Record<string, unknown>)[key] === "string");
}
