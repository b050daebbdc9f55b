import { type Secret, type Suite, suites } from "@sealane/crypto";
import { AwaitedAnswer } from "../answer.ts";
import type { AwaitedReply, AwaitedThird } from "../awaited.ts";
import { decodeMessage } from "../envelope.ts";
import { linkErrors } from "../errors.ts";
import { type MechanismName, type Role, roleNumbers } from "../labels.ts";
import type { AcceptedLink, Mechanism } from "../mechanism.ts";
import type { RecipientContext } from "../parties.ts";
import { kindOfState } from "../saved-state.ts";
import { acceptAnonymousAgreement, originateAnonymousAgreement } from "./anonymous-agreement.ts";
import { acceptAnonymousTransport, originateAnonymousTransport } from "./anonymous-transport.ts";
import { acceptGroupBroadcast, originateGroupBroadcast } from "./group-broadcast.ts";
import { AwaitedShare, AwaitedVoucher, acceptMutualAgreement, originateMutualAgreement } from "./mutual-agreement.ts";
import { AwaitedCertified, acceptMutualCertified, originateMutualCertified } from "./mutual-certified.ts";
import { AwaitedEcho, AwaitedProof, acceptMutualNonce, originateMutualNonce } from "./mutual-nonce.ts";
import { acceptOpenBroadcast, originateOpenBroadcast } from "./open-broadcast.ts";
import { acceptRecoveredTransport, originateRecoveredTransport } from "./recovered-transport.ts";
import { acceptSignedAgreement, originateSignedAgreement } from "./signed-agreement.ts";
import { acceptSignedTransport, originateSignedTransport } from "./signed-transport.ts";

const laterDecryption = "Nobody else can read it today; whoever obtains the decryption key of {recipient} later can read what was recorded";
const laterAgreement = "Nobody else can read it today; whoever obtains the agreement key of {recipient} later can read what was recorded";

const oneMessage = {
  messages: "M1, answer",
  grade: "confidential",
  anonymous: "no",
  broadcast: false,
  forwardSecret: "no",
  vouches: false,
} as const;

/** Every mechanism by name: the one list that services, commands and documents go by. */
export const mechanisms: Readonly<Record<MechanismName, Mechanism>> = {
  "signed-transport": {
    ...oneMessage,
    name: "signed-transport",
    equations: { server: "EQ1", terminal: "EQ5" },
    needs: { originator: ["sign"], recipient: ["decrypt"] },
    promise: "Only {originator} and {recipient} hold the key of this link, and {originator} signed that it is meant for {recipient}",
    readers: laterDecryption,
    originate: originateSignedTransport,
    accept: acceptSignedTransport,
  },
  "recovered-transport": {
    ...oneMessage,
    name: "recovered-transport",
    equations: { server: "EQ2", terminal: "EQ5" },
    needs: { originator: ["sign"], recipient: ["decrypt"] },
    promise: "Only {originator} and {recipient} hold the key of this link, and {originator} signed the key itself for {recipient}",
    readers: `${laterDecryption}; whoever is shown the signature as evidence learns the key`,
    originate: originateRecoveredTransport,
    accept: acceptRecoveredTransport,
  },
  "open-broadcast": {
    name: "open-broadcast",
    equations: { server: "EQ3", terminal: "EQ3" },
    messages: "M1",
    grade: "public",
    anonymous: "recipient",
    broadcast: true,
    forwardSecret: "no",
    vouches: false,
    needs: { originator: ["sign"], recipient: [] },
    promise: "{originator} signed this for everybody: it is authentic, and not secret",
    readers: "Everybody can read it",
    originate: originateOpenBroadcast,
    accept: acceptOpenBroadcast,
  },
  "group-broadcast": {
    name: "group-broadcast",
    equations: { server: "EQ4" },
    messages: "M1",
    grade: "confidential",
    anonymous: "recipient",
    broadcast: true,
    forwardSecret: "no",
    vouches: false,
    needs: { originator: ["sign"], recipient: ["group"] },
    promise: "Only {originator} and the members of the group's epoch hold the key, and {originator} signed this for them",
    readers: "Every member of the group can read it; so can whoever obtains the group's secret of this epoch later",
    originate: originateGroupBroadcast,
    accept: acceptGroupBroadcast,
  },
  "anonymous-transport": {
    ...oneMessage,
    name: "anonymous-transport",
    equations: { terminal: "EQ6" },
    anonymous: "originator",
    needs: { originator: [], recipient: ["decrypt"] },
    promise: "Only {recipient} and the party that began hold the key of this link; {recipient} does not learn who that is",
    readers: laterDecryption,
    originate: originateAnonymousTransport,
    accept: acceptAnonymousTransport,
  },
  "anonymous-agreement": {
    ...oneMessage,
    name: "anonymous-agreement",
    equations: { server: "EQ7", terminal: "EQ7" },
    anonymous: "originator",
    forwardSecret: "originator",
    needs: { originator: [], recipient: ["agree"] },
    promise: "Only {recipient} and the party that began hold the key of this link; {recipient} does not learn who that is",
    readers: laterAgreement,
    originate: originateAnonymousAgreement,
    accept: acceptAnonymousAgreement,
  },
  "signed-agreement": {
    ...oneMessage,
    name: "signed-agreement",
    equations: { server: "EQ4", terminal: "EQ7S" },
    forwardSecret: "originator",
    needs: { originator: ["sign"], recipient: ["agree"] },
    promise: "Only {originator} and {recipient} hold the key of this link, and {originator} signed that it is meant for {recipient}",
    readers: laterAgreement,
    originate: originateSignedAgreement,
    accept: acceptSignedAgreement,
  },
  "mutual-nonce": {
    name: "mutual-nonce",
    equations: { server: "EQ8", terminal: "EQ8" },
    messages: "M1, M2, M3",
    grade: "confidential",
    anonymous: "outsiders",
    broadcast: false,
    forwardSecret: "no",
    vouches: false,
    needs: { originator: ["decrypt"], recipient: ["decrypt"] },
    promise: "Only {originator} and {recipient} hold the key of this link, and each proved that it can open what is encrypted to it",
    readers: "Nobody else can read it today; whoever obtains a decryption key of either party later can read what was recorded",
    originate: originateMutualNonce,
    accept: acceptMutualNonce,
  },
  "mutual-certified": {
    ...oneMessage,
    name: "mutual-certified",
    equations: { server: "EQ11", terminal: "EQ11" },
    messages: "M1, answer or M2",
    needs: { originator: ["sign", "decrypt"], recipient: ["sign", "decrypt"] },
    promise:
      "Only {originator} and {recipient} hold the key of this link, and both signed that it is meant for the other; one way, {originator} alone",
    readers:
      "Nobody else can read it today; whoever obtains the decryption keys of both parties later can read what was recorded; one way, that of {recipient} is enough",
    originate: originateMutualCertified,
    accept: acceptMutualCertified,
  },
  "mutual-agreement": {
    name: "mutual-agreement",
    equations: { server: "EQ14", terminal: "EQ14" },
    messages: "M1, M2, M3",
    grade: "confidential",
    anonymous: "outsiders",
    broadcast: false,
    forwardSecret: "yes",
    vouches: true,
    needs: { originator: ["sign", "decrypt"], recipient: ["decrypt"] },
    promise: "Only {originator} and {recipient} hold the key of this link, made for it alone and of what both have erased",
    readers: "Nobody else can read it, today or later",
    originate: originateMutualAgreement,
    accept: acceptMutualAgreement,
  },
};

/** One way to establish a link: what may be asked for, offered and delivered. */
export interface Triple {
  readonly mechanism: Mechanism;
  readonly suite: Suite;
  readonly originator: Role;
}

/** The allowed triples, in the order in which they are shown: every mechanism on every suite or on some, from the parties that make sense. */
export function allowedTriples(among: readonly Suite[] = suites): readonly Triple[] {
  const roles = Object.keys(roleNumbers) as Role[];
  return Object.values(mechanisms).flatMap((mechanism) =>
    among.flatMap((suite) =>
      roles.filter((originator) => mechanism.equations[originator] !== undefined).map((originator) => ({ mechanism, suite, originator })),
    ),
  );
}

/** The mechanism of a name. Error: LINK_MECHANISM_UNKNOWN. */
export function mechanismNamed(name: string): Mechanism {
  const found = Object.values(mechanisms).find((mechanism) => mechanism.name === name);
  if (found === undefined) throw linkErrors.error("LINK_MECHANISM_UNKNOWN", { mechanism: name });
  return found;
}

/**
 * Accepts the first message of a mechanism.
 * Errors: those of `decodeMessage` and of the mechanism's `accept`; LINK_MECHANISM_UNKNOWN from a party that may not originate it.
 */
export async function acceptMessage(context: RecipientContext, bytes: Uint8Array): Promise<AcceptedLink> {
  const message = decodeMessage(bytes);
  const { name, equations, accept } = mechanisms[message.header.mechanism];
  if (equations[message.header.sender] === undefined) throw linkErrors.error("LINK_MECHANISM_UNKNOWN", { mechanism: name });
  return await accept(context, message);
}

type Saved = Secret<"saved pending link">;

const replies: ReadonlyMap<string, (saved: Saved) => AwaitedReply> = new Map<string, (saved: Saved) => AwaitedReply>([
  [AwaitedAnswer.kind, AwaitedAnswer.load],
  [AwaitedEcho.kind, AwaitedEcho.load],
  [AwaitedCertified.kind, AwaitedCertified.load],
  [AwaitedShare.kind, AwaitedShare.load],
]);

const thirds: ReadonlyMap<string, (saved: Saved) => AwaitedThird> = new Map<string, (saved: Saved) => AwaitedThird>([
  [AwaitedProof.kind, AwaitedProof.load],
  [AwaitedVoucher.kind, AwaitedVoucher.load],
]);

/** Reads the saved wait of an originator, in this process or another. Error: LINK_STATE_WRONG. */
export function loadAwaitedReply(saved: Saved): AwaitedReply {
  return loadBy(replies, saved);
}

/** Reads the saved wait of a recipient, in this process or another. Error: LINK_STATE_WRONG. */
export function loadAwaitedThird(saved: Saved): AwaitedThird {
  return loadBy(thirds, saved);
}

function loadBy<T>(loaders: ReadonlyMap<string, (saved: Saved) => T>, saved: Saved): T {
  const load = loaders.get(kindOfState(saved));
  if (load === undefined) throw linkErrors.error("LINK_STATE_WRONG");
  return load(saved);
}
