import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type Suite, standardSuites } from "@sealane/crypto";
import { enroll, type Terminal, type TerminalEvent, terminalAt } from "../../src/index.ts";
import { FakeClock } from "./fake-clock.ts";
import { FakeServer } from "./fake-server.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** A terminal and its server. */
export interface World {
  readonly clock: FakeClock;
  readonly server: FakeServer;
  readonly terminal: Terminal;
  readonly events: TerminalEvent[];
}

/** A terminal that is not enrolled yet. */
export async function newWorld(t: TestContext, suites: readonly Suite[] = standardSuites): Promise<World> {
  const clock = new FakeClock();
  const server = await FakeServer.start(t, clock, suites);
  const events: TerminalEvent[] = [];
  const stateFolder = join(await temporaryFolder(t), "state");
  const terminal = terminalAt({ stateFolder, clock, environment: {}, onEvent: (event) => events.push(event) });
  return { clock, server, terminal, events };
}

/** A terminal that is enrolled with the server. */
export async function enrolledWorld(t: TestContext): Promise<World> {
  const world = await newWorld(t);
  await enroll(world.terminal, { token: world.server.token() });
  world.server.requests.length = 0;
  world.events.length = 0;
  return world;
}

/** The same terminal after a restart: nothing is remembered but what is in its folder. */
export function restarted({ terminal, clock, events }: World): Terminal {
  return terminalAt({ stateFolder: terminal.folder.path, clock, environment: {}, onEvent: (event) => events.push(event) });
}

/** Every file below a folder, joined: to look for what must not be there. */
export async function everythingIn(folder: string): Promise<Buffer> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = names.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
  return Buffer.concat(await Promise.all(files.map(async (path) => await readFile(path))));
}
