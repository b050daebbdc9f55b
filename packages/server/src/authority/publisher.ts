import { type PublicKey, type Randomness, systemRandom } from "@sealane/crypto";
import type { Name } from "@sealane/wire";
import { openKeys, type PinInput } from "../server-keys.ts";
import { type AuthorityPlace, authorityFolderOf, publishersKeyId } from "./layout.ts";
import { loadAnchor, loadIntermediate } from "./load.ts";
import { issueOneYear } from "./make.ts";

export interface PublisherInput extends PinInput, AuthorityPlace {
  readonly name: Name;
  /** Of a key that was made where it is used; the server never holds the private half. */
  readonly publicKey: PublicKey;
  readonly nowSeconds: number;
  readonly random?: Randomness;
}

/**
 * Issues a `release-sign` certificate with the publishers' authority of the operator's folder: the chain, leaf first.
 * Errors: SERVER_FILE_WRONG, SERVER_KEY_MISMATCH, PKI_*, KEYSTORE_*.
 */
export async function issuePublisher(input: PublisherInput): Promise<readonly Uint8Array[]> {
  const { name, publicKey, nowSeconds, random = systemRandom } = input;
  const folder = authorityFolderOf(input);
  await using keys = await openKeys(folder, input);
  const anchor = await loadAnchor(folder.authority);
  const authority = await loadIntermediate(folder.publishers, { store: keys.store, id: publishersKeyId, anchor, nowSeconds });
  return await issueOneYear(authority, { subject: { name, purpose: "release-sign", publicKey }, nowSeconds, random });
}
