import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { type TestContext, test } from "node:test";
import { enroll, fetchSoftware, type Terminal, terminalAt } from "../../src/index.ts";
import { code } from "../double/codes.ts";
import { enrolledWorld, newWorld, type World } from "../double/enrolled.ts";
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

test("FCLOCK: an enrolment counts by the machine's clock where the floor is too high, and the floor begins anew", async (t) => {
  const { server, terminal, clock } = await newWorld(t);
  await mkdir(terminal.folder.path);
  await terminal.clock.restart(clock.now + 20 * yearSeconds);
  await enroll(terminal, { token: server.token() });
  assert.equal(terminal.clock.nowSeconds(), clock.now);
  server.publish({});
  assert.equal((await fetchSoftware(terminal)).software.module, "hmi");
});

test("FCLOCK: a machine that has no clock enrols by its floor, and not at all where nothing ever told it the time", async (t) => {
  const { server, terminal, clock } = await newWorld(t);
  const clockless = terminalAt({ stateFolder: terminal.folder.path, clock: new FakeClock(0), environment: {} });
  await assert.rejects(enroll(clockless, { token: server.token() }), code("PKI_CERTIFICATE_NOT_YET_VALID"));
  await clockless.clock.restart(clock.now);
  const { certificateExpiresAtSeconds } = await enroll(clockless, { token: server.token() });
  assert.ok(certificateExpiresAtSeconds > clock.now);
});
