import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { routes } from "@sealane/api";
import { equalBytes } from "@sealane/wire";
import { post, type Reply } from "./device.ts";
import { TestServer } from "./test-server.ts";

const seed = Number(process.env["SEALANE_TEST_SEED"] ?? Date.now() & 0x7fffffff);

/** A server process on a folder; `kill` ends it in whatever it is doing. */
class ServerProcess {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.#child = child;
  }

  static async start({ folder, nowSeconds, database }: TestServer): Promise<ServerProcess> {
    const script = fileURLToPath(import.meta.resolve("./server-process.ts"));
    const child = spawn(process.execPath, [script, folder, String(nowSeconds), ...Object.values(database)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const url = await new Promise<string>((resolve, reject) => {
      child.stdout.once("data", (line) => resolve(String(line).trim()));
      child.once("exit", () => reject(new Error("the server did not start")));
    });
    return new ServerProcess(url, child);
  }

  async kill(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await ended;
  }
}

/** Small delays that differ from round to round and can be had again from the seed. */
function* delays(): Generator<number, never, undefined> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    yield (state >>> 8) % 12;
  }
}

async function orNull(reply: Promise<Reply>): Promise<Reply | null> {
  return await reply.catch(() => null);
}

test("FNONCE UNI: a server that is killed again and again never answers one message in two ways", async (t) => {
  t.diagnostic(`seed ${seed}`);
  const server = await TestServer.start(t);
  const { artefactId } = await server.publish("the software");
  const device = await server.device("gate-1");
  await server.stop();
  const moments = delays();
  let running = await ServerProcess.start(server);
  t.after(() => running.kill());
  const restart = async (): Promise<void> => {
    await running.kill();
    running = await ServerProcess.start(server);
    device.url = running.url;
  };
  const killDuring = async (send: () => Promise<Reply>): Promise<Reply | null> => {
    const reply = orNull(send());
    await new Promise((resolve) => setTimeout(resolve, moments.next().value));
    await restart();
    return await reply;
  };
  device.url = running.url;
  for (let round = 0; round < 2; round++) {
    const { message, awaited } = await device.originate();
    const heard = await killDuring(() => post(device.url + routes.links, message));
    const answer = await post(device.url + routes.links, message);
    assert.equal(answer.status, 200);
    if (heard !== null) assert.equal(equalBytes(answer.body, heard.body), true);
    using link = await device.receive(awaited, answer.body);
    for (const request of [
      { kind: "offers", module: null, installed: [] },
      { kind: "authorise", artefactId },
    ] as const) {
      const record = device.seal(link, request);
      const first = await killDuring(() => post(device.recordsOf(link), record));
      const second = await post(device.recordsOf(link), record);
      assert.equal(second.status, 200);
      if (first !== null) assert.equal(equalBytes(first.body, second.body), true);
      assert.equal(device.open(link, second.body).kind, request.kind === "authorise" ? "authorised" : request.kind);
    }
  }
});
