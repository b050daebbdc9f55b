import { type PublicKey, type Randomness, systemRandom } from "@sealane/crypto";
import type { Name } from "@sealane/wire";
import { loadAuthority } from "./certified-keys.ts";
import { issueOneYear } from "./init.ts";
import { serverFolder } from "./layout.ts";
import { openServerKeys, type PinInput } from "./server-keys.ts";

export interface PublisherInput extends PinInput {
  /** The server's folder: whoever can use its authority's key may appoint publishers. */
  readonly folder: string;
  readonly name: Name;
  /** Of a key that was made where it is used; the server never holds the private half. */
  readonly publicKey: PublicKey;
  readonly nowSeconds: number;
  readonly random?: Randomness;
}

/**
 * Issues a `release-sign` certificate: the chain, leaf first.
 * Errors: SERVER_FILE_WRONG, SERVER_KEY_MISMATCH, PKI_*, KEYSTORE_*.
 */
export async function issuePublisher(input: PublisherInput): Promise<readonly Uint8Array[]> {
  const { name, publicKey, nowSeconds, random = systemRandom } = input;
  const folder = serverFolder(input.folder);
  await using keys = await openServerKeys(folder, input);
  const authority = await loadAuthority(folder, keys);
  return [await issueOneYear(authority, { subject: { name, purpose: "release-sign", publicKey }, nowSeconds, random })];
}
