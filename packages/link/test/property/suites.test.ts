import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseSign1 } from "@sealane/cose";
import { type SigningKey, type SuiteName, suiteNamed, suites } from "@sealane/crypto";
import { acceptingContext, makePair, openPart, originatorContext, type Pair } from "@sealane/testkit";
import { decode } from "@sealane/wire";
import { acceptMessage, type CertifiedKey, decodeMessage, mainSigning, mechanisms } from "../../src/index.ts";
import { ownSigning } from "../../src/parties.ts";
import { code, codeOf } from "../codes.ts";
import { accepting, begin, partiesOf, run, type Way, waysOf } from "../ways.ts";

/** Parties with keys for the suites that they choose. */
const pq = suiteNamed("pq");
const onlyPq = await makePair([pq]);
const everyKey = await makePair(suites);

describe("EQ1 EQ2 EQ3 EQ4 EQ5 EQ6 EQ7 EQ7S EQ8 EQ11 EQ14 DIR: on every suite", () => {
  for (const way of waysOf(() => true, suites)) {
    for (const sendCertificate of [true, false]) {
      const how = sendCertificate ? "with its certificates" : "by a party that is known";
      test(`${way.ids} DIR: a link is established, ${how} (${way.title})`, async () => {
        const { sent, accepted, steps } = await run(everyKey, way, { options: { sendCertificate } });
        for (const step of steps) await step.give(step.message);
        if (sent.kind === "broadcast" && accepted.kind === "broadcast") {
          assert.equal(sent.link.th.toHex(), accepted.link.th.toHex());
        }
      });
    }
  }

  /** COSE algorithm and bytes of the signature that is all of what M1 of recovered-transport encrypts. */
  const signatures: Readonly<Record<SuiteName, readonly [number, number]>> = {
    hybrid: [-19, 64],
    x25519: [-19, 64],
    p256: [-9, 64],
    rsa2048: [-65539, 256],
    rsa3072: [-65539, 384],
    rsa4096: [-65539, 512],
    pq: [-49, 3_309],
  };
  for (const way of waysOf(({ mechanism }) => mechanism.name === "recovered-transport", suites)) {
    test(`${way.ids}: M1 is signed by the suite's algorithm (${way.title})`, async () => {
      const { to } = partiesOf(everyKey, way);
      const opened = await openPart((await begin(everyKey, way)).message, to);
      const { protectedHeader, rest } = parseSign1(decode(opened, opened.length));
      const [, signature] = rest;
      assert.ok(signature instanceof Uint8Array);
      assert.deepEqual([protectedHeader.get(1), signature.length], signatures[way.suite.name]);
    });
  }
});

describe("EQ1 EQ2 EQ3 EQ4 EQ5 EQ7S EQ11 EQ14 KDIR: a suite is used with keys of its own kind", () => {
  const signing = ({ mechanism, form }: Way): boolean => mechanism.needs.originator.includes("sign") && form !== "unsigned";

  const others = suites.filter(({ signingKind }) => signingKind !== pq.signingKind);
  for (const way of waysOf(signing, others)) {
    test(`${way.ids} KDIR: who has a key of another kind only, does not begin (${way.title})`, async () => {
      assert.equal(await codeOf(() => begin(onlyPq, way)), "CRYPTO_SUITE_UNKNOWN");
    });
  }

  for (const way of waysOf(signing, suites)) {
    test(`${way.ids} KDIR: a signature under the certificate of another kind of key than the suite's is refused (${way.title})`, async () => {
      for (const claimed of partiesOf(everyKey, way).from.self.signing) {
        if (claimed.key.publicKey.kind === way.suite.signingKind) continue;
        const { message } = await begin(claiming(way, everyKey, claimed), way);
        const context = accepting(everyKey, way);
        assert.equal(await codeOf(() => acceptMessage(context, message)), "LINK_PEER_WRONG", claimed.key.publicKey.kind);
      }
    });
  }

  test("KDIR: of several keys that sign the first is the one for what belongs to no suite, and each suite takes its own", async () => {
    const { self } = everyKey.server;
    assert.deepEqual(
      self.signing.map(({ key }) => key.publicKey.kind),
      ["ed25519", "ml-dsa-65", "p256", "rsa2048", "rsa3072", "rsa4096"],
    );
    assert.equal(mainSigning(self), self.signing[0]);
    for (const suite of suites) assert.equal(ownSigning(self, suite).key.publicKey.kind, suite.signingKind);
    const none = { ...self, signing: [] };
    assert.throws(() => mainSigning(none), code("CRYPTO_SUITE_UNKNOWN"));
    for (const suite of suites) assert.throws(() => ownSigning(none, suite), code("CRYPTO_SUITE_UNKNOWN"));
  });

  test("KDIR: a recipient without keys of the suite refuses M1", async () => {
    const standard = await makePair();
    const originator = originatorContext(everyKey.terminal, everyKey.server);
    const { message } = await mechanisms["mutual-certified"].originate(originator, { suite: pq });
    assert.equal(decodeMessage(message).header.suite, pq);
    assert.notEqual(await codeOf(() => acceptMessage(acceptingContext(standard, "terminal"), message)), "accepted");
  });
});

/** The pair with an originator that signs with its key for the way's suite, and says that a certificate of another kind is that key's. */
function claiming(way: Way, given: Pair, { certificate }: CertifiedKey<SigningKey>): Pair {
  const { self } = partiesOf(given, way).from;
  const { key } = ownSigning(self, way.suite);
  const lying = { ...self, signing: [{ key, certificate }] };
  const party = { ...given[way.originator], self: lying };
  return way.originator === "server" ? { ...given, server: party } : { ...given, terminal: party };
}
