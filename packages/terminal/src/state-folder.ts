import { join } from "node:path";
import type { ArtefactId } from "@sealane/wire";
import { terminalErrors } from "./errors.ts";

/**
 * Where everything is in the terminal's state folder:
 *
 * ```text
 * keys/                                  private keys
 * identity.cbor                          who this terminal is and whom it trusts; its presence means "enrolled"
 * suite-floor.cbor                       the weakest suite that this terminal takes, where somebody has lowered it
 * listener.cbor                          whom this terminal listens to without being enrolled
 * groups.cbor                            secrets of the groups that it is a member of, encrypted to itself
 * clock.cbor                             latest time that the server has proved
 * clock-rise.cbor                        how far that may rise, and a far time that waits to be said once more
 * orders.cbor                            the last order of the operator, and what of it is not done yet
 * inbox.cbor                             accepted messages, and the link that waits for its first record
 * downloads/<artefact id>/               fetch.cbor, header, software.part or software
 * kept/<artefact id>.cbor                release, licence and content key after the delivery, where the licence wants them kept
 * modules/<module>/current               link to slots/<sequence>: the one thing that decides what is installed
 * modules/<module>/module.cbor           the version before it, and the highest ever installed
 * modules/<module>/user.cbor             the number of its software's user, where another module has that of its name
 * modules/<module>/slots/<sequence>/     slot.cbor, licence.cwt, release.cose, software/, layout
 * *.lock                                 held by commands: see LockedArea
 * ```
 */
export class StateFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  get keys(): string {
    return join(this.path, "keys");
  }

  get identity(): string {
    return join(this.path, "identity.cbor");
  }

  get suiteFloor(): string {
    return join(this.path, "suite-floor.cbor");
  }

  get listener(): string {
    return join(this.path, "listener.cbor");
  }

  get groups(): string {
    return join(this.path, "groups.cbor");
  }

  get inbox(): string {
    return join(this.path, "inbox.cbor");
  }

  get clock(): string {
    return join(this.path, "clock.cbor");
  }

  get orders(): string {
    return join(this.path, "orders.cbor");
  }

  get clockRise(): string {
    return join(this.path, "clock-rise.cbor");
  }

  get downloads(): string {
    return join(this.path, "downloads");
  }

  get modules(): string {
    return join(this.path, "modules");
  }

  /** Error: TERMINAL_MODULE_UNKNOWN for what can be no module's name. */
  lock(area: LockedArea): string {
    const name = typeof area === "string" ? area : `fetch-${requireFolderName(area.module)}`;
    return join(this.path, `${name}.lock`);
  }

  download(artefactId: ArtefactId): DownloadFolder {
    return new DownloadFolder(join(this.downloads, artefactId.toHex()));
  }

  get kept(): string {
    return join(this.path, "kept");
  }

  keptRecord(artefactId: ArtefactId): string {
    return join(this.kept, `${artefactId.toHex()}.cbor`);
  }

  /** Error: TERMINAL_MODULE_UNKNOWN for what can be no module's name. */
  module(module: string): ModuleFolder {
    return new ModuleFolder(join(this.modules, requireFolderName(module)));
  }
}

/**
 * What one lock protects. Two are held for short changes of files alone: `downloads`, with identity, inbox, groups and clock, and
 * `modules`, what is installed. The others are held while the network is used: the downloads of one module, the inbox while a command takes
 * the server's message from it, the enrolment while it is being made.
 */
export type LockedArea = "downloads" | "modules" | "inbox" | "enrolment" | { readonly module: string };

/** One artefact on its way. */
export class DownloadFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  get record(): string {
    return join(this.path, "fetch.cbor");
  }

  get header(): string {
    return join(this.path, "header");
  }

  /** Plaintext that is still growing. */
  get part(): string {
    return join(this.path, "software.part");
  }

  /** The whole plaintext: renamed from `part` once it is complete. */
  get software(): string {
    return join(this.path, "software");
  }
}

/** One module with its slots. */
export class ModuleFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  get current(): string {
    return join(this.path, "current");
  }

  get record(): string {
    return join(this.path, "module.cbor");
  }

  /** The publisher's security floor. */
  get floor(): string {
    return join(this.path, "floor.cbor");
  }

  /** The number of its software's user, where another module has that of its name. */
  get user(): string {
    return join(this.path, "user.cbor");
  }

  get slots(): string {
    return join(this.path, "slots");
  }

  slot(sequence: number): SlotFolder {
    return new SlotFolder(join(this.slots, String(sequence)));
  }
}

/** One installed version, or one that is being made (`<sequence>.tmp-...`). */
export class SlotFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  get record(): string {
    return join(this.path, "slot.cbor");
  }

  get licence(): string {
    return join(this.path, "licence.cwt");
  }

  get release(): string {
    return join(this.path, "release.cose");
  }

  /** The software itself, read-only. */
  get software(): string {
    return join(this.path, "software");
  }

  /** An archive without its files' contents. */
  get layout(): string {
    return join(this.path, "layout");
  }
}

/** True for a module's name that can be a folder's: it leads nowhere else. */
export function isFolderName(module: string): boolean {
  return /^(?!\.{1,2}$)[a-z0-9._-]{1,64}$/.test(module);
}

function requireFolderName(module: string): string {
  if (!isFolderName(module)) throw terminalErrors.error("TERMINAL_MODULE_UNKNOWN", { module: module.slice(0, 64) });
  return module;
}
