import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Suite, suites } from "@sealane/crypto";
import type { VerifiedCertificate } from "@sealane/pki";
import { acceptingContext, continuingContext, makeAuthority, makePair, makeParty, type Pair } from "@sealane/testkit";
import { parseName } from "@sealane/wire";
import {
  acceptMessage,
  type ContinueContext,
  loadAwaitedReply,
  loadAwaitedThird,
  maxLicenceBytes,
  maxMessageBytes,
  maxReleaseBytes,
  type PeerDirectory,
  type Self,
} from "../../src/index.ts";
import { maxStateBytes } from "../../src/limits.ts";
import { ownSigning } from "../../src/parties.ts";
import { codeOf } from "../codes.ts";
import { begin, run, thirdContent, type Way, waysOf, wishOf } from "../ways.ts";

/** The most that messages and states hold: names of 128 bytes, chains and licences as long as they may be. */
const longName = parseName("n".repeat(128));

/** Every certificate of a party with a chain of these sizes behind it; the names stay, for certificates prove them. */
function withChains(self: Self, bytes: readonly number[]): Self {
  const longer = (certificate: VerifiedCertificate): VerifiedCertificate => ({
    ...certificate,
    chain: [certificate.der, ...bytes.map((length) => new Uint8Array(length))],
  });
  return {
    ...self,
    signing: self.signing.map((own) => ({ ...own, certificate: longer(own.certificate) })),
    decryption: self.decryption.map((own) => ({ ...own, certificate: longer(own.certificate) })),
  };
}

/** A directory that takes any chain for the one of the certificate that it knows: what is measured is not what it would verify. */
function lenient({ peers }: ContinueContext, self: Self, suite: Suite): PeerDirectory {
  return {
    find: (credential) => peers.find(credential),
    verify: () => ownSigning(self, suite).certificate,
    decryption: (wanted) => peers.decryption({ ...wanted, chain: null }),
  };
}

/** Whether M1 has two chains and a licence. */
function isCrowded({ mechanism }: Way): boolean {
  return mechanism.name === "mutual-certified";
}

const pair: Pair = await makePair(suites);

describe("EQ1 EQ2 EQ4 EQ5 EQ6 EQ7 EQ7S EQ8 EQ11 EQ14 OPT: the longest there is", () => {
  for (const way of waysOf(({ mechanism, form }) => !mechanism.broadcast && form !== "unsigned", suites)) {
    test(`${way.ids} OPT: the longest chains and licence that fit make messages and states that are taken (${way.title})`, async () => {
      // mutual-certified has two chains and a licence in M1; mutual-agreement has two chains there, and licence and release in M3.
      const bytes = isCrowded(way) ? [8_192, way.suite.name === "pq" ? 5_000 : 8_192] : [8_192, 8_192, 8_192];
      const party = way.originator === "server" ? pair.server : pair.terminal;
      const self = withChains(party.self, bytes);
      const isAnonymous = way.mechanism.anonymous === "originator";
      const licence = new Uint8Array(maxLicenceBytes).fill(1);
      const own: Pair = way.originator === "server" ? { ...pair, server: { ...party, self } } : { ...pair, terminal: { ...party, self } };
      const sent = await begin(own, way, { options: { sendCertificate: true, licence } });
      assert.ok(sent.kind === "sent");
      assert.ok(sent.message.length <= maxMessageBytes, `M1 has ${sent.message.length} bytes`);
      const far = acceptingContext(pair, way.originator);
      const accepted = await acceptMessage({ ...far, peers: lenient(far, party.self, way.suite) }, sent.message);
      assert.ok(accepted.kind !== "broadcast");
      const waiting = sent.awaited.save();
      assert.ok(waiting.length <= maxStateBytes, `the wait for a reply has ${waiting.length} bytes`);
      const near = continuingContext(own, wishOf(way));
      const context: ContinueContext = isAnonymous ? near : { ...near, self };
      const content = { ...thirdContent, licence, release: new Uint8Array(maxReleaseBytes).fill(2) };
      const { message } = await loadAwaitedReply(waiting).receive(context, accepted.reply, content);
      if (accepted.kind !== "waiting") return;
      assert.ok(message !== null && message.length <= maxMessageBytes);
      const held = accepted.awaited.save();
      assert.ok(held.length <= maxStateBytes, `the wait for M3 has ${held.length} bytes`);
      await loadAwaitedThird(held).receive({ ...far, peers: lenient(far, party.self, way.suite) }, message);
    });

    test(`${way.ids} OPT: what is too long for a message is refused where it is made (${way.title})`, async () => {
      const party = way.originator === "server" ? pair.server : pair.terminal;
      const self = withChains(party.self, [8_192, 8_192, 8_192]);
      const own: Pair = way.originator === "server" ? { ...pair, server: { ...party, self } } : { ...pair, terminal: { ...party, self } };
      const licence = new Uint8Array(maxLicenceBytes).fill(1);
      const code = await codeOf(async () => {
        const { message } = await begin(own, way, { options: { sendCertificate: true, licence } });
        assert.ok(message.length <= maxMessageBytes);
      });
      assert.equal(code, isCrowded(way) ? "LINK_MESSAGE_TOO_LARGE" : "accepted");
    });
  }
});

test("EQ1 EQ2 EQ5 EQ8 EQ11 EQ14: names of 128 bytes fit everywhere", async () => {
  const authority = await makeAuthority();
  const server = await makeParty(authority, { name: longName, role: "server", suites });
  const terminal = await makeParty(authority, { name: "t".repeat(128), role: "terminal", suites });
  server.known.push(...terminal.self.signing.map(({ certificate }) => certificate), ...terminal.certificates);
  terminal.known.push(...server.self.signing.map(({ certificate }) => certificate), ...server.certificates);
  for (const way of waysOf(() => true, suites)) {
    const { steps } = await run({ authority, server, terminal }, way, { options: { sendCertificate: true } });
    for (const { message } of steps)
      assert.ok(message.length <= (way.suite.name === "pq" ? 13_000 : 6_000), `${way.title}: ${message.length} bytes`);
  }
});
