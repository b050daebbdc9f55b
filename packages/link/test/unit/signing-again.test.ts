import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { headerLabel, parseSign1, sign1 } from "@sealane/cose";
import { suites } from "@sealane/crypto";
import { credentialCodec, credentialOf } from "@sealane/pki";
import {
  acceptingContext,
  continuingContext,
  externalAadOf,
  headerOf,
  makeGroup,
  openPart,
  recipientContext,
  sealPart,
  withBody,
} from "@sealane/testkit";
import { type CborMap, type CborValue, decode, encode } from "@sealane/wire";
import { acceptMessage, ConfidentialLink, decodeMessage, mainSigning, referenceOf } from "../../src/index.ts";
import { ownSigning } from "../../src/parties.ts";
import { code, codeOf } from "../codes.ts";
import { changedItems, makeWorlds, payloadOf, referring, signedBy } from "../mallory.ts";
import { begin, partiesOf, waysOf, wishOf } from "../ways.ts";

const worldOf = await makeWorlds();

describe("EQ4 EQ7S EQ11 DIR: strip and sign again", () => {
  for (const way of waysOf(({ mechanism }) => mechanism.name === "mutual-certified")) {
    test(`EQ11 DIR: a copied P_B under E's signature is refused (${way.title})`, async () => {
      const world = worldOf(way);
      const { to } = partiesOf(world, way);
      to.replay.entries.clear();
      const { message } = await begin(world, way);
      const { body } = decodeMessage(message);
      const [claims, encrypted] = body as readonly (readonly CborValue[])[];
      const mine = credentialCodec.toCbor(credentialOf(world.asOriginator.signing));
      const forgedClaims = (claims ?? []).with(0, "mallory").with(1, mine);
      const own = to.self.decryption.find(({ key }) => key.publicKey.kind === way.suite.encryption.keyKind) ?? assert.fail();
      const payload = encode([forgedClaims, encrypted ?? [], credentialCodec.toCbor(credentialOf(own.certificate))]);
      const signature = await sign1(mainSigning(world.asOriginator.self).key, {
        payload,
        detached: true,
        externalAad: externalAadOf(message),
      });
      const forged = withBody(message, [forgedClaims, encrypted ?? [], signature]);
      assert.equal(await codeOf(() => acceptMessage(acceptingContext(world, way.originator), forged)), "LINK_PEER_WRONG");
      assert.equal(to.replay.entries.size, 0);
    });
  }

  for (const way of waysOf(({ form }) => form === "two-way")) {
    test(`EQ11 DIR: M2 under E's signature is refused, and M1 cannot be made one-way (${way.title})`, async () => {
      const world = worldOf(way);
      const { from, to } = partiesOf(world, way);
      const sent = await begin(world, way);
      assert.ok(sent.kind === "sent");
      const near = continuingContext(world, wishOf(way));
      const accepted = await acceptMessage(acceptingContext(world, way.originator), sent.message);
      assert.ok(accepted.kind === "answered");
      const mine = credentialCodec.toCbor(credentialOf(world.asRecipient.signing));
      const { chain } = world.asRecipient.signing;
      // P_A copied, whose certificates are the recipient's, and P_A of E's own making, in either name and with E's certificates.
      const ownParts = ["mallory", to.self.name].map((sender) =>
        sealPart(accepted.reply, { plaintext: encode([sender, new Uint8Array(32), chain, null]), to: from }),
      );
      for (const [copy, expected] of [
        [accepted.reply, "LINK_PEER_WRONG"],
        ...ownParts.map((part) => [part, "LINK_ANSWER_WRONG"] as const),
      ] as const) {
        const [reference = null, claims, encrypted = null] = decodeMessage(copy).body as readonly CborValue[];
        for (const name of ["mallory", to.self.name]) {
          const forgedClaims = (claims as readonly CborValue[]).with(0, name).with(1, mine);
          const signature = await sign1(mainSigning(world.asRecipient.self).key, {
            payload: encode([forgedClaims, encrypted]),
            detached: true,
            externalAad: externalAadOf(copy),
          });
          const forged = withBody(copy, [reference, forgedClaims, encrypted, signature]);
          assert.equal(await codeOf(() => sent.awaited.receive(near, forged)), expected);
        }
      }
      const [first] = decodeMessage(sent.message).body as readonly (readonly CborValue[])[];
      const flag = first?.lastIndexOf(true) ?? -1;
      assert.ok(flag > 0);
      const oneWay = withBody(sent.message, [
        (first ?? []).with(flag, false),
        ...(decodeMessage(sent.message).body as readonly CborValue[]).slice(1),
      ]);
      to.replay.entries.clear();
      assert.equal(await codeOf(() => acceptMessage(acceptingContext(world, way.originator), oneWay)), "CRYPTO_SIGNATURE_WRONG");
    });
  }

  for (const way of waysOf(({ mechanism, form }) => mechanism.name === "signed-agreement" && form === "plain")) {
    test(`${way.ids} DIR: E's signature under a copied value gives E no link, and the originator none with a wrong name (${way.title})`, async () => {
      const world = worldOf(way);
      const sent = await begin(world, way);
      assert.ok(sent.kind === "sent");
      const { body } = decodeMessage(sent.message);
      const [hint, mode, signature] = body as readonly CborValue[];
      const mine = credentialCodec.toCbor(credentialOf(world.asOriginator.signing));
      const payload = changedItems(payloadOf(signature), (fields) => fields.with(1, "mallory").with(2, mine));
      const again = await signedBy(mainSigning(world.asOriginator.self), { payload, externalAad: externalAadOf(sent.message) });
      const forged = withBody(sent.message, [hint ?? null, mode ?? null, again]);
      const accepted = await acceptMessage(acceptingContext(world, way.originator), forged);
      // It is E's link: the recipient says so. E does not know the secret behind the copied value, the originator another th.
      assert.ok(accepted.kind === "answered");
      assert.equal(accepted.link.peer, "mallory");
      const near = continuingContext(world, wishOf(way));
      assert.equal(await codeOf(() => sent.awaited.receive(near, accepted.reply)), "LINK_ANSWER_WRONG");
      const relayed = referring(accepted.reply, referenceOf(sent.message));
      assert.equal(await codeOf(() => sent.awaited.receive(near, relayed)), "LINK_ANSWER_WRONG");
      const honest = await acceptMessage(acceptingContext(world, way.originator), sent.message);
      assert.ok(honest.kind === "answered");
      const { link } = await sent.awaited.receive(near, honest.reply);
      assert.ok(link instanceof ConfidentialLink);
      const first = link.seal(new Uint8Array(0), near.freshness.nowSeconds);
      assert.throws(() => accepted.link.confirm(first, near.freshness.nowSeconds), code("LINK_RECORD_WRONG"));
      assert.notDeepEqual(accepted.link.id, honest.link.id);
    });

    test(`${way.ids} DIR: M1 in clear cannot be made one that is encrypted, and the reverse (${way.title})`, async () => {
      const world = worldOf(way);
      const { to } = partiesOf(world, way);
      to.replay.entries.clear();
      const other = waysOf(
        ({ mechanism, suite, originator, form }) =>
          mechanism === way.mechanism && suite === way.suite && originator === way.originator && form === "encrypted",
      );
      const [encryptedWay] = other;
      assert.ok(encryptedWay !== undefined && other.length === 1);
      const plain = await begin(world, way);
      const encrypted = await begin(world, encryptedWay);
      const [hint, , signature] = decodeMessage(plain.message).body as readonly CborValue[];
      const wrapped = sealPart(encrypted.message, { plaintext: encode(signature ?? null), to });
      const inClear = withBody(plain.message, [hint ?? null, "plain", decode(await openPart(encrypted.message, to), 50_000)]);
      for (const forged of [wrapped, inClear]) {
        assert.equal(await codeOf(() => acceptMessage(acceptingContext(world, way.originator), forged)), "LINK_RECIPIENT_WRONG");
      }
      assert.equal(headerOf(wrapped).mechanism, "signed-agreement");
      assert.equal(to.replay.entries.size, 0);
    });
  }
});

describe("EQ3 EQ4 EQ7S DIR: certificates taken from a message or put into it", () => {
  const ways = waysOf(({ mechanism, form }) => mechanism.broadcast || (mechanism.name === "signed-agreement" && form === "plain"), suites);
  for (const way of ways) {
    test(`${way.ids} DIR: whoever passes M1 on cannot take its certificates away, nor add some (${way.title})`, async () => {
      const world = worldOf(way);
      const { from, to } = partiesOf(world, way);
      to.replay.entries.clear();
      const { certificate } = ownSigning(from.self, way.suite);
      const group = makeGroup(way.suite);
      for (const sendCertificate of [true, false]) {
        const { message } = await begin(world, way, { group, options: { sendCertificate } });
        const other: CborMap = sendCertificate
          ? new Map([[headerLabel.x5t, [-16, certificate.thumbprint]]])
          : new Map([[headerLabel.x5chain, certificate.der]]);
        const { body } = decodeMessage(message);
        const items = body as readonly CborValue[];
        const isBroadcast = way.mechanism.broadcast;
        const signature = (isBroadcast ? items : items.at(-1)) as readonly CborValue[];
        const algorithm = parseSign1(signature).protectedHeader.get(headerLabel.alg) ?? null;
        const forgedSignature = signature.with(0, encode(new Map([[headerLabel.alg, algorithm], ...other])));
        const forged = withBody(message, isBroadcast ? forgedSignature : items.with(-1, forgedSignature));
        const context = { ...recipientContext(to, world.authority), groups: group.memberships };
        assert.equal(await codeOf(() => acceptMessage(context, forged)), "CRYPTO_SIGNATURE_WRONG");
      }
      assert.equal(to.replay.entries.size, 0);
    });
  }
});
