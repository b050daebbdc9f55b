import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { fetchSoftware, type Terminal, terminalAt } from "../../src/index.ts";
import { code } from "../double/codes.ts";
import { enrolledWorld, type World } from "../double/enrolled.ts";
import { FakeClock } from "../double/fake-clock.ts";

const [link, challenge] = ["POST /v1/links", "POST /v1/challenges"];
const yearSeconds = 365 * 86_400;

/** An enrolled terminal whose own clock says another time than its server's. */
async function clocksApart(t: TestContext, behindSeconds: number): Promise<World & { readonly slow: Terminal }> {
  const world = await enrolledWorld(t);
  world.server.publish({});
  const clock = new FakeClock(world.clock.now - behindSeconds);
  // As after a contact three weeks ago: what is further away has to be said twice (clock-floor.test.ts).
  if (behindSeconds > 21 * 86_400) await world.terminal.clock.restart(world.clock.now - 21 * 86_400);
  return { ...world, slow: terminalAt({ stateFolder: world.terminal.folder.path, clock, environment: {} }) };
}

for (const mechanism of ["signed-transport", "anonymous-agreement"] as const) {
  test(`FCLOCK: a terminal whose clock was set back behind its floor establishes a link by ${mechanism} with a challenge`, async (t) => {
    const { server, slow, clock } = await clocksApart(t, yearSeconds);
    const { software } = await fetchSoftware(slow, { mechanism, module: "hmi" });
    assert.equal(software.module, "hmi");
    assert.deepEqual(server.requests.slice(0, 3), [link, challenge, link]);
    assert.equal(slow.clock.nowSeconds(), clock.now, "the server's proven time is the floor from then on");
    server.publish({ sequence: 8, version: "8" });
    server.requests.length = 0;
    await fetchSoftware(slow, { mechanism, module: "hmi" });
    assert.deepEqual(server.requests.includes(challenge), false);
  });
}

test("FCLOCK: a challenge is asked for once, and its server is not believed when it refuses again", async (t) => {
  const { server, slow } = await clocksApart(t, yearSeconds);
  server.faults.before = ({ url }) => (url === "/v1/links" ? "LINK_REFUSED" : undefined);
  const before = slow.clock.nowSeconds();
  await assert.rejects(fetchSoftware(slow, {}), code("LINK_REFUSED"));
  assert.deepEqual([server.requests, slow.clock.nowSeconds()], [[link, challenge, link], before]);
});

test("FCLOCK: where nobody can say which of two clocks is wrong, a terminal stays refused and asks for no challenge", async (t) => {
  for (const behindSeconds of [3_600, -3_600]) {
    const { server, slow } = await clocksApart(t, behindSeconds);
    await assert.rejects(fetchSoftware(slow, {}), code("LINK_REFUSED"));
    assert.deepEqual(server.requests, [link]);
  }
});
