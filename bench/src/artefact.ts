import { spawnSync } from "node:child_process";
import { mkdtemp, open, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFile, type SealedArtefact, sealFile, settleAllocator, takeContentKey } from "@sealane/software";
import { bareOpen, bareSeal } from "./bare-loop.ts";
import { interleave, type Rate, rateOf } from "./rounds.ts";

/** Sealing and opening a file, in MB of plaintext a second, beside a bare loop with the same passes in the same run. */
export interface ArtefactRow {
  readonly what: string;
  readonly perSecond: Rate;
  readonly bytes: number | null;
  readonly ratio: number | null;
  readonly unit: string;
}

const segmentBytes = 1024 * 1024;

export async function benchArtefact(plan: { readonly rounds: number; readonly sizeBytes: number }): Promise<readonly ArtefactRow[]> {
  const folder = await mkdtemp(join(tmpdir(), "sealane-bench-"));
  try {
    settleAllocator();
    return await measure(folder, plan);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(folder: string, plan: { readonly rounds: number; readonly sizeBytes: number }): Promise<readonly ArtefactRow[]> {
  const at = (name: string): string => join(folder, name);
  await fill(at("plain"), plan.sizeBytes);
  const key = (sealed: SealedArtefact) => sealed.contentKey.use((bytes) => takeContentKey(Uint8Array.from(bytes)));
  const sealed = await sealFile({ source: at("plain"), target: at("open.sealed") });
  bareSeal(at("plain"), at("bare"), segmentBytes);
  const contestants = {
    seal: async () => void (await sealFile({ source: at("plain"), target: at("sealed") })),
    bareSeal: () => bareSeal(at("plain"), at("bare-sealed"), segmentBytes),
    open: async () => {
      using contentKey = key(sealed);
      await openFile({ source: at("open.sealed"), target: at("opened"), contentKey, expected: sealed });
    },
    bareOpen: () => bareOpen(at("bare"), at("bare-opened"), segmentBytes),
  };
  // What a contestant wrote is on the disk, and what it leaves is removed, before the next one begins.
  const before = async (): Promise<void> => {
    for (const name of ["sealed", "opened", "bare-sealed", "bare-opened"]) await rm(at(name), { force: true });
    spawnSync("sync");
  };
  const rates = await interleave(contestants, { rounds: plan.rounds, secondsEach: 0, before });
  const megabytes = plan.sizeBytes / 1_000_000;
  const row = (what: string, name: keyof typeof contestants, peer: keyof typeof contestants | null, bytes: number | null): ArtefactRow => {
    const rate = rates[name] ?? rateOf([]);
    const perSecond = rateOf(rate.rounds.map((times) => times * megabytes));
    const other = peer === null ? undefined : rates[peer];
    // What disturbs a run on a disk only slows it, and by several times: the best rounds are compared.
    return { what, perSecond, bytes, ratio: other === undefined ? null : rate.max / other.max, unit: "MB/s" };
  };
  const overhead = (await stat(at("open.sealed"))).size - plan.sizeBytes;
  return [
    row("seal (overhead in bytes)", "seal", "bareSeal", overhead),
    row("bare loop: read, 3 digests, AEAD, write", "bareSeal", null, null),
    row("open", "open", "bareOpen", null),
    row("bare loop: read, AEAD, digest, write", "bareOpen", null, null),
  ];
}

/** A file whose bytes differ from segment to segment, written once. */
async function fill(path: string, sizeBytes: number): Promise<void> {
  const file = await open(path, "w");
  const block = new Uint8Array(segmentBytes);
  for (let at = 0; at < sizeBytes; at += segmentBytes) {
    for (let i = 0; i < 4096; i++) block[i * 256] = (at / segmentBytes + i) & 255;
    await file.write(block, 0, Math.min(segmentBytes, sizeBytes - at), at);
  }
  await file.close();
}
