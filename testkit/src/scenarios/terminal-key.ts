import { join } from "node:path";
import type { DecryptionKey } from "@sealane/crypto";
import { FileKeyStore } from "@sealane/keystore";
import { demand } from "./failure.ts";

/** The decryption key of a terminal, for whoever owns that terminal: an insider, or who looks for leaks. */
export async function decryptionKeyOf(terminalState: string): Promise<DecryptionKey> {
  const keys = new FileKeyStore(join(terminalState, "keys"));
  const id = (await keys.list()).find((name) => name.includes("decrypt"));
  demand(id !== undefined, "The terminal has no decryption key.");
  return await keys.decryptionKey(id);
}
