import { type ChildProcess, execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { link, mkdir, mkdtemp } from "node:fs/promises";
import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sealFile } from "@sealane/software";
import { removeTree } from "@sealane/testkit/remove-tree";
import { interleave, type Rate, rateOf, ratioOf } from "./rounds.ts";

/** Processor time that a server spends on delivering a gigabyte: sealed over plain HTTP by ours, over TLS by `node:https`. */
export interface ServerRow {
  readonly what: string;
  /** Gigabytes for each second of the server's processor time. */
  readonly perSecond: Rate;
  readonly bytes: null;
  /** Our processor time against the peer's. */
  readonly ratio: number | null;
  readonly unit: string;
}

export async function benchServer(plan: { readonly rounds: number; readonly sizeBytes: number }): Promise<readonly ServerRow[]> {
  const folder = await mkdtemp(join(tmpdir(), "sealane-bench-server-"));
  const children: ChildProcess[] = [];
  try {
    const path = await prepare(folder, plan.sizeBytes);
    const contestants = new Map<string, () => Promise<number>>();
    for (const kind of ["sealane", "https"] as const) {
      const child = fork(join(import.meta.dirname, "server-child.ts"), [kind, folder]);
      children.push(child);
      const { port } = await answer<{ readonly port: number }>(child);
      contestants.set(
        kind,
        async () => await cpuOfDownload(child, kind === "sealane" ? `http://127.0.0.1:${port}${path}` : `https://127.0.0.1:${port}/`),
      );
    }
    return await measure(contestants, plan);
  } finally {
    for (const child of children) child.disconnect();
    removeTree(folder);
  }
}

async function measure(
  contestants: ReadonlyMap<string, () => Promise<number>>,
  plan: { readonly rounds: number; readonly sizeBytes: number },
): Promise<readonly ServerRow[]> {
  const spent = new Map<string, number[]>();
  const works = Object.fromEntries(
    [...contestants].map(([name, download]) => {
      const seconds: number[] = [];
      spent.set(name, seconds);
      return [name, async () => void seconds.push(await download())];
    }),
  );
  await interleave(works, { rounds: plan.rounds, secondsEach: 0 });
  const gigabytes = plan.sizeBytes / 1e9;
  const perGigabyte = (name: string): readonly number[] => (spent.get(name) ?? []).slice(1).map((seconds) => seconds / gigabytes); // the first warmed up
  const [ours, theirs] = [rateOf(perGigabyte("sealane")), rateOf(perGigabyte("https"))];
  const unit = "CPU s/GB";
  return [
    { what: "download role, sealed artefact, plain HTTP", perSecond: ours, bytes: null, ratio: ratioOf(ours, theirs), unit },
    { what: "node:https, the same bytes, TLS 1.3", perSecond: theirs, bytes: null, ratio: null, unit },
  ];
}

/** Seals a file, puts it where each server looks for it, and gives its path at ours. */
async function prepare(folder: string, sizeBytes: number): Promise<string> {
  await mkdir(join(folder, "artefacts"));
  const target = join(folder, "file");
  const block = new Uint8Array(1024 * 1024);
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < sizeBytes; at += block.length) yield block.subarray(0, Math.min(block.length, sizeBytes - at));
  }
  const { artefactId, contentKey } = await sealFile({ source: pieces(), target });
  contentKey[Symbol.dispose]();
  await link(target, join(folder, "artefacts", `${artefactId.toHex()}.sealed`));
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", join(folder, "tls.key")];
  const certificate = ["req", "-x509", "-days", "2", "-subj", "/CN=bench", ...key, "-out", join(folder, "tls.pem")];
  execFileSync("openssl", certificate, { stdio: "ignore" });
  return `/v1/artefacts/${artefactId.toHex()}`;
}

/** Processor seconds of the server for one download, whose bytes are thrown away. */
async function cpuOfDownload(child: ChildProcess, url: string): Promise<number> {
  const before = await cpuOf(child);
  const get = url.startsWith("https:") ? https.get : http.get;
  const request = get(url, { agent: false, rejectUnauthorized: false });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode} of ${url}`);
  response.resume();
  await once(response, "end");
  return (await cpuOf(child)) - before;
}

async function cpuOf(child: ChildProcess): Promise<number> {
  const answered = answer<{ readonly cpuSeconds: number }>(child);
  child.send("cpu");
  return (await answered).cpuSeconds;
}

async function answer<T>(child: ChildProcess): Promise<T> {
  const [message] = (await once(child, "message")) as [T];
  return message;
}
