import assert from "node:assert/strict";
import { headerLabel, parseSign1, requireBytes, sign1 } from "@sealane/cose";
import { type SigningKey, suites } from "@sealane/crypto";
import { makePair, makeParty, originatorContext, type Pair, type Party, withBody } from "@sealane/testkit";
import { type CborMap, type CborValue, decode, encode } from "@sealane/wire";
import { type AwaitedReply, type CertifiedKey, decodeMessage, otherRole, type Role } from "../src/index.ts";
import { partiesOf, type Way } from "./ways.ts";

/**
 * Attacks of a party with certificates of its own, E, that stands between two honest ones. In each, the honest originator speaks to
 * the recipient, or to E itself; E uses what it may open, copies the rest, and signs with its own key.
 */
export interface World extends Pair {
  /** E: of the recipient's role, so that it can be spoken to, and of the originator's, so that it can speak. */
  readonly asRecipient: Party;
  readonly asOriginator: Party;
}

/** A world for each party that may originate. */
export async function makeWorlds(): Promise<(way: Way) => World> {
  const make = async (originator: Role): Promise<World> => {
    const pair = await makePair(suites);
    const asOriginator = await makeParty(pair.authority, { name: "mallory", role: originator });
    const asRecipient = await makeParty(pair.authority, { name: "mallory", role: otherRole(originator) });
    for (const { known } of [pair.server, pair.terminal]) {
      known.push(asOriginator.signing, ...asOriginator.certificates, asRecipient.signing, ...asRecipient.certificates);
    }
    return { ...pair, asOriginator, asRecipient };
  };
  const worlds = { server: await make("server"), terminal: await make("terminal") };
  return ({ originator }) => worlds[originator];
}

/** M1 from the honest originator to E. */
export async function toMallory(world: World, way: Way): Promise<{ readonly message: Uint8Array; readonly awaited: AwaitedReply }> {
  const { from } = partiesOf(world, way);
  const { self, ...context } = originatorContext(from, world.asRecipient);
  const named = way.mechanism.anonymous === "originator" ? ({ name: null, role: way.originator } as const) : self;
  const sent = await way.mechanism.originate({ ...context, self: named }, { ...way.options, suite: way.suite });
  return sent.kind === "sent" ? sent : assert.fail();
}

/** An array with its items changed. */
export function changedItems(plaintext: Uint8Array, change: (items: readonly CborValue[]) => readonly CborValue[]): Uint8Array {
  const items = decode(plaintext, plaintext.length);
  return Array.isArray(items) ? encode(change(items as readonly CborValue[])) : assert.fail();
}

/** What a COSE_Sign1 with attached payload brings; nothing is proven. */
export function payloadOf(signature: CborValue | undefined): Uint8Array {
  return requireBytes(parseSign1(signature ?? null).rest[0]);
}

/** S_X(content) of an M1 by a key, whose protected header names the certificate (RFC 9360) or says something else of the signer. */
export async function signedBy(
  { key, certificate }: CertifiedKey<SigningKey>,
  input: { readonly payload: Uint8Array; readonly externalAad: Uint8Array; readonly protectedAlso?: CborMap },
): Promise<CborValue> {
  return await sign1(key, { protectedAlso: new Map([[headerLabel.x5t, [-16, certificate.thumbprint]]]), ...input });
}

/** The fields of an array that are one name, given another. */
export function renamed(plaintext: Uint8Array, from: string, to: string): Uint8Array {
  return changedItems(plaintext, (items) => items.map((item) => (item === from ? to : item)));
}

/** Puts another reference at the beginning of a later message. */
export function referring(message: Uint8Array, reference: Uint8Array): Uint8Array {
  const { body } = decodeMessage(message);
  return Array.isArray(body) ? withBody(message, (body as readonly CborValue[]).with(0, reference)) : assert.fail();
}
