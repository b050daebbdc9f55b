import assert from "node:assert/strict";
import { test } from "node:test";
import { keyKindsOf, type Suite, standardSuites, suiteNamed } from "@sealane/crypto";
import { equalBytes } from "@sealane/wire";
import { loadEnrolment } from "../../src/identity.ts";
import { enroll, fetchSoftware, install, status } from "../../src/index.ts";
import { code } from "../double/codes.ts";
import { newWorld, restarted, type World } from "../double/enrolled.ts";

/** Terminals with keys for the suites that they choose. */
const pq = suiteNamed("pq");
const suites: readonly Suite[] = [...standardSuites, pq];

const namesOf = (some: readonly Suite[]): readonly string[] => some.map(({ name }) => name);

/** Software that differs by its sequence. */
const release = (sequence: number) => ({ module: "app", sequence, content: new TextEncoder().encode(`${sequence}`) });

/** Fetches on a suite, over a link that the terminal begins and one that the server begins. */
async function fetchOn({ server, ...world }: World, suite: Suite, sequence: number): Promise<void> {
  const terminal = restarted({ server, ...world });
  for (const [i, originator] of (["terminal", "server"] as const).entries()) {
    const published = server.publish(release(sequence + i));
    if (originator === "server") await server.offer(published, { suite });
    const { link, software } = await fetchSoftware(terminal, { originator, suite: suite.name, waitSeconds: 0 });
    assert.deepEqual([link.suite, link.originator], [suite.name, originator]);
    assert.equal(equalBytes(software.artefactId, published.artefactId), true);
  }
  await install(terminal);
}

for (const order of [[pq], [pq, ...standardSuites], [...standardSuites, pq]]) {
  const names = namesOf(order).join(", ");
  test(`EQ1 EQ5 KDIR: a terminal enrols with keys for ${names}, and fetches on each, begun by either`, async (t) => {
    const world = await newWorld(t, suites);
    await enroll(world.terminal, { token: world.server.token(), suites: namesOf(order) });
    const { self, serverSigning } = await loadEnrolment(restarted(world));
    const kinds = keyKindsOf(suites.filter((suite) => order.includes(suite))); // in one order, however they are named
    for (const [certified, wanted] of [
      [self.signing, kinds.signing],
      [self.decryption, kinds.decryption],
      [self.agreement, kinds.agreement],
    ] as const) {
      assert.deepEqual(
        certified.map(({ key }) => key.publicKey.kind),
        wanted,
      );
    }
    assert.deepEqual(
      serverSigning.map(({ publicKey }) => publicKey.kind),
      keyKindsOf(suites).signing,
    );
    for (const [i, suite] of order.entries()) await fetchOn(world, suite, 1 + 2 * i);
  });
}

test("KDIR: on a suite that it has no keys for a terminal begins no link", async (t) => {
  const world = await newWorld(t, suites);
  await enroll(world.terminal, { token: world.server.token() });
  world.server.publish(release(1));
  await assert.rejects(fetchSoftware(world.terminal, { suite: pq.name }), code("CRYPTO_SUITE_UNKNOWN"));
});

test("KDIR: a terminal and a server with no suite in common do not enrol", async (t) => {
  const world = await newWorld(t);
  await assert.rejects(enroll(world.terminal, { token: world.server.token(), suites: namesOf([pq]) }), code("ENROL_REPLY_WRONG"));
  assert.equal((await status(world.terminal)).identity, null);
});

test("KDIR: who enrols anew for other suites keeps no keys of those before", async (t) => {
  const world = await newWorld(t, suites);
  await enroll(world.terminal, { token: world.server.token(), suites: namesOf(suites) });
  const before = await world.terminal.keys.list();
  world.server.forgetTerminal();
  await enroll(world.terminal, { token: world.server.token(), suites: namesOf(standardSuites), replace: true });
  const kept = await world.terminal.keys.list();
  assert.equal(
    before.some((id) => id.includes("ml-dsa-65")),
    true,
  );
  assert.equal(
    kept.some((id) => id.includes("ml-dsa-65")),
    false,
  );
  for (const [i, suite] of standardSuites.entries()) await fetchOn(world, suite, 1 + 2 * i);
});
