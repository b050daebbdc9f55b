import { type Randomness, systemRandom } from "@sealane/crypto";
import { FileKeyStore, type KeyStore } from "@sealane/keystore";
import { type Clock, systemClock } from "./clock.ts";
import type { OnEvent } from "./events.ts";
import { StateFolder } from "./state-folder.ts";

/** What every command of the terminal works with. */
export interface Terminal {
  readonly folder: StateFolder;
  readonly keys: KeyStore;
  readonly clock: Clock;
  readonly random: Randomness;
  /** HTTP_PROXY, HTTPS_PROXY and NO_PROXY are read from here. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly onEvent: OnEvent;
}

export interface TerminalOptions {
  readonly stateFolder: string;
  /** Files below the state folder unless told: encrypted ones, or a token. */
  readonly keys?: KeyStore;
  readonly clock?: Clock;
  readonly random?: Randomness;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly onEvent?: OnEvent;
}

/** Describes a terminal by its state folder; touches nothing yet. */
export function terminalAt(options: TerminalOptions): Terminal {
  const { clock = systemClock, random = systemRandom, environment = process.env, onEvent = () => {} } = options;
  const folder = new StateFolder(options.stateFolder);
  return { folder, keys: options.keys ?? new FileKeyStore(folder.keys), clock, random, environment, onEvent };
}
