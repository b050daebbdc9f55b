import { decryptionKindOf, type MaybePromise, type Suite } from "@sealane/crypto";
import {
  type ContinueContext,
  defaultBroadcastSeconds,
  type FreshnessPolicy,
  linkErrors,
  type MessageHeader,
  maxLicenceBytes,
  type OriginatorContext,
  otherRole,
  type PeerDirectory,
  type RecipientContext,
  type Self,
  type Unnamed,
} from "@sealane/link";
import { type Credential, type Purpose, type TrustAnchor, type VerifiedCertificate, verifyCertificate } from "@sealane/pki";
import type { Thumbprint } from "@sealane/wire";
import type { Environment } from "../environment.ts";
import { broadcastMechanisms, type MechanismName, type ThirdMode } from "../mechanism.ts";
import { argumentWrong, requireBytes, requireMethods, requireSeconds, requireTrust } from "../own-arguments.ts";
import { type Challenge, openChallenge } from "./challenge.ts";
import { findMembership, type GroupMemberships } from "./group-memberships.ts";
import type { PendingState, PendingStates, ReplayCache } from "./stores.ts";

/** What every party needs, with a name or without. */
export interface CommonPartyOptions {
  /** The authorities whose certificates it accepts. */
  readonly trust: readonly TrustAnchor[];
  readonly replay: ReplayCache;
  readonly pending: PendingStates;
  readonly environment: Environment;
  /** Finds a certificate of a peer that does not send it, for signing or decryption; null for one that is not known. */
  readonly findCertificate?: (thumbprint: Thumbprint) => MaybePromise<VerifiedCertificate | null>;
  /** Age at which an interactive message is refused: 300 seconds unless told. */
  readonly windowSeconds?: number;
  /** What the clocks of two parties may differ by: 60 seconds unless told. */
  readonly toleranceSeconds?: number;
  /** Longest life of a message that waits in a store: a day unless told; 0 accepts none. */
  readonly storedSeconds?: number;
  /** Longest life of a broadcast: 30 minutes unless told; 0 accepts none. */
  readonly broadcastSeconds?: number;
}

/** A party as this package has it. */
export interface Own {
  readonly self: Self | Unnamed;
  readonly options: CommonPartyOptions;
}

/** Looks at what a party is made with, before anything is done with it. Error: LIBRARY_ARGUMENT_WRONG. */
export function requirePartyOptions(options: CommonPartyOptions): void {
  requireTrust(options.trust);
  requireMethods("replay", options.replay, ["insert"]);
  requireMethods("pending", options.pending, ["insert", "find", "remove"]);
  requireMethods("environment.clock", options.environment?.clock, ["nowSeconds"]);
  requireMethods("environment.random", options.environment?.random, ["bytes"]);
  for (const name of ["windowSeconds", "toleranceSeconds", "storedSeconds", "broadcastSeconds"] as const)
    requireSeconds(name, options[name], 0);
}

/** What M1 is made with. */
export function originatorContext({ self, options }: Own, to: readonly VerifiedCertificate[]): OriginatorContext {
  const { clock, random } = options.environment;
  return { self, recipient: to, nowSeconds: clock.nowSeconds(), random };
}

/** What M1 is accepted with. Error: LINK_CHALLENGE_WRONG. */
export function recipientContext(
  own: Own,
  header: MessageHeader,
  given: { readonly challenge?: Challenge; readonly groups?: GroupMemberships; readonly thirdModes?: readonly ThirdMode[] },
): RecipientContext {
  const { challenge, groups, thirdModes } = given;
  const { replay, storedSeconds, broadcastSeconds = defaultBroadcastSeconds } = own.options;
  const isBroadcast = broadcastMechanisms.some((name) => name === header.mechanism);
  const longestSeconds = isBroadcast ? broadcastSeconds : storedSeconds;
  const context = continueContext(own);
  return {
    ...context,
    freshness: {
      ...context.freshness,
      ...(longestSeconds === undefined ? {} : { storedSeconds: longestSeconds }),
      ...(challenge === undefined ? {} : { challenge: openChallenge(challenge) }),
    },
    replay: {
      insert({ mechanism, originator, nonce, rememberUntilSeconds }) {
        const sender = textOf(originator);
        return replay.insert({ key: `${mechanism} ${sender} ${nonce.toHex()}`, sender, rememberUntilSeconds });
      },
    },
    ...(groups === undefined ? {} : { groups: { find: (group) => findMembership(groups, group, header.suite) } }),
    ...(thirdModes === undefined ? {} : { thirdModes }),
  };
}

/** What M2, M3 or an answer is received with. */
export function continueContext({ self, options }: Own): ContinueContext {
  return { self, peers: peersOf(self, options), freshness: freshnessOf(options), random: options.environment.random };
}

/** Refuses a mechanism that this caller does not take. Error: LINK_MECHANISM_UNKNOWN. */
export function requireMechanism(mechanism: MechanismName, allowed: readonly MechanismName[]): void {
  if (!allowed.includes(mechanism)) throw linkErrors.error("LINK_MECHANISM_UNKNOWN", { mechanism });
}

/** Refuses a licence that no recipient would read. Error: LIBRARY_ARGUMENT_WRONG. */
export function requireLicence(licence: Uint8Array): void {
  requireBytes("licence", licence);
  if (licence.length < 1 || licence.length > maxLicenceBytes) throw argumentWrong("licence", `1 to ${maxLicenceBytes} bytes`);
}

/** Keeps a pending state. Errors: LINK_MESSAGE_REPLAYED, LINK_REPLAY_CACHE_FULL; what the store throws. */
export async function keepPending({ options }: Own, state: PendingState): Promise<void> {
  const inserted = await options.pending.insert(state);
  if (inserted === "seen") throw linkErrors.error("LINK_MESSAGE_REPLAYED");
  if (inserted === "full") throw linkErrors.error("LINK_REPLAY_CACHE_FULL");
}

/** Names a pending state: both parties' waits of one link have names of their own, so that one store may hold both. */
export function pendingReference(reference: Uint8Array, awaits: PendingState["awaits"]): string {
  return `${awaits}-${reference.toHex()}`;
}

function freshnessOf({ environment, windowSeconds, toleranceSeconds, storedSeconds }: CommonPartyOptions): FreshnessPolicy {
  return {
    nowSeconds: environment.clock.nowSeconds(),
    ...(windowSeconds === undefined ? {} : { windowSeconds }),
    ...(toleranceSeconds === undefined ? {} : { toleranceSeconds }),
    ...(storedSeconds === undefined ? {} : { storedSeconds }),
  };
}

function peersOf(self: Self | Unnamed, { trust: anchors, environment, findCertificate }: CommonPartyOptions): PeerDirectory {
  const find = async (credential: Credential): Promise<VerifiedCertificate | null> =>
    credential.kind === "certificate" ? ((await findCertificate?.(credential.thumbprint)) ?? null) : null;
  const verify = (chain: readonly Uint8Array[], purpose: Purpose): VerifiedCertificate =>
    verifyCertificate({ chain, anchors, purpose, nowSeconds: environment.clock.nowSeconds() });
  return {
    find,
    verify: (chain, role) => verify(chain, `${role}-sign`),
    async decryption({ credential, suite, chain }) {
      const purpose: Purpose = `${otherRole(self.role)}-decrypt`;
      const found = chain === null ? await find(credential) : verify(chain, purpose);
      return found !== null && found.purpose === purpose && servesSuite(found, suite) ? found : null;
    },
  };
}

function servesSuite({ publicKey }: VerifiedCertificate, suite: Suite): boolean {
  return publicKey.kind === decryptionKindOf(suite);
}

function textOf(credential: Credential): string {
  return credential.kind === "certificate" ? credential.thumbprint.toHex() : `spki-${credential.spkiDigest.toHex()}`;
}
