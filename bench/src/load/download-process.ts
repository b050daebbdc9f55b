import { once } from "node:events";
import { readFile } from "node:fs/promises";
import http, { Agent, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout } from "node:timers/promises";
import { routes } from "@sealane/api";
import { answering } from "./child.ts";
import { Failures, type Percentiles, percentilesOf } from "./figures.ts";
import { exchange } from "./http.ts";

/** Who downloads in the load benchmark: one wave of downloads at the same time for each question. */
export interface DownloadQuestion {
  readonly url: string;
  readonly path: string;
  /** The sealed file that has to come, byte by byte. */
  readonly file: string;
  readonly count: number;
}

export interface Wave {
  /** Connections that were open before the first request was sent. */
  readonly connected: number;
  /** Downloads that the server was sending when the first byte of every one had come and the last byte of none. */
  readonly running: number;
  readonly seconds: number;
  readonly bytes: number;
  /** Milliseconds from the request to the first byte, from full speed to the end, and from the request to the end. */
  readonly firstByte: Percentiles;
  readonly fullSpeed: Percentiles;
  readonly whole: Percentiles;
  /** What did not come whole: what was wrong, and how often. */
  readonly failures: Readonly<Record<string, number>>;
}

/** Connections are made so many at a time: more than a listener's queue holds are asked to come back a second later. */
const connectTogether = 100;

/** A reader on a slow line takes a piece of at most 64 KiB so often, and at least so many pieces. */
const slowMilliseconds = 500;
const slowPieces = 3;

/**
 * After that so many at a time read at full speed, the others slowly until it is their turn. Were all of them fast, what waits for them
 * would be more than the network memory of one machine that has both ends, and its retransmissions would be measured.
 */
const fastTogether = 32;

answering(async (question: DownloadQuestion) => await wave(question));

async function wave({ url, path, file, count }: DownloadQuestion): Promise<Wave> {
  const expected = await readFile(file);
  const sockets = await connectAll(new URL(url), count);
  const connected = sockets.filter((socket) => !socket.destroyed).length;
  const gate = new Gate(count);
  const [firstByte, fullSpeed, whole]: [number[], number[], number[]] = [[], [], []];
  const failures = new Failures();
  const fast = { free: fastTogether };
  let bytes = 0;
  const download = async (socket: Socket): Promise<void> => {
    const sent = performance.now();
    let [at, pieces] = [0, 0];
    let fastSince: number | null = null;
    try {
      for await (const piece of await get(url + path, socket)) {
        if (pieces++ === 0) {
          firstByte.push(performance.now() - sent);
          await gate.pass();
        }
        if (!expected.subarray(at, at + piece.length).equals(piece)) throw new Error(`other bytes than the file's from ${at} on`);
        at += piece.length;
        if (fastSince !== null) continue;
        await setTimeout(slowMilliseconds);
        if (pieces < slowPieces || fast.free === 0) continue;
        fast.free--;
        fastSince = performance.now();
      }
      if (at !== expected.length) throw new Error("the end of the file is missing");
      whole.push(performance.now() - sent);
      if (fastSince !== null) fullSpeed.push(performance.now() - fastSince);
    } catch (error) {
      failures.add(error);
      if (pieces === 0) void gate.pass();
    } finally {
      if (fastSince !== null) fast.free++;
      bytes += at;
      socket.destroy();
    }
  };
  const began = performance.now();
  const downloads = sockets.map(download);
  await gate.everyone;
  const running = await runningDownloads(url);
  gate.open();
  await Promise.all(downloads);
  return {
    connected,
    running,
    seconds: (performance.now() - began) / 1000,
    bytes,
    firstByte: percentilesOf(firstByte),
    fullSpeed: percentilesOf(fullSpeed),
    whole: percentilesOf(whole),
    failures: failures.counts,
  };
}

/** Lets nobody pass before everyone has come and it was opened. */
class Gate {
  readonly #count: number;
  readonly #everyone = Promise.withResolvers<void>();
  readonly #opened = Promise.withResolvers<void>();
  #come = 0;

  constructor(count: number) {
    this.#count = count;
  }

  get everyone(): Promise<void> {
    return this.#everyone.promise;
  }

  async pass(): Promise<void> {
    if (++this.#come === this.#count) this.#everyone.resolve();
    await this.#opened.promise;
  }

  open(): void {
    this.#opened.resolve();
  }
}

async function connectAll({ hostname, port }: URL, count: number): Promise<readonly Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const some = Array.from({ length: Math.min(connectTogether, count - sockets.length) }, () => connect(Number(port), hostname));
    await Promise.all(some.map((socket) => once(socket, "connect")));
    sockets.push(...some);
  }
  return sockets;
}

async function get(url: string, socket: Socket): Promise<AsyncIterable<Buffer>> {
  const request = http.get(url, { createConnection: () => socket });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`);
  return response;
}

/** How many downloads the server says it is sending. */
async function runningDownloads(url: string): Promise<number> {
  const metrics = new TextDecoder().decode(await exchange(url + routes.metrics, { agent: new Agent() }));
  return Number(/^sealane_downloads_running (\d+)$/m.exec(metrics)?.[1] ?? Number.NaN);
}
