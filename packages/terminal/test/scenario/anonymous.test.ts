import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultSuite as suite } from "@sealane/crypto";
import { HttpClient } from "@sealane/http";
import { type MechanismName, mechanismNamed } from "@sealane/link";
import { SealaneError } from "@sealane/wire";
import { loadEnrolment } from "../../src/identity.ts";
import { fetchSoftware, install } from "../../src/index.ts";
import { localModules } from "../../src/installed-modules.ts";
import { originateLink } from "../../src/link-client.ts";
import { reportOf } from "../../src/nameless-modules.ts";
import { enrolledWorld, type World } from "../double/enrolled.ts";

/** When the key of a new link ends: by the clock of its originator. */
async function endOfLink({ terminal }: World, mechanism: MechanismName): Promise<number> {
  using http = new HttpClient({ environment: {} });
  const session = { terminal, enrolment: await loadEnrolment(terminal), http };
  const opened = await originateLink(session, { mechanism: mechanismNamed(mechanism), suite });
  using link = opened.link;
  return link.keyExpiresAtSeconds;
}

for (const mechanism of ["anonymous-transport", "anonymous-agreement"] as const) {
  test(`ANON: M1 of ${mechanism} tells the minute and not the second of a terminal's clock`, async (t) => {
    const world = await enrolledWorld(t);
    const begin = world.clock.now;
    assert.equal(begin % 60, 0);
    const ends: number[] = [];
    for (const seconds of [0, 37, 59]) {
      world.clock.now = begin + seconds;
      ends.push(await endOfLink(world, mechanism));
    }
    assert.equal(new Set(ends).size, 1);
    assert.equal(await endOfLink(world, "signed-transport"), (ends[0] ?? 0) + 59);
  });
}

test("ANON: what came without a name is not reported as installed, and what came by name is", async (t) => {
  const { server, terminal } = await enrolledWorld(t);
  server.publish({ module: "secret", entry: null });
  server.publish({ module: "told", entry: null, content: new Uint8Array(1) });
  await fetchSoftware(terminal, { module: "secret", mechanism: "anonymous-transport" });
  await install(terminal);
  await fetchSoftware(terminal, { module: "told" });
  await install(terminal);
  const report = await reportOf(await localModules(terminal));
  assert.deepEqual(
    report.map(({ module }) => module),
    ["told"],
  );
});

test("ANON: nothing that is asked by name depends on what came without one, unless the user decides it", async (t) => {
  const { server, terminal } = await enrolledWorld(t);
  const codeOf = async (work: Promise<unknown>): Promise<string> =>
    await work.then(
      () => "done",
      (error: unknown) => (error instanceof SealaneError ? error.code : "another error"),
    );
  const asked = (): readonly string[] => server.asked.splice(0).map((request) => request.kind);
  server.publish({ module: "secret", entry: null, sequence: 1 });
  await fetchSoftware(terminal, { module: "secret", mechanism: "anonymous-transport" });
  for (const stage of ["fetched", "installed"]) {
    if (stage === "installed") {
      await install(terminal);
      server.publish({ module: "secret", entry: null, sequence: 2, content: new Uint8Array(2) });
    }
    asked();
    // By its name: refused before anything is sent.
    assert.equal(await codeOf(fetchSoftware(terminal, { module: "secret" })), "TERMINAL_MODULE_NAMELESS");
    assert.deepEqual(asked(), []);
    // By none: as if it did not want that module, whichever version is here.
    assert.equal(await codeOf(fetchSoftware(terminal)), "TERMINAL_NOTHING_NEW");
    assert.deepEqual(asked(), ["offers"]);
  }
  assert.equal(await codeOf(fetchSoftware(terminal, { module: "secret", mechanism: "anonymous-transport" })), "done");
  await install(terminal);
  server.publish({ module: "secret", entry: null, sequence: 3, content: new Uint8Array(3) });
  assert.equal(await codeOf(fetchSoftware(terminal, { module: "secret", mechanism: "signed-transport" })), "done");
});
