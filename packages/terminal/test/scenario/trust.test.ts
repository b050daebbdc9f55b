import assert from "node:assert/strict";
import { test } from "node:test";
import { mechanisms } from "@sealane/link";
import { fetchSoftware, install, type LinkEvent, status } from "../../src/index.ts";
import { describeLink, type LinkFacts } from "../../src/link-facts.ts";
import { code } from "../double/codes.ts";
import { enrolledWorld, type World } from "../double/enrolled.ts";
import { serverName, terminalName } from "../double/test-terminal.ts";

const told = ({ events }: World): readonly LinkEvent[] => events.filter((event) => event.kind === "link");

for (const { name, equations, broadcast, anonymous } of Object.values(mechanisms)) {
  for (const originator of ["server", "terminal"] as const) {
    if (broadcast || equations[originator] === undefined) continue;
    const isUntrusted = originator === "server" && anonymous === "originator";
    const [trust, server] = isUntrusted
      ? ["untrusted", "untrusted: this server proved nothing of itself"]
      : ["operator", `operator's server ${serverName}, proven by its certificate`];
    test(`TRUST: by ${name}, begun by the ${originator}, the user is told that the server is ${trust}`, async (t) => {
      const world = await enrolledWorld(t);
      const { terminal } = world;
      const published = world.server.publish({});
      if (originator === "server") await world.server.offer(published, { mechanism: name });
      const { link } = await fetchSoftware(terminal, { module: "hmi", mechanism: name, originator, waitSeconds: 0 });
      assert.deepEqual([link.trust, link.server], [trust, server]);
      assert.deepEqual(
        told(world).map((event) => [event.trust, event.server]),
        [[trust, server]],
      );
      await install(terminal);
      assert.equal((await status(terminal)).modules[0]?.current?.link?.trust, trust);
    });
  }
}

test("POLICY TRUST: a message of a server that proves nothing of itself is passed over unless its mechanism was asked for", async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal, events } = world;
  await server.offer(server.publish({}), { mechanism: "anonymous-agreement" });
  const fromServer = { originator: "server", waitSeconds: 0 } as const;
  await assert.rejects(fetchSoftware(terminal, fromServer), code("TERMINAL_NOTHING_WAITING"));
  await assert.rejects(fetchSoftware(terminal, { ...fromServer, mechanism: "mutual-nonce" }), code("TERMINAL_NOTHING_WAITING"));
  assert.deepEqual(
    events.flatMap((event) => (event.kind === "message-skipped" ? [event.code] : [])),
    ["POLICY_REFUSED", "POLICY_REFUSED"],
  );
  const fetched = await fetchSoftware(terminal, { ...fromServer, module: "hmi", mechanism: "anonymous-agreement" });
  assert.equal(fetched.link.trust, "untrusted");
});

const heard: LinkFacts = { mechanism: "open-broadcast", suite: "hybrid", originator: "server", linkId: null, peer: serverName };

for (const [standing, server] of [
  ["operator", "operator's server server-1, proven by its certificate"],
  ["manufacturer", "manufacturer's server server-1, proven by its certificate"],
  ["third-party", "server server-1 of a third party that the user of this terminal trusts, proven by its certificate"],
] as const) {
  test(`TRUST: who hears a broadcast under the authority of its ${standing} is told so`, () => {
    const { trust, server: words } = describeLink(heard, { name: null, standing });
    assert.deepEqual([trust, words], [standing, server]);
  });
}

test("TRUST: a server that answers a terminal's open broadcast has proved nothing of itself, whatever its name", () => {
  const { trust } = describeLink({ ...heard, originator: "terminal" }, { name: terminalName, standing: "operator" });
  assert.equal(trust, "untrusted");
});
