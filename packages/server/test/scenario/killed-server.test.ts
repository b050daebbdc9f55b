import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { routes } from "@sealane/api";
import { EffectFolder, hookEnvironment } from "@sealane/testkit/effects";
import { equalBytes } from "@sealane/wire";
import { post, type Reply } from "./device.ts";
import { TestServer } from "./test-server.ts";

/** A server process on a folder, whose effects can be watched; it is killed at one of them, or by `kill`. */
class ServerProcess {
  readonly url: string;
  readonly pid: number;
  readonly ended: Promise<unknown>;
  readonly #child: ChildProcess;

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.pid = child.pid ?? 0;
    this.ended = once(child, "exit");
    this.#child = child;
  }

  static async start({ folder, nowSeconds, database }: TestServer, effects: EffectFolder): Promise<ServerProcess> {
    const script = fileURLToPath(import.meta.resolve("./server-process.ts"));
    effects.plan("count");
    const child = spawn(process.execPath, [script, folder, String(nowSeconds), ...Object.values(database)], {
      env: { ...process.env, ...hookEnvironment({ effects }) },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const url = await new Promise<string>((resolve, reject) => {
      child.stdout.once("data", (line) => resolve(String(line).trim()));
      child.once("exit", () => reject(new Error("the server did not start")));
    });
    return new ServerProcess(url, child);
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGKILL");
    await this.ended;
  }
}

async function orNull(reply: Promise<Reply>): Promise<Reply | null> {
  return await reply.catch(() => null);
}

test("FNONCE UNI: a server that is killed at any effect of a message answers that message in one way", async (t) => {
  const server = await TestServer.start(t);
  const { artefactId } = await server.publish("the software");
  const device = await server.device("gate-1");
  await server.stop();
  const folder = await mkdtemp(join(tmpdir(), "sealane-killed-"));
  t.after(() => rm(folder, { recursive: true }));
  const effects = new EffectFolder(folder);
  let running = await ServerProcess.start(server, effects);
  t.after(() => running.kill());
  device.url = running.url;

  /** Sends something; the server is killed before its nth effect and started again. Null when it had fewer, and then answered. */
  const killedAt = async (
    effect: number,
    send: () => Promise<Reply>,
  ): Promise<{ readonly killed: boolean; readonly reply: Reply | null }> => {
    await effects.rearm(`kill ${effect}`, running);
    const reply = await orNull(send());
    const { killed } = await effects.disarm(running);
    if (killed) {
      await running.ended;
      running = await ServerProcess.start(server, effects);
      device.url = running.url;
    }
    return { killed, reply };
  };
  /** Sends the first of what `make` gives with a kill before its first effect, the second with one before its second, until none comes. */
  const killEverywhere = async (make: () => Promise<Message>): Promise<number> => {
    for (let effect = 1; ; effect++) {
      const { send, check } = await make();
      const { killed, reply } = await killedAt(effect, send);
      const second = await send();
      assert.equal(second.status, 200);
      if (reply !== null) assert.equal(equalBytes(second.body, reply.body), true);
      await check(second.body);
      if (!killed) return effect - 1;
    }
  };

  const kills = await killEverywhere(async () => {
    const { message, awaited } = await device.originate();
    const send = async (): Promise<Reply> => await post(device.url + routes.links, message);
    return { send, check: async (body) => (await device.receive(awaited, body))[Symbol.dispose]() };
  });
  assert.ok(kills >= 1, "nothing that a message makes was ever stopped");
  using link = await device.establish();
  const answerTo = { offers: "offers", authorise: "authorised" } as const;
  for (const request of [
    { kind: "offers", module: null, installed: [] },
    { kind: "authorise", artefactId },
  ] as const) {
    const ofRecord = await killEverywhere(async () => {
      const record = device.seal(link, request);
      const send = async (): Promise<Reply> => await post(device.recordsOf(link), record);
      return { send, check: async (body) => assert.equal(device.open(link, body).kind, answerTo[request.kind]) };
    });
    assert.ok(ofRecord >= 1, "nothing that a record makes was ever stopped");
  }
});

interface Message {
  readonly send: () => Promise<Reply>;
  readonly check: (body: Uint8Array) => Promise<void>;
}
