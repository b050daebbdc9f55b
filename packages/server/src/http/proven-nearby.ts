import { addressGroupOf } from "./address-group.ts";

/**
 * Counts the terminals that have proven themselves from an address within the last minute. A request proves its terminal only after it was
 * counted for its address: so many requests more the address may send, and the gateways of a site use up nothing of each other. A
 * terminal counts once, however often it proves itself, so that it raises no stranger's bound by more than one.
 */
export class ProvenNearby {
  readonly #nowSeconds: () => number;
  /** When each terminal was proven last, the latest at the end. */
  readonly #groups = new Map<string, Map<string, number>>();

  /** The clock is any that only goes forward. */
  constructor(nowSeconds: () => number) {
    this.#nowSeconds = nowSeconds;
  }

  note(address: string, terminal: string): void {
    const group = addressGroupOf(address);
    const terminals = this.#groups.get(group) ?? new Map<string, number>();
    terminals.delete(terminal);
    terminals.set(terminal, this.#nowSeconds());
    this.#groups.set(group, terminals);
    for (const each of this.#groups.keys()) {
      this.#forget(each);
      if (this.#groups.has(each)) break; // the others are looked at when they are asked for, or come first
    }
  }

  count(address: string): number {
    const group = addressGroupOf(address);
    this.#forget(group);
    return this.#groups.get(group)?.size ?? 0;
  }

  #forget(group: string): void {
    const terminals = this.#groups.get(group);
    if (terminals === undefined) return;
    for (const [terminal, at] of terminals) {
      if (this.#nowSeconds() - at < rateWindowSeconds) break;
      terminals.delete(terminal);
    }
    if (terminals.size === 0) this.#groups.delete(group);
  }
}

/** The stretch that rates are counted over. */
export const rateWindowSeconds = 60;
