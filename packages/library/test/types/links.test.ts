import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type MechanismName as CoreName,
  type Role as CoreRole,
  type ThirdMode as CoreThirdMode,
  mechanisms as coreMechanisms,
} from "@sealane/link";
import {
  type AcceptedLink,
  type AnonymousParty,
  type AnsweredLink,
  anonymousMechanisms,
  broadcastMechanisms,
  type CompletedLink,
  type ConfidentialLink,
  type EstablishedLink,
  type Group,
  type GroupLink,
  type HeardBroadcast,
  type MechanismName,
  namedMechanisms,
  type OriginateOptions,
  type Party,
  type PublicLink,
  type ReceivedLink,
  type RepliedLink,
  type Role,
  type ThirdMode,
  type UnconfirmedLink,
  type WaitingLink,
} from "../../src/index.ts";

/** Compiles when both types are one. */
function same<A, B>(..._: [A] extends [B] ? ([B] extends [A] ? [] : [never]) : [never]): void {}

/** Compiles and is never run. */
function compiles(_: (...given: never) => unknown): void {}

test("the mechanisms of the library are those of the link package, each once", () => {
  same<MechanismName, CoreName>();
  same<Role, CoreRole>();
  same<ThirdMode, CoreThirdMode>();
  // @ts-expect-error the check itself tells two types apart
  same<MechanismName, "signed-transport">();
  const offered = [...namedMechanisms, ...anonymousMechanisms, ...broadcastMechanisms];
  assert.deepEqual([...offered].sort(), Object.keys(coreMechanisms).sort());
  for (const { name, broadcast, anonymous } of Object.values(coreMechanisms)) {
    assert.equal(
      broadcast,
      broadcastMechanisms.some((each) => each === name),
    );
    assert.equal(
      anonymous === "originator",
      anonymousMechanisms.some((each) => each === name),
    );
  }
});

test("EQ3: a public link does not fit where a confidential one is asked for, nor does any link whose peer is unproven", () => {
  const takesConfidential = (_: ConfidentialLink): void => {};
  compiles((open: PublicLink, group: GroupLink, unconfirmed: UnconfirmedLink, fleet: Group) => {
    // @ts-expect-error its key is known to everybody
    takesConfidential(open);
    // @ts-expect-error it has no records, which a member could forge
    takesConfidential(group);
    // @ts-expect-error its peer has not proved anything
    takesConfidential(unconfirmed);
    // @ts-expect-error a group's secret is given over a confidential link only
    fleet.admit(open);
    // @ts-expect-error no records
    open.seal(new Uint8Array(1));
    // @ts-expect-error nor the other way round
    const _: PublicLink = group;
  });
});

test("what comes back is typed by the mechanisms that may come", () => {
  same<AcceptedLink<"signed-transport" | "mutual-certified" | "anonymous-agreement">, AnsweredLink>();
  same<AcceptedLink<"mutual-nonce" | "mutual-agreement">, WaitingLink>();
  same<AcceptedLink<"open-broadcast">, HeardBroadcast<PublicLink>>();
  same<ReceivedLink<"mutual-agreement">, RepliedLink<UnconfirmedLink> | CompletedLink>();
  same<ReceivedLink<"mutual-nonce">, RepliedLink<ConfidentialLink> | CompletedLink>();
  compiles(async (party: Party, somebody: AnonymousParty, bytes: Uint8Array, given: readonly MechanismName[]) => {
    const byDefault = await party.accept(bytes);
    same<typeof byDefault, AnsweredLink>();
    const established = await party.receive(bytes, {});
    same<typeof established, EstablishedLink>();
    const either = await party.accept(bytes, { mechanisms: ["signed-transport", "mutual-nonce"] });
    same<typeof either, AnsweredLink | WaitingLink>();
    const any = await party.accept(bytes, { mechanisms: given });
    same<typeof any, AcceptedLink<MechanismName>>();
    const heard = await somebody.accept(bytes);
    same<typeof heard, HeardBroadcast<PublicLink>>();
  });
});

test("options that a mechanism does not have are refused by the compiler", () => {
  // @ts-expect-error only mutual-certified has two ways
  const twoWay: OriginateOptions = { twoWay: false };
  // @ts-expect-error its first message carries no licence
  const licence: OriginateOptions = { mechanism: "mutual-agreement", licence: new Uint8Array(1) };
  // @ts-expect-error a broadcast has no recipient
  const broadcast: OriginateOptions = { mechanism: "open-broadcast" };
  assert.deepEqual([twoWay, licence, broadcast].length, 3);
});
