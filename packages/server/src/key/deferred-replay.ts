import { linkErrors, type ReplayCache, type ReplayEntry } from "@sealane/link";

/**
 * Takes the entry of one message when the mechanism has checked everything else, to insert it in the transaction that makes the
 * message's effect: neither is there without the other, whenever the process is killed or the disk is full.
 */
export class DeferredReplay implements ReplayCache {
  readonly #entries: ReplayEntry[] = [];

  insert(entry: ReplayEntry): "fresh" {
    this.#entries.push(entry);
    return "fresh";
  }

  /** Whether the message is new; to be called before anything else of the transaction. Error: LINK_REPLAY_CACHE_FULL. */
  async insertInto(cache: ReplayCache): Promise<boolean> {
    for (const entry of this.#entries) {
      const inserted = await cache.insert(entry);
      if (inserted === "full") throw linkErrors.error("LINK_REPLAY_CACHE_FULL");
      if (inserted === "seen") return false;
    }
    return true;
  }
}
