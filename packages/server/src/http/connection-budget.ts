import { addressGroupOf } from "./address-group.ts";

/** One connection, or one request that a trusted proxy has passed on, as it is counted. */
export interface Counted {
  /** The terminal that a request of it has proven. */
  readonly terminal: string | null;
  /** A request has come in full and is being worked on: it is not ended for a newer connection. */
  busy: number;
}

interface Entry extends Counted {
  terminal: string | null;
  readonly group: string;
  readonly end: () => void;
}

/**
 * Bounds the connections of each address, and counts those that have proven a terminal apart: so many for each terminal, whatever address
 * it comes from. One address that opens all it can thus keeps nobody out but strangers who share it, and of these the newest has
 * a place while an older one has no request under way. It reads no clock.
 */
export class ConnectionBudget {
  readonly #limits: { readonly perAddress: number; readonly perTerminal: number };
  /** Those without a proven terminal, by address group, the oldest first. */
  readonly #strangers = new Map<string, Set<Entry>>();
  readonly #terminals = new Map<string, number>();

  constructor(limits: { readonly perAddress: number; readonly perTerminal: number }) {
    this.#limits = limits;
  }

  /**
   * Counts one more of this address; `end` is called where a newer one takes its place. Null where the address has as many as it may,
   * each with a request under way.
   */
  admit(address: string, end: () => void): Counted | null {
    const group = addressGroupOf(address);
    const all = this.#strangers.get(group) ?? new Set<Entry>();
    if (all.size >= this.#limits.perAddress) {
      const idle = all.values().find(({ busy }) => busy === 0);
      if (idle === undefined) return null;
      all.delete(idle);
      idle.end();
    }
    const entry: Entry = { terminal: null, busy: 0, group, end };
    all.add(entry);
    this.#strangers.set(group, all);
    return entry;
  }

  /** A request has proven a terminal: from now on it counts for that one, if it has not too many already. */
  prove(counted: Counted, terminal: string): void {
    const entry = counted as Entry;
    const count = this.#terminals.get(terminal) ?? 0;
    if (entry.terminal !== null || count >= this.#limits.perTerminal || !this.#removeStranger(entry)) return;
    entry.terminal = terminal;
    this.#terminals.set(terminal, count + 1);
  }

  /** It has ended. Again: nothing. */
  release(counted: Counted): void {
    const entry = counted as Entry;
    const { terminal } = entry;
    if (terminal === null) {
      this.#removeStranger(entry);
      return;
    }
    entry.terminal = null;
    const left = (this.#terminals.get(terminal) ?? 0) - 1;
    if (left > 0) this.#terminals.set(terminal, left);
    else this.#terminals.delete(terminal);
  }

  #removeStranger(entry: Entry): boolean {
    const all = this.#strangers.get(entry.group);
    const isRemoved = all?.delete(entry) === true;
    if (all?.size === 0) this.#strangers.delete(entry.group);
    return isRemoved;
  }
}
