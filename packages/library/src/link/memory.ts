import { Secret } from "@sealane/crypto";
import type { Clock } from "../environment.ts";
import type { PendingState, PendingStates, ReplayCache, ReplayEntry } from "./stores.ts";

const defaultQuota = 1_000;
const defaultCapacity = 100_000;
const defaultStrangers = 1_000;

/**
 * A replay cache **for development**: it forgets all when the process ends, and messages of the last minutes are then accepted
 * again. Bounded: 1,000 entries a sender and 100,000 in all unless told.
 */
export class MemoryReplayCache implements ReplayCache {
  readonly #entries = new Map<string, ReplayEntry>();
  readonly #held = new Map<string, number>();
  readonly #clock: Clock;
  readonly #limits: { readonly quota: number; readonly capacity: number };

  constructor(clock: Clock, limits: { readonly quota?: number; readonly capacity?: number } = {}) {
    this.#clock = clock;
    this.#limits = { quota: limits.quota ?? defaultQuota, capacity: limits.capacity ?? defaultCapacity };
  }

  insert(entry: ReplayEntry): "fresh" | "seen" | "full" {
    if (this.#entries.has(entry.key)) return "seen";
    if (this.#isFull(entry)) this.#forget();
    if (this.#isFull(entry)) return "full";
    this.#entries.set(entry.key, entry);
    this.#held.set(entry.sender, this.#heldBy(entry.sender) + 1);
    return "fresh";
  }

  #isFull({ sender }: ReplayEntry): boolean {
    return this.#entries.size >= this.#limits.capacity || this.#heldBy(sender) >= this.#limits.quota;
  }

  #heldBy(sender: string): number {
    return this.#held.get(sender) ?? 0;
  }

  #forget(): void {
    const nowSeconds = this.#clock.nowSeconds();
    for (const { key, sender, rememberUntilSeconds } of this.#entries.values()) {
      if (rememberUntilSeconds >= nowSeconds) continue;
      this.#entries.delete(key);
      const left = this.#heldBy(sender) - 1;
      if (left === 0) this.#held.delete(sender);
      else this.#held.set(sender, left);
    }
  }
}

/**
 * Pending states **for development**: a message that comes after a restart, or to another process, finds nothing. Bounded: 1,000
 * states that strangers made await a third message unless told.
 */
export class MemoryPendingStates implements PendingStates {
  readonly #states = new Map<string, PendingState>();
  readonly #clock: Clock;
  readonly #strangers: number;

  constructor(clock: Clock, limits: { readonly strangers?: number } = {}) {
    this.#clock = clock;
    this.#strangers = limits.strangers ?? defaultStrangers;
  }

  /** Also forgets the states that have expired. */
  insert(state: PendingState): "fresh" | "seen" | "full" {
    const nowSeconds = this.#clock.nowSeconds();
    for (const { reference, expiresAtSeconds } of this.#states.values()) if (expiresAtSeconds < nowSeconds) this.remove(reference);
    const result = this.#resultFor(state);
    if (result === "fresh") this.#states.set(state.reference, state);
    else state.saved[Symbol.dispose]();
    return result;
  }

  find(reference: string): Secret<"saved pending link"> | null {
    const saved = this.#states.get(reference)?.saved;
    return saved === undefined ? null : saved.use((bytes) => Secret.copy("saved pending link", bytes));
  }

  remove(reference: string): boolean {
    this.#states.get(reference)?.saved[Symbol.dispose]();
    return this.#states.delete(reference);
  }

  #resultFor({ reference, awaits }: PendingState): "fresh" | "seen" | "full" {
    if (this.#states.has(reference)) return "seen";
    if (awaits === "reply") return "fresh";
    const strangers = this.#states.values().filter((held) => held.awaits === "third");
    return [...strangers].length < this.#strangers ? "fresh" : "full";
  }
}
