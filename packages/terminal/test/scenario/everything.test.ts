import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type FailedModule, fetchAll, fetchAllKeys, fetchSoftware, installAll, status } from "../../src/index.ts";
import { code } from "../double/codes.ts";
import { enrolledWorld, type World } from "../double/enrolled.ts";

async function collected<T>(
  each: AsyncGenerator<T, readonly FailedModule[]>,
  moduleOf: (one: T) => string,
): Promise<{ readonly done: readonly string[]; readonly failed: readonly string[] }> {
  const done: string[] = [];
  for (;;) {
    const step = await each.next();
    if (step.done === true) return { done, failed: step.value.map(({ module, error }) => `${module} ${error.code}`) };
    done.push(moduleOf(step.value));
  }
}

const softwareOf = ({ software }: { readonly software: { readonly module: string } }): string => software.module;

async function withThree(t: TestContext): Promise<World> {
  const world = await enrolledWorld(t);
  for (const [module, content] of [
    ["c", "three"],
    ["a", "one"],
    ["b", "two"],
  ] as const) {
    world.server.publish({ module, content: new TextEncoder().encode(content) });
  }
  return world;
}

test("everything that is for a terminal is fetched and installed in order, and then there is nothing new", async (t) => {
  const { terminal } = await withThree(t);
  assert.deepEqual(await collected(fetchAllKeys(terminal), softwareOf), { done: ["a", "b", "c"], failed: [] });
  assert.deepEqual(await collected(fetchAll(terminal), softwareOf), { done: ["a", "b", "c"], failed: [] });
  assert.deepEqual(await collected(fetchAll(terminal), softwareOf), { done: ["a", "b", "c"], failed: [] }, "here, and not installed");
  assert.deepEqual(await collected(installAll(terminal), softwareOf), { done: ["a", "b", "c"], failed: [] });
  assert.deepEqual(
    (await status(terminal)).modules.map(({ module }) => module),
    ["a", "b", "c"],
  );
  await assert.rejects(fetchAll(terminal).next(), code("TERMINAL_NOTHING_NEW"));
  await assert.rejects(installAll(terminal).next(), code("TERMINAL_NOTHING_FETCHED"));
});

test("what the server offers in the inbox is all taken, without a wait behind the first", async (t) => {
  const { terminal, server } = await enrolledWorld(t);
  for (const module of ["y", "x"]) await server.offer(server.publish({ module, content: new TextEncoder().encode(module) }));
  const fetched = await collected(fetchAll(terminal, { originator: "server", waitSeconds: 0 }), softwareOf);
  assert.deepEqual({ ...fetched, done: fetched.done.toSorted() }, { done: ["x", "y"], failed: [] });
});

test("a module that fails stops no other, and is told with its error", async (t) => {
  const { terminal, server } = await withThree(t);
  server.faults.reply = (reply) =>
    reply.kind === "authorised" && Buffer.from(reply.release).includes("bb-is-refused") ? { ...reply, licence: new Uint8Array(3) } : reply;
  server.publish({ module: "bb-is-refused", content: new TextEncoder().encode("four") });
  assert.deepEqual(await collected(fetchAll(terminal), softwareOf), { done: ["a", "b", "c"], failed: ["bb-is-refused LICENCE_MALFORMED"] });
  server.faults.reply = undefined;
  assert.deepEqual(await collected(fetchAll(terminal), softwareOf).then(({ failed }) => failed), []);
});

test("a module that nobody publishes is told from one without news", async (t) => {
  const { terminal } = await withThree(t);
  await collected(fetchAll(terminal), softwareOf);
  await collected(installAll(terminal), softwareOf);
  await assert.rejects(fetchSoftware(terminal, { module: "a" }), code("TERMINAL_NOTHING_NEW"));
  await assert.rejects(fetchSoftware(terminal, { module: "aa" }), code("TERMINAL_MODULE_UNPUBLISHED"));
});
