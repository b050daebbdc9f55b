import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { acceptingContext, continuingContext, openPart, type Party, sealPart, withBody } from "@sealane/testkit";
import { type CborValue, concatBytes, decode, encode } from "@sealane/wire";
import { acceptMessage, decodeMessage } from "../../src/index.ts";
import { code, codeOf } from "../codes.ts";
import { makeWorlds, referring, renamed, toMallory } from "../mallory.ts";
import { begin, partiesOf, waysOf, wishOf } from "../ways.ts";

const worldOf = await makeWorlds();

const encryptedFirst = waysOf(
  ({ mechanism, form }) => !mechanism.broadcast && mechanism.anonymous !== "originator" && form !== "plain" && form !== "unsigned",
);

/** What a forwarded M1 is refused with: the signature covers the key that it was encrypted to, or the content names E. */
const forwarded: Readonly<Record<string, string>> = {
  "signed-transport": "CRYPTO_SIGNATURE_WRONG",
  "mutual-certified": "CRYPTO_SIGNATURE_WRONG",
  "recovered-transport": "LINK_RECIPIENT_WRONG",
  "signed-agreement": "LINK_RECIPIENT_WRONG",
  "mutual-nonce": "LINK_RECIPIENT_WRONG",
  "mutual-agreement": "LINK_RECIPIENT_WRONG",
};

describe("EQ1 EQ2 EQ4 EQ5 EQ7S EQ8 EQ11 EQ14 DIR: forwarding", () => {
  for (const way of encryptedFirst) {
    test(`${way.ids} DIR: a recipient cannot forward M1 under a new encryption (${way.title})`, async () => {
      const world = worldOf(way);
      const { to } = partiesOf(world, way);
      const { message } = await toMallory(world, way);
      const plaintext = await openPart(message, world.asRecipient);
      const forged = hintingAt(sealPart(message, { plaintext, to }), to);
      await assert.rejects(acceptMessage(acceptingContext(world, way.originator), forged), code(forwarded[way.mechanism.name] ?? ""));
      assert.equal(to.replay.entries.size, 0);
    });
  }
});

/** In an agreement the recipient's agreement key is hinted at as well, outside P_X. */
function hintingAt(message: Uint8Array, to: Party): Uint8Array {
  const { header, body } = decodeMessage(message);
  if (header.mechanism !== "signed-agreement" || to.self.role === "terminal") return message;
  const own = to.self.agreement.find(({ key }) => key.publicKey.kind === header.suite.agreement.keyKind) ?? assert.fail();
  return withBody(message, (body as readonly CborValue[]).with(0, own.certificate.thumbprint.subarray(0, 8)));
}

describe("EQ8 EQ14 DIR: Lowe's relay", () => {
  const ways = waysOf(
    ({ mechanism, form }) => mechanism.name === "mutual-nonce" || (mechanism.name === "mutual-agreement" && form !== "unsigned"),
  );
  for (const way of ways) {
    test(`${way.ids} DIR: who is spoken to cannot speak to another in the originator's name (${way.title})`, async () => {
      const world = worldOf(way);
      const { from, to } = partiesOf(world, way);
      const { message, awaited } = await toMallory(world, way);
      const plaintext = await openPart(message, world.asRecipient);
      // E says to the recipient that the originator speaks to it: nothing in M1 is signed, so it is taken.
      const forged = sealPart(message, { plaintext: renamed(plaintext, "mallory", to.self.name), to });
      const accepted = await acceptMessage(acceptingContext(world, way.originator), forged);
      assert.ok(accepted.kind === "waiting");
      // The originator opens M2, which names the recipient in place of E.
      const near = continuingContext(world, wishOf(way));
      await assert.rejects(async () => await awaited.receive(near, accepted.reply), code("LINK_ANSWER_WRONG"));
      const relayed = referring(accepted.reply, awaited.reference);
      await assert.rejects(async () => await awaited.receive(near, relayed), code("LINK_ANSWER_WRONG"));
      // E cannot open it, and has nothing to end the recipient's wait with.
      await assert.rejects(openPart(accepted.reply, world.asRecipient), code("CRYPTO_OPEN_FAILED"));
      await assert.rejects(openPart(accepted.reply, world.asOriginator), code("CRYPTO_OPEN_FAILED"));
      assert.equal(accepted.awaited.claimedOriginator, from.self.name);
    });
  }

  for (const way of waysOf(({ mechanism }) => mechanism.name === "mutual-nonce")) {
    test(`EQ8 DIR: E cannot answer with its own name what only the recipient opened (${way.title})`, async () => {
      const world = worldOf(way);
      const { from } = partiesOf(world, way);
      const sent = await begin(world, way);
      assert.ok(sent.kind === "sent");
      const accepted = await acceptMessage(acceptingContext(world, way.originator), sent.message);
      assert.ok(accepted.kind === "waiting");
      const plaintext = await openPart(accepted.reply, from);
      // Whatever one field of M2 is changed to, the originator refuses it; M2 as it was is taken.
      const near = continuingContext(world, wishOf(way));
      const fields = decode(plaintext, plaintext.length) as readonly CborValue[];
      for (const [at, field] of fields.entries()) {
        if (at === fields.length - 1 || at === 4) continue; // the time, and k2, which the recipient chooses
        const other = typeof field === "string" ? "mallory" : changedValue(field);
        const forged = sealPart(accepted.reply, { plaintext: encode(fields.with(at, other)), to: from });
        assert.equal(await codeOf(() => sent.awaited.receive(near, forged)), "LINK_ANSWER_WRONG", `field ${at}`);
      }
      assert.equal(await codeOf(() => sent.awaited.receive(near, accepted.reply)), "accepted");
    });
  }
});

/** A byte string, or a credential, with its last byte changed. */
function changedValue(value: CborValue): CborValue {
  if (value instanceof Uint8Array) return concatBytes(value.subarray(0, -1), Uint8Array.of((value.at(-1) ?? 0) ^ 1));
  if (Array.isArray(value)) return (value as readonly CborValue[]).map((item) => (item instanceof Uint8Array ? changedValue(item) : item));
  return assert.fail("a field of another kind");
}
