import assert from "node:assert/strict";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { fetchSoftware, install, status } from "../../src/index.ts";
import { tarOf } from "../double/archives.ts";
import { code } from "../double/codes.ts";
import { enrolledWorld, type World } from "../double/enrolled.ts";

const command = fileURLToPath(import.meta.resolve("../double/command.ts"));
const content: Uint8Array = new Uint8Array(4 * 65_536 + 1_000).map((_, i) => (i * 7) ^ (i >> 8));

function start({ terminal, clock }: World, what: "fetch" | "install", shell = ""): ChildProcessByStdio<null, Readable, null> {
  const args = [command, what, terminal.folder.path, String(clock.now)];
  return spawn("sh", ["-c", `${shell} exec "$0" "$@"`, process.execPath, ...args], { stdio: ["ignore", "pipe", "inherit"] });
}

test("STREAM: a fetch that is killed in the middle goes on at its segment; meanwhile nobody else may change the state", async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal } = world;
  const { artefact, artefactId } = server.publish({ content });
  const { promise: isThere, resolve: arrived } = Promise.withResolvers<void>();
  const { promise: isKilled, resolve: killed } = Promise.withResolvers<void>();
  server.faults.artefact = (bytes) => bytes.subarray(0, artefact.length - 65_536);
  server.faults.beforeCut = async () => await isKilled;
  const child = start(world, "fetch");
  let segments = 0;
  child.stdout.setEncoding("utf8").on("data", (lines: string) => {
    segments += lines.split('"kind":"download"').length - 1;
    if (segments >= 3) arrived();
  });
  await Promise.race([isThere, once(child, "exit").then(() => assert.fail("it ended by itself"))]);
  await assert.rejects(fetchSoftware(terminal), code("TERMINAL_STATE_LOCKED"));
  child.kill("SIGKILL");
  await once(child, "exit");
  killed();
  server.faults.artefact = undefined;
  const { downloads } = await status(terminal);
  assert.deepEqual([downloads[0]?.artefactId, downloads[0]?.complete], [artefactId.toHex(), false]);
  server.asked.length = 0;
  assert.equal((await fetchSoftware(terminal)).resumedAtSegment, 3);
  assert.deepEqual(
    server.asked.map(({ kind }) => kind),
    ["offers"],
  );
  const { path } = await install(terminal);
  assert.deepEqual(await readFile(join(path, "hmi")), Buffer.from(content));
});

/** The system refuses to let any file grow beyond 512 bytes times 300. */
const narrow = "trap '' XFSZ; ulimit -f 300;";

test("a disk without room ends with a code; the version before is in use and nothing half-made is left", {
  skip: process.platform !== "linux" && "only Linux bounds files so",
}, async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal } = world;
  server.publish({ sequence: 1, content: new TextEncoder().encode("old") });
  await fetchSoftware(terminal);
  await install(terminal);
  server.publish({
    sequence: 2,
    format: "tar",
    entry: null,
    content: await tarOf([
      { name: "a/b", content: "c" },
      { name: "a/big", content },
    ]),
  });

  const fetching = start(world, "fetch", narrow);
  assert.match(await text(fetching.stdout), /TERMINAL_DISK_FULL EFBIG\n$/);
  assert.ok((await fetchSoftware(terminal)).resumedAtSegment >= 1);

  const installing = start(world, "install", narrow);
  assert.match(await text(installing.stdout), /TERMINAL_DISK_FULL EFBIG\n$/);
  const module = terminal.folder.module("hmi");
  assert.deepEqual(await readdir(module.slots), ["1"]);
  assert.equal(await readFile(join(module.current, "software", "hmi"), "utf8"), "old");
  assert.equal((await install(terminal)).software.sequence, 2);
});

test("the rights of what is installed do not depend on who was strict with new files", {
  skip: process.platform === "win32",
}, async (t) => {
  const world = await enrolledWorld(t);
  const { server, terminal } = world;
  const content = await tarOf([{ name: "a/b", mode: 0o600, content: "c" }]);
  server.publish({ format: "tar", entry: null, content });
  await fetchSoftware(terminal);
  const installing = start(world, "install", "umask 077;");
  assert.match(await text(installing.stdout), /done\n$/);
  const { path } = terminal.folder.module("hmi");
  const modeOf = async (name: string): Promise<number> => (await stat(join(path, name))).mode & 0o777;
  for (const name of ["..", "", "slots", "slots/1"]) assert.equal(await modeOf(name), 0o755, name);
  assert.deepEqual([await modeOf("slots/1/software/a"), await modeOf("slots/1/software/a/b")], [0o555, 0o444]);
  assert.deepEqual([await modeOf("slots/1/licence.cwt"), await modeOf("module.cbor"), await modeOf("../..")], [0o600, 0o600, 0o700]);
});
