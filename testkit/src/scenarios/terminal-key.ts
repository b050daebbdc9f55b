import { join } from "node:path";
import { type DecryptionKey, decryptionKindOf, type Suite } from "@sealane/crypto";
import { FileKeyStore } from "@sealane/keystore";
import { demand } from "./failure.ts";

/** A terminal's decryption key for a suite, for whoever owns that terminal: an insider, or who looks for leaks. */
export async function decryptionKeyOf(terminalState: string, suite: Suite): Promise<DecryptionKey> {
  const keys = new FileKeyStore(join(terminalState, "keys"));
  const id = (await keys.list()).find((name) => name.includes(`decrypt-${decryptionKindOf(suite)}-`));
  demand(id !== undefined, "The terminal has no decryption key.");
  return await keys.decryptionKey(id);
}
