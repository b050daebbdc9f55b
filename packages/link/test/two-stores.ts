import assert from "node:assert/strict";
import type { Secret } from "@sealane/crypto";
import { continuingContext, MemoryReplayCache, type Pair, testNowSeconds } from "@sealane/testkit";
import {
  acceptMessage,
  ConfidentialLink,
  decodeMessage,
  loadAwaitedReply,
  loadAwaitedThird,
  type RecipientContext,
  readReference,
  UnconfirmedLink,
} from "../src/index.ts";
import { codeOf } from "./codes.ts";
import { accepting, begin, type Way, wishOf } from "./ways.ts";

/**
 * Two parties that keep every state in a store, and the network between them, which loses, repeats and reorders. A party handles one
 * message at a time: it loads, checks, saves, and only then sends. A crash takes what was not saved, or the whole store.
 */

/** Something on its way. A record names its link, as a request does. */
interface Flying {
  readonly to: "originator" | "recipient";
  readonly bytes: Uint8Array;
  readonly link: string | null;
}

interface Store {
  readonly pending: Map<string, Secret<"saved pending link">>;
  readonly links: Map<string, { readonly saved: Secret<"saved link">; readonly isConfirmed: boolean }>;
}

/** What a party has ever accepted as a link: its id with a key that only its ends can make. */
export type Accepted = Map<string, string>;

/** How a message ended: a code, "accepted", or "unknown" where nobody waits for it any more. */
export type Outcome = string;

const now = testNowSeconds;
const none = new Uint8Array(0);

export class TwoStores {
  readonly #pair: Pair;
  readonly #way: Way;
  readonly flying: Flying[] = [];
  readonly accepted: Readonly<Record<Flying["to"], Accepted>> = { originator: new Map(), recipient: new Map() };
  /** Ids of all links that a party has ever kept, also while their peer had not confirmed. */
  readonly kept: Readonly<Record<Flying["to"], Set<string>>> = { originator: new Set(), recipient: new Set() };
  readonly #stores: Record<Flying["to"], Store> = { originator: emptyStore(), recipient: emptyStore() };
  #replay = new MemoryReplayCache();

  constructor(pair: Pair, way: Way) {
    this.#pair = pair;
    this.#way = way;
  }

  /** The originator sends a new M1. */
  async begin(): Promise<void> {
    const sent = await begin(this.#pair, this.#way);
    assert.ok(sent.kind === "sent");
    this.#stores.originator.pending.set(hex(sent.awaited.reference), sent.awaited.save());
    this.flying.push({ to: "recipient", bytes: sent.message, link: null });
  }

  /** Gives a message to whom it is for; a crash before the state is saved leaves the party as it was, and sends nothing. */
  async deliver(message: Flying, crashes = false): Promise<Outcome> {
    let outcome: Outcome = "accepted";
    const code = await codeOf(async () => {
      const commit = message.to === "recipient" ? await this.#atRecipient(message) : await this.#atOriginator(message);
      if (commit === null) outcome = "unknown";
      else if (!crashes) commit();
    });
    return code === "accepted" ? outcome : code;
  }

  /** A party that restarts reads everything from its store: it has nothing else. Without its store it knows nothing of the past. */
  loseStore(party: Flying["to"]): void {
    this.#stores[party] = emptyStore();
    if (party === "recipient") this.#replay = new MemoryReplayCache();
  }

  /** The newest link that a party has confirmed. */
  newestLink(party: Flying["to"]): ConfidentialLink | null {
    const found = [...this.#stores[party].links.values()].findLast(({ isConfirmed }) => isConfirmed);
    return found === undefined ? null : ConfidentialLink.load(found.saved);
  }

  async #atRecipient({ bytes, link }: Flying): Promise<(() => void) | null> {
    const store = this.#stores.recipient;
    if (link !== null) return this.#record("recipient", bytes, link);
    if (decodeMessage(bytes).header.number === 1) {
      const replay = new MemoryReplayCache();
      for (const [key, entry] of this.#replay.entries) replay.entries.set(key, entry);
      const context: RecipientContext = { ...accepting(this.#pair, this.#way), replay };
      const accepted = await acceptMessage(context, bytes);
      assert.ok(accepted.kind !== "broadcast");
      return () => {
        this.#replay = replay;
        if (accepted.kind === "waiting") store.pending.set(hex(accepted.reply), accepted.awaited.save());
        else this.#keep("recipient", accepted.link);
        this.flying.push({ to: "originator", bytes: accepted.reply, link: null });
      };
    }
    // Several M2 may have gone out for one M1 that came more than once: M3 belongs to one of them.
    for (const [key, saved] of store.pending) {
      const awaited = loadAwaitedThird(saved);
      if (Buffer.compare(awaited.reference, readReference(bytes)) !== 0) continue;
      const context = accepting(this.#pair, this.#way);
      let received: Awaited<ReturnType<typeof awaited.receive>>;
      try {
        received = await awaited.receive(context, bytes);
      } catch (error) {
        if (store.pending.size > 1) continue;
        throw error;
      }
      const { link: made } = received;
      const first = made.seal(none, now);
      return () => {
        store.pending.delete(key);
        this.#accept("recipient", made);
        this.flying.push({ to: "originator", bytes: first, link: hex(made.id) });
      };
    }
    return null;
  }

  async #atOriginator({ bytes, link }: Flying): Promise<(() => void) | null> {
    const store = this.#stores.originator;
    if (link !== null) return this.#record("originator", bytes, link);
    const reference = hex(readReference(bytes));
    const saved = store.pending.get(reference);
    if (saved === undefined) return null;
    const near = continuingContext(this.#pair, wishOf(this.#way));
    const { link: made, message } = await loadAwaitedReply(saved).receive(near, bytes);
    const id = hex(made.id);
    const first = made instanceof ConfidentialLink && message === null ? made.seal(none, now) : null;
    return () => {
      store.pending.delete(reference);
      if (made instanceof ConfidentialLink) this.#accept("originator", made);
      else this.#keep("originator", made);
      if (message !== null) this.flying.push({ to: "recipient", bytes: message, link: null });
      if (first !== null) this.flying.push({ to: "recipient", bytes: first, link: id });
    };
  }

  #record(party: Flying["to"], bytes: Uint8Array, id: string): (() => void) | null {
    const kept = this.#stores[party].links.get(id);
    if (kept === undefined) return null;
    if (kept.isConfirmed) {
      const link = ConfidentialLink.load(kept.saved);
      link.open(bytes, now);
      return () => this.#accept(party, link);
    }
    const { link } = UnconfirmedLink.load(kept.saved).confirm(bytes, now);
    return () => this.#accept(party, link);
  }

  #accept(party: Flying["to"], link: ConfidentialLink): void {
    const id = hex(link.id);
    const key = hex(link.exportKey({ label: "test", context: none, length: 32, nowSeconds: now }).use((bytes) => Uint8Array.from(bytes)));
    this.accepted[party].set(id, key);
    this.#keep(party, link);
  }

  #keep(party: Flying["to"], link: ConfidentialLink | UnconfirmedLink): void {
    const id = hex(link.id);
    this.kept[party].add(id);
    this.#stores[party].links.set(id, { saved: link.save(), isConfirmed: link instanceof ConfidentialLink });
  }
}

function emptyStore(): Store {
  return { pending: new Map(), links: new Map() };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
