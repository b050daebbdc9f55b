import type { DeliveryPolicy } from "@sealane/api";
import { cryptoErrors, decryptionKindOf, type Suite, strongestFirst, suitesOfKinds } from "@sealane/crypto";
import { suitesOf } from "@sealane/link";
import { parseCertificate, type VerifiedCertificate, verifyCertificate } from "@sealane/pki";
import type { KeyRoleKeys } from "../certified-keys.ts";
import type { ServerContext } from "../context.ts";
import type { KeyStores, Transactional } from "../storage/stores.ts";
import type { ActiveTerminal } from "../storage/terminals.ts";
import type { ChannelWaiters } from "./channel-waiters.ts";
import type { InboxWaiters } from "./inbox-waiters.ts";

/** Everything that the key role works with. */
export interface KeyRole extends ServerContext, KeyRoleKeys, Transactional<KeyStores> {
  readonly waiters: InboxWaiters;
  readonly listeners: ChannelWaiters;
  readonly policy: DeliveryPolicy;
}

/** A terminal's signing certificate, the one by which it is known unless told, proven for now. Errors: those of `verifyCertificate`. */
export function signingCertificateOf(
  role: KeyRole,
  { name, signingChain }: ActiveTerminal,
  chain: readonly Uint8Array[] = signingChain,
): VerifiedCertificate {
  return verifyCertificate({ chain, name, anchors: [role.anchor], purpose: "terminal-sign", nowSeconds: role.now() });
}

/** The strongest suite that this server and a terminal can take part in. Error: CRYPTO_SUITE_UNKNOWN. */
export async function strongestSuiteWith(role: KeyRole, { name, signingChain }: ActiveTerminal): Promise<Suite> {
  const [main] = signingChain;
  const theirs = await role.stores.terminals.kinds(name);
  const mainKind = main === undefined ? [] : [parseCertificate(main).publicKey.kind];
  const known = suitesOfKinds({ signing: [...mainKind, ...theirs.sign], decryption: theirs.decrypt, agreement: theirs.agree });
  const found = strongestFirst(suitesOf(role.self)).find((suite) => known.includes(suite));
  if (found === undefined) throw cryptoErrors.error("CRYPTO_SUITE_UNKNOWN", { suite: "", terminal: name });
  return found;
}

/**
 * A terminal's certificates for a suite, those for decryption and for agreement, proven for now: what M1 to it is made for.
 * Errors: CRYPTO_SUITE_UNKNOWN when it has none; those of `verifyCertificate`.
 */
export async function certificatesOf(role: KeyRole, terminal: ActiveTerminal, suite: Suite): Promise<readonly VerifiedCertificate[]> {
  const { name } = terminal;
  const wanted = [
    { purpose: "decrypt", kind: decryptionKindOf(suite) },
    { purpose: "agree", kind: suite.agreement.keyKind },
  ] as const;
  const found: VerifiedCertificate[] = [];
  for (const { purpose, kind } of wanted) {
    const chain = await role.stores.terminals.chain(name, { purpose, kind });
    if (chain === null) continue;
    const proven = { chain, name, anchors: [role.anchor], purpose: `terminal-${purpose}`, nowSeconds: role.now() } as const;
    found.push(verifyCertificate(proven));
  }
  if (found.length === 0) throw cryptoErrors.error("CRYPTO_SUITE_UNKNOWN", { suite: suite.name, terminal: name });
  return found;
}
