import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Randomness, systemRandom } from "@sealane/crypto";
import { FileKeyStore } from "@sealane/keystore";
import { maxCertificateBytes, type TrustAnchor } from "@sealane/pki";
import { syncFolder, writeFileAtomic } from "@sealane/software";
import { equalBytes, parseName } from "@sealane/wire";
import { serverErrors } from "../errors.ts";
import { accessing, exists, readServerFile } from "../files.ts";
import { type ServerFolder, serverFolder } from "../layout.ts";
import { maxRootKeyBytes } from "../limits.ts";
import { openKeys, type PinInput } from "../server-keys.ts";
import { type AuthorityFolder, type AuthorityPlace, authorityFolderOf, rootKeyId } from "./layout.ts";
import { loadAnchor, loadRoot } from "./load.ts";
import { makeIssuer, makeOperatorKeys } from "./make.ts";

/** Id of the root's key in the folder of a server that was made before roots left it. */
const formerRootKeyId = "authority";

/** What became of the root's key. */
export type RootMove = "was away" | "moved" | "stays in the token";

export interface MoveInput extends PinInput, AuthorityPlace {
  readonly nowSeconds: number;
  readonly random?: Randomness;
}

/**
 * Refuses a server's folder that still has the root's key, for whoever steals it could appoint publishers; and where certificates are to
 * be issued (`issues`) one that has no issuing key yet, because the root's is in its token. Error: SERVER_ROOT_KEY_HERE.
 */
export async function requireRootAway(folder: ServerFolder, { issues }: { readonly issues: boolean }): Promise<void> {
  const isOld = issues && (await exists(folder.authority)) && !(await exists(folder.issuer));
  if (isOld || (await exists(formerRootKeyFile(folder)))) throw serverErrors.error("SERVER_ROOT_KEY_HERE", { folder: folder.root });
}

/**
 * Takes the root's key out of the folder of a server that was made before there was an issuing key: copies it to the operator's folder,
 * makes there the publishers' authority and the operator's key and in the server's folder the issuing key, and removes the key from
 * there last. A run that was killed anywhere is repeated. A key in a token cannot be moved: it stays there, and is used no more.
 *
 * Errors: SERVER_FILE_WRONG, SERVER_OPERATOR_FOLDER_MISSING, SERVER_KEY_MISMATCH (another root's key is in the operator's folder),
 * FILE_WRITE_FAILED, PKI_*, KEYSTORE_*.
 */
export async function moveRoot(input: MoveInput): Promise<RootMove> {
  const { nowSeconds, random = systemRandom } = input;
  const server = serverFolder(input.folder);
  const former = formerRootKeyFile(server);
  const isHere = await exists(former);
  if (!isHere && (await exists(server.issuer))) return "was away";
  const operator = authorityFolderOf(input);
  if (input.operator === undefined && !(await exists(operator.root))) {
    throw serverErrors.error("SERVER_OPERATOR_FOLDER_MISSING", { folder: operator.root });
  }
  await accessing(operator.root, () => mkdir(operator.root, { recursive: true, mode: 0o700 }));
  const anchor = await loadAnchor(server.authority);
  await using keys = await openKeys(server, input);
  if (isHere) await copyRootKey(server, { operator, anchor });
  const files = new FileKeyStore(operator.keys);
  const place = isHere ? { store: files, id: rootKeyId } : { store: keys.store, id: formerRootKeyId };
  const root = await loadRoot(anchor, place);
  await writeSame(operator.authority, anchor.der);
  const { kind } = root.key.publicKey;
  const making = { kind, name: anchor.name ?? parseName("server"), nowSeconds, random };
  await makeOperatorKeys(operator, root, { ...making, store: files });
  await makeIssuer(server, root, { ...making, store: keys.store });
  await writeSame(operator.issuer, await readServerFile(server.issuer, maxCertificateBytes));
  for (const path of [operator.keys, operator.root, dirname(operator.root), server.keys, server.root]) await syncFolder(path);
  if (!isHere) return "stays in the token";
  await new FileKeyStore(server.keys).remove(formerRootKeyId);
  return "moved";
}

/** What was copied before stays: the one in the server's folder may be half removed. */
async function copyRootKey(server: ServerFolder, to: { readonly operator: AuthorityFolder; readonly anchor: TrustAnchor }): Promise<void> {
  const { operator, anchor } = to;
  if (await new FileKeyStore(operator.keys).has(rootKeyId)) return;
  await loadRoot(anchor, { store: new FileKeyStore(server.keys), id: formerRootKeyId });
  await accessing(operator.keys, () => mkdir(operator.keys, { recursive: true, mode: 0o700 }));
  const content = await readServerFile(formerRootKeyFile(server), maxRootKeyBytes);
  await writeFileAtomic(join(operator.keys, `${rootKeyId}.pem`), content, { mode: 0o600 });
  content.fill(0);
}

async function writeSame(path: string, bytes: Uint8Array): Promise<void> {
  if ((await exists(path)) && equalBytes(await readServerFile(path, maxCertificateBytes), bytes)) return;
  await writeFileAtomic(path, bytes);
}

function formerRootKeyFile({ keys }: ServerFolder): string {
  return join(keys, `${formerRootKeyId}.pem`);
}
