import { cryptoErrors, decryptionKindOf, type Suite } from "@sealane/crypto";
import { type VerifiedCertificate, verifyCertificate } from "@sealane/pki";
import type { KeyRoleKeys } from "../certified-keys.ts";
import type { ServerContext } from "../context.ts";
import type { KeyStores, Transactional } from "../storage/stores.ts";
import type { ActiveTerminal } from "../storage/terminals.ts";
import type { InboxWaiters } from "./inbox-waiters.ts";

/** Everything that the key role works with. */
export interface KeyRole extends ServerContext, KeyRoleKeys, Transactional<KeyStores> {
  readonly waiters: InboxWaiters;
}

/** A terminal's signing certificate, proven for now. Errors: those of `verifyCertificate`. */
export function signingCertificateOf(role: KeyRole, terminal: ActiveTerminal): VerifiedCertificate {
  const { name, signingChain: chain } = terminal;
  return verifyCertificate({ chain, name, anchors: [role.anchor], purpose: "terminal-sign", nowSeconds: role.now() });
}

/**
 * A terminal's decryption certificate for a suite, proven for now.
 * Errors: CRYPTO_SUITE_UNKNOWN when the terminal has none; those of `verifyCertificate`.
 */
export async function decryptionCertificateOf(role: KeyRole, terminal: ActiveTerminal, suite: Suite): Promise<VerifiedCertificate> {
  const { name } = terminal;
  const chain = await role.stores.terminals.decryptionChain(name, decryptionKindOf(suite));
  if (chain === null) throw cryptoErrors.error("CRYPTO_SUITE_UNKNOWN", { suite: suite.name, terminal: name });
  return verifyCertificate({ chain, name, anchors: [role.anchor], purpose: "terminal-decrypt", nowSeconds: role.now() });
}
