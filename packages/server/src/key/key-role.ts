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

/** A terminal's decryption certificate, proven for now. Errors: those of `verifyCertificate`. */
export function decryptionCertificateOf(role: KeyRole, terminal: ActiveTerminal): VerifiedCertificate {
  const { name, decryptionChain: chain } = terminal;
  return verifyCertificate({ chain, name, anchors: [role.anchor], purpose: "terminal-decrypt", nowSeconds: role.now() });
}
