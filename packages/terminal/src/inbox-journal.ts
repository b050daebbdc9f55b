import { linkErrors, type MechanismName, maxMessageBytes, mechanisms, type ReplayCache, type ReplayEntry } from "@sealane/link";
import { credentialCodec, equalCredentials } from "@sealane/pki";
import { type SoftwareDescription, softwareDescriptionCodec } from "@sealane/software";
import {
  type ArtefactId,
  artefactId,
  byteString,
  bytesAs,
  type Codec,
  type Digest,
  digest,
  equalBytes,
  hasCode,
  type LinkId,
  linkId,
  listOf,
  literal,
  nonce,
  nullable,
  oneOf,
  tuple,
  uint,
  variants,
} from "@sealane/wire";
import { loadState, type StateFile, saveState } from "./disk.ts";
import { stateVersion } from "./labels.ts";
import { maxInboxFileBytes, maxKeptBytes, maxRecordWireBytes, maxRemembered, maxRememberedOfOne } from "./limits.ts";
import { type Changer, changeState } from "./state-change.ts";
import type { Terminal } from "./terminal.ts";

/** What M3 vouched for: of a link nothing else is taken. */
export interface Vouched {
  readonly artefactId: ArtefactId;
  /** SHA-256 of the encoded licence. */
  readonly licence: Digest;
  /** SHA-256 of the encoded release. */
  readonly release: Digest;
}

/** What was sent on a server-originated link and waits for its reply; the link is encrypted to this terminal. */
export type PendingMessage =
  | {
      /** The answer to M1, or M2 where there is no M3; the reply will be the server's first record. */
      readonly kind: "answer";
      readonly message: Uint8Array;
      readonly link: Uint8Array;
    }
  | {
      /** M2; the reply will be M3. In place of a link the wait for M3 is kept. */
      readonly kind: "second";
      readonly message: Uint8Array;
      readonly link: Uint8Array;
    }
  | {
      /** The record that asks what is on offer, on a link that M3 has established. */
      readonly kind: "offers";
      readonly linkId: LinkId;
      readonly vouched: Vouched | null;
      readonly message: Uint8Array;
      readonly link: Uint8Array;
    }
  | {
      /** The record that asks for the licence of what was offered. */
      readonly kind: "request";
      readonly linkId: LinkId;
      readonly message: Uint8Array;
      readonly link: Uint8Array;
      readonly description: SoftwareDescription;
      readonly vouched: Vouched | null;
    };

interface Journal {
  readonly version: typeof stateVersion;
  /** Latest end among forgotten entries: what ends at or before it may have been forgotten, so it counts as seen. */
  readonly floorSeconds: number;
  readonly remembered: readonly ReplayEntry[];
  readonly pending: PendingMessage | null;
}

const entryCodec: Codec<ReplayEntry> = tuple<ReplayEntry>({
  mechanism: oneOf(Object.keys(mechanisms) as MechanismName[]),
  originator: credentialCodec,
  nonce: bytesAs(nonce),
  rememberUntilSeconds: uint(),
});

const keptCodec = byteString({ min: 1, max: maxKeptBytes });

const vouchedCodec: Codec<Vouched> = tuple<Vouched>({
  artefactId: bytesAs(artefactId),
  licence: bytesAs(digest),
  release: bytesAs(digest),
});

const pendingCodec: Codec<PendingMessage> = variants<PendingMessage>({
  answer: { message: byteString({ min: 1, max: maxMessageBytes }), link: keptCodec },
  second: { message: byteString({ min: 1, max: maxMessageBytes }), link: keptCodec },
  offers: {
    linkId: bytesAs(linkId),
    vouched: nullable(vouchedCodec),
    message: byteString({ min: 1, max: maxRecordWireBytes }),
    link: keptCodec,
  },
  request: {
    linkId: bytesAs(linkId),
    message: byteString({ min: 1, max: maxRecordWireBytes }),
    link: keptCodec,
    description: softwareDescriptionCodec,
    vouched: nullable(vouchedCodec),
  },
});

/** What another version of the software had begun, in another form, is given up: its server will offer it again. */
const readablePendingCodec: Codec<PendingMessage | null> = {
  toCbor: (value) => nullable(pendingCodec).toCbor(value),
  fromCbor(value, field) {
    try {
      return nullable(pendingCodec).fromCbor(value, field);
    } catch (error) {
      if (hasCode(error, "WIRE_SHAPE_WRONG")) return null;
      throw error;
    }
  },
};

const journalFile: StateFile<Journal> = {
  codec: tuple<Journal>({
    version: literal(stateVersion),
    floorSeconds: uint(),
    remembered: listOf(entryCodec, { max: maxRemembered }),
    pending: readablePendingCodec,
  }),
  maxBytes: maxInboxFileBytes,
  what: "inbox",
};

/**
 * Remembers which server-originated messages were accepted (FNONCE), also after a restart, and what was sent back and has no reply
 * yet. Both are one file, written whole: a message that was accepted is remembered together with its answer or not at all, so
 * that after a crash it is neither accepted twice nor lost. What waits for a reply belongs to the holder of the lock on the inbox; who
 * hears broadcasts notes them meanwhile.
 */
export class InboxJournal implements ReplayCache {
  readonly #terminal: Terminal;
  readonly #changer: Changer;
  #journal: Journal;
  /** What was noted since the journal was read. */
  #inserted: readonly ReplayEntry[] = [];

  private constructor(terminal: Terminal, changer: Changer, journal: Journal) {
    this.#terminal = terminal;
    this.#changer = changer;
    this.#journal = journal;
  }

  /** Reads the journal; without a file it is empty. Error: TERMINAL_STATE_DAMAGED. */
  static async load(terminal: Terminal, changer: Changer): Promise<InboxJournal> {
    return new InboxJournal(terminal, changer, await loadJournal(terminal));
  }

  get pending(): PendingMessage | null {
    return this.#journal.pending;
  }

  /** Whether an entry was noted before; notes nothing. */
  knows(entry: ReplayEntry): boolean {
    const { remembered, floorSeconds } = this.#journal;
    return entry.rememberUntilSeconds <= floorSeconds || remembered.some((known) => isSame(known, entry));
  }

  /** Notes an entry for the next {@link commit}, which must come before the acceptance has any effect outside. */
  insert(entry: ReplayEntry): "fresh" | "seen" | "full" {
    const outcome = this.#insert(entry);
    if (outcome === "fresh") this.#inserted = [...this.#inserted, entry];
    return outcome;
  }

  /**
   * Writes what was noted, with the message that is about to be sent, or null once nothing is awaited. For the holder of the lock on the
   * inbox. Errors: those of `changeState`; LINK_REPLAY_CACHE_FULL where others have filled it meanwhile.
   */
  async commit(pending: PendingMessage | null): Promise<void> {
    await this.#change(() => pending);
  }

  /** Writes what was noted, whoever has the inbox. Errors: those of {@link commit}. */
  async commitNoted(): Promise<void> {
    await this.#change(({ pending }) => pending);
  }

  /** Ends what this command awaits, unless another one has the inbox by now and awaits something else. Errors: those of {@link commit}. */
  async settle(): Promise<void> {
    const own = this.pending;
    if (own === null) return;
    await this.#change(({ pending }) => (pending !== null && equalBytes(pending.message, own.message) ? null : pending));
  }

  /** Others may have changed the file since it was read: what was noted here is added to what they wrote. */
  async #change(pendingOf: (stored: Journal) => PendingMessage | null): Promise<void> {
    await changeState(this.#terminal, this.#changer, async () => {
      const stored = await loadJournal(this.#terminal);
      this.#journal = { ...stored, pending: pendingOf(stored) };
      for (const entry of this.#inserted) if (this.#insert(entry) === "full") throw linkErrors.error("LINK_REPLAY_CACHE_FULL");
      await saveState(this.#terminal.folder.inbox, journalFile, this.#journal);
      this.#inserted = [];
    });
  }

  #insert(entry: ReplayEntry): "fresh" | "seen" | "full" {
    this.#forget(this.#terminal.clock.nowSeconds());
    const { remembered } = this.#journal;
    if (this.knows(entry)) return "seen";
    const ofOne = remembered.filter((known) => equalCredentials(known.originator, entry.originator));
    if (remembered.length >= maxRemembered || ofOne.length >= maxRememberedOfOne) return "full";
    this.#journal = { ...this.#journal, remembered: [...remembered, entry] };
    return "fresh";
  }

  #forget(nowSeconds: number): void {
    const { remembered, floorSeconds } = this.#journal;
    const over = remembered.filter((entry) => entry.rememberUntilSeconds < nowSeconds);
    if (over.length === 0) return;
    const raised = Math.max(floorSeconds, ...over.map((entry) => entry.rememberUntilSeconds));
    this.#journal = { ...this.#journal, floorSeconds: raised, remembered: remembered.filter((entry) => !over.includes(entry)) };
  }
}

async function loadJournal({ folder }: Terminal): Promise<Journal> {
  const loaded = await loadState(folder.inbox, journalFile);
  return loaded ?? { version: stateVersion, floorSeconds: 0, remembered: [], pending: null };
}

/**
 * Gives up a request for the licence of a module whose reply did not come; true where there was one. For the holder of the locks on the
 * module and on downloads. Errors: TERMINAL_STATE_DAMAGED, TERMINAL_DISK_FULL, FILE_WRITE_FAILED.
 */
export async function forgetRequest(terminal: Terminal, module: string): Promise<boolean> {
  const journal = await loadJournal(terminal);
  if (journal.pending?.kind !== "request" || journal.pending.description.module !== module) return false;
  await saveState(terminal.folder.inbox, journalFile, { ...journal, pending: null });
  return true;
}

function isSame(a: ReplayEntry, b: ReplayEntry): boolean {
  return a.mechanism === b.mechanism && equalCredentials(a.originator, b.originator) && equalBytes(a.nonce, b.nonce);
}
