import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret, sha256, suites, systemRandom } from "@sealane/crypto";
import { allowedTriples, type MechanismName, type ThirdMode, type Triple } from "@sealane/link";
import { broadcast, establish, makeGroup, makePair, testNowSeconds } from "@sealane/testkit";
import { artefactId, equalBytes } from "@sealane/wire";

const now = testNowSeconds;
const licence = new TextEncoder().encode("a licence");
const release = new TextEncoder().encode("a release");
const artefact = artefactId(new Uint8Array(32).fill(7));
const binding = { artefactId: artefact, licenceDigest: sha256(licence), nowSeconds: now };

const pair = await makePair(suites);

/** The ways to run a mechanism, on every suite. */
function triplesOf(name: MechanismName): readonly Triple[] {
  return allowedTriples().filter(({ mechanism }) => mechanism.name === name);
}

/** Both ends have one key, by either originator on every suite, also when every state is saved between two messages. */
async function linksAreEqual(name: MechanismName): Promise<void> {
  const triples = triplesOf(name);
  assert.ok(triples.length >= suites.length);
  for (const { mechanism, suite, originator } of triples) {
    for (const stored of [false, true]) {
      const { originator: near, recipient: far } = await establish(pair, { mechanism: name, suite, originator, stored });
      assert.equal(near.id.toHex(), far.id.toHex());
      const exported = [near, far].map((link) => {
        using key = link.exportKey({ label: "test", context: new Uint8Array(3), length: 32, nowSeconds: now });
        return key.use((bytes) => bytes.toHex());
      });
      assert.equal(exported[0], exported[1]);
      assert.equal(far.peer === null, mechanism.anonymous === "originator");
    }
  }
}

/** Who hears a broadcast gets the content key that its licence vouches for. */
async function broadcastsAreHeard(name: MechanismName): Promise<void> {
  const contentKey = new Uint8Array(32).fill(9);
  for (const { mechanism, suite, originator } of triplesOf(name)) {
    const ends = await broadcast(pair, { mechanism: name, suite, originator, options: { licence }, group: makeGroup(suite) });
    const wrapped = ends.originator.wrap(Secret.copy("content key", contentKey), { ...binding, random: systemRandom });
    using key = ends.recipient.unwrap(wrapped, binding);
    assert.ok(key.use((bytes) => equalBytes(bytes, contentKey)));
    assert.equal(ends.recipient.grade, mechanism.grade);
  }
}

/** M3 in one form brings artefact and licence, by either originator on every suite. */
async function thirdIsBrought(mode: ThirdMode): Promise<void> {
  const third = { artefactId: artefact, licence, release };
  for (const suite of suites) {
    for (const originator of ["server", "terminal"] as const) {
      const wish = { mechanism: "mutual-agreement", suite, originator, options: { third: mode }, third, stored: true } as const;
      assert.deepEqual((await establish(pair, wish)).third, third);
    }
  }
}

test("EQ1 EQ5 DIR: signed-transport", async () => await linksAreEqual("signed-transport"));
test("EQ2 EQ5 DIR: recovered-transport", async () => await linksAreEqual("recovered-transport"));
test("EQ3 BCAST DIR: open-broadcast", async () => await broadcastsAreHeard("open-broadcast"));
test("EQ4 MULTI: group-broadcast", async () => await broadcastsAreHeard("group-broadcast"));
test("EQ6 ANON: anonymous-transport", async () => await linksAreEqual("anonymous-transport"));
test("EQ7 ANON DIR: anonymous-agreement", async () => await linksAreEqual("anonymous-agreement"));
test("EQ7S EQ4 DIR: signed-agreement", async () => await linksAreEqual("signed-agreement"));
test("EQ8 DIR: mutual-nonce", async () => await linksAreEqual("mutual-nonce"));
test("EQ11 DIR: mutual-certified", async () => await linksAreEqual("mutual-certified"));
test("EQ14 DIR: mutual-agreement", async () => await linksAreEqual("mutual-agreement"));
test("EQ14 DIR: M3 is signed", async () => await thirdIsBrought("signed"));
test("EQ14i DIR: M3 is confirmed only", async () => await thirdIsBrought("unsigned"));
test("EQ14ii DIR: M3 is signed beside", async () => await thirdIsBrought("signed-beside"));
test("EQ14iii DIR: the licence in M3 is signed", async () => await thirdIsBrought("licence-signed"));
test("EQ14iii DIR: the licence in M3 is encrypted, then signed", async () => await thirdIsBrought("licence-encrypted"));
