import { serverRoles, startServer } from "@sealane/server";
import { collectGarbage } from "../rounds.ts";
import { answering } from "./child.ts";

/**
 * The server of the load benchmark: `server-process.ts FOLDER`, one process with every role and SQLite. Its limits are those that it
 * is shipped with, except for the rates of one address, from which all of the load comes. It writes its log, to nobody.
 */
export type ServerQuestion = "url" | "begin" | "read" | "collect" | "close";

/** Bytes of memory: all that is resident, and in it objects and buffers. */
export interface Memory {
  readonly resident: number;
  readonly objects: number;
  readonly buffers: number;
}

/** What the process used since it was asked to begin. */
export interface ServerUse {
  readonly cpuSeconds: number;
  readonly seconds: number;
  /** Ten a second, the first at the beginning, the last now. */
  readonly memory: readonly (Memory & { readonly seconds: number })[];
}

const sampleMilliseconds = 100;

const [, , folder = ""] = process.argv;
const server = await startServer({
  folder,
  roles: serverRoles,
  host: "127.0.0.1",
  port: 0,
  log: { level: "info", destination: { write: () => {} } },
  limits: { requestsPerMinute: 1_000_000, linksPerMinute: 1_000_000, enrolmentsPerMinute: 1_000_000 },
});

let began = { at: performance.now(), cpu: process.cpuUsage() };
let memory: ServerUse["memory"][number][] = [];

function sample(): void {
  const { rss: resident, heapUsed: objects, arrayBuffers: buffers } = process.memoryUsage();
  memory.push({ seconds: (performance.now() - began.at) / 1000, resident, objects, buffers });
}

setInterval(sample, sampleMilliseconds);

answering(async (question: ServerQuestion) => {
  if (question === "url") return server.url;
  if (question === "close") return await server.close();
  if (question === "collect") collectGarbage();
  if (question === "begin") {
    began = { at: performance.now(), cpu: process.cpuUsage() };
    memory = [];
  }
  sample();
  const { user, system } = process.cpuUsage(began.cpu);
  return { cpuSeconds: (user + system) / 1e6, seconds: (performance.now() - began.at) / 1000, memory } satisfies ServerUse;
});
