import type { ReplayCache, ReplayEntry } from "@sealane/link";
import { credentialCodec } from "@sealane/pki";
import { encode } from "@sealane/wire";

/** A replay cache in memory with a quota per originator. */
export class MemoryReplayCache implements ReplayCache {
  readonly entries: Map<string, ReplayEntry> = new Map();
  readonly #quota: number;

  constructor(quota = 1_000) {
    this.#quota = quota;
  }

  insert(entry: ReplayEntry): "fresh" | "seen" | "full" {
    const originator = encode(credentialCodec.toCbor(entry.originator)).toHex();
    const key = `${entry.mechanism} ${originator} ${entry.nonce.toHex()}`;
    if (this.entries.has(key)) return "seen";
    if (this.entries.size >= this.#quota && this.#heldOf(originator) >= this.#quota) return "full";
    this.entries.set(key, entry);
    return "fresh";
  }

  #heldOf(originator: string): number {
    return [...this.entries.keys()].filter((other) => other.includes(originator)).length;
  }
}
