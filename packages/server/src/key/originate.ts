import { apiErrors, requireAllowed } from "@sealane/api";
import { type Suite, suiteNamed } from "@sealane/crypto";
import { defaultKeyLifeSeconds, defaultToleranceSeconds, linkErrors, type Mechanism, mechanismNamed } from "@sealane/link";
import type { ArtefactId, Name } from "@sealane/wire";
import { offerLifeSeconds } from "../limits.ts";
import type { NewInboxMessage } from "../storage/inbox.ts";
import type { PendingReply } from "../storage/pending-links.ts";
import type { ActiveTerminal } from "../storage/terminals.ts";
import { certificatesOf, type KeyRole, strongestSuiteWith } from "./key-role.ts";

/** What an operator asks for: a release of the module, offered to each terminal. */
export interface Offer {
  readonly terminals: readonly Name[];
  readonly module: string;
  readonly mechanism: string;
  /** Null: for each terminal the strongest that both can take part in. */
  readonly suite: string | null;
}

/**
 * Originates a link to each terminal (EQ1): M1 into its inbox, the pending state into the store, all of them or none.
 *
 * Errors: TERMINAL_UNKNOWN, RELEASE_UNKNOWN, LINK_MECHANISM_UNKNOWN, CRYPTO_SUITE_UNKNOWN (here or at the terminal), POLICY_REFUSED, SERVER_INBOX_FULL, PKI_* (an expired
 * certificate), STORE_*.
 */
export async function originateOffers(role: KeyRole, offer: Offer): Promise<void> {
  const mechanism = mechanismNamed(offer.mechanism);
  const isForOne = !mechanism.broadcast && mechanism.equations.server !== undefined;
  if (!isForOne) throw linkErrors.error("LINK_MECHANISM_UNKNOWN", { mechanism: mechanism.name, originator: "server" });
  const suite = offer.suite === null ? null : suiteNamed(offer.suite);
  const made: MadeOffer[] = [];
  try {
    for (const terminal of offer.terminals) made.push(await originate(role, { terminal, module: offer.module, mechanism, suite }));
    await role.atomically(async (stores) => {
      for (const { message, pending } of made) {
        await stores.pendingLinks.add(pending);
        await stores.inbox.add(message, role.now());
      }
    });
  } finally {
    for (const { pending } of made) pending.awaited[Symbol.dispose]();
  }
  for (const terminal of offer.terminals) role.waiters.wake(terminal);
}

export interface MadeOffer {
  readonly message: NewInboxMessage;
  readonly pending: PendingReply;
}

/**
 * Originates a link to one terminal, with an offer; without a module it calls the terminal to ask. Nothing is stored yet.
 * Errors: those of {@link originateOffers} but for SERVER_INBOX_FULL.
 */
export async function originate(
  role: KeyRole,
  offer: { readonly terminal: Name; readonly module: string | null; readonly mechanism: Mechanism; readonly suite: Suite | null },
): Promise<MadeOffer> {
  const { random, stores } = role;
  const nowSeconds = role.now();
  const terminal = await stores.terminals.find(offer.terminal);
  if (terminal === null) throw apiErrors.error("TERMINAL_UNKNOWN", { terminal: offer.terminal });
  const { mechanism, module } = offer;
  const artefactId = module === null ? null : await artefactFor(role, terminal, { module, mechanism });
  const suite = offer.suite ?? (await strongestSuiteWith(role, terminal));
  const recipient = await certificatesOf(role, terminal, suite);
  const expiresAtSeconds = nowSeconds + offerLifeSeconds;
  // The key's life begins when the message may be read last.
  const keyLifeSeconds = offerLifeSeconds + defaultKeyLifeSeconds;
  const self = mechanism.anonymous === "originator" ? ({ name: null, role: "server" } as const) : role.self;
  const sent = await mechanism.originate({ self, recipient, nowSeconds, random }, { suite, expiresAtSeconds, keyLifeSeconds });
  if (sent.kind === "broadcast") throw linkErrors.error("LINK_MECHANISM_UNKNOWN", { mechanism: mechanism.name });
  const { message, awaited } = sent;
  const { name, signingThumbprint } = terminal;
  return {
    message: { terminal: name, reference: awaited.reference, message, expiresAtSeconds },
    pending: {
      kind: "reply",
      awaited,
      owner: { name, signingThumbprint },
      artefactId,
      // A terminal whose clock is behind accepts it that much later, and its answer takes its way.
      expiresAtSeconds: expiresAtSeconds + 2 * defaultToleranceSeconds,
    },
  };
}

/** The newest release of a module for a terminal. Errors: RELEASE_UNKNOWN, POLICY_REFUSED. */
async function artefactFor(
  { stores, policy }: KeyRole,
  { name, model }: ActiveTerminal,
  { module, mechanism }: { readonly module: string; readonly mechanism: Mechanism },
): Promise<ArtefactId> {
  const [release] = await stores.releases.newest(model, { module, max: 1 });
  if (release === undefined) throw apiErrors.error("RELEASE_UNKNOWN", { terminal: name, module });
  const { softwareClass, artefactId } = release.description;
  requireAllowed(policy, { softwareClass, mechanism: mechanism.name });
  return artefactId;
}
