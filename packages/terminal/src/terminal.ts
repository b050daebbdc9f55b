import { type Randomness, systemRandom } from "@sealane/crypto";
import { type AskPin, FileKeyStore, type KeyStore, openPkcs11KeyStore, type Pkcs11KeyStore } from "@sealane/keystore";
import { type Clock, systemClock } from "./clock.ts";
import { FloorClock } from "./clock-floor.ts";
import type { OnEvent } from "./events.ts";
import { StateFolder } from "./state-folder.ts";

/** What every command of the terminal works with. */
export interface Terminal {
  readonly folder: StateFolder;
  /** The keys of a listener, and those of an enrolment that names no token. */
  readonly keys: KeyStore;
  /** The token of a `pkcs11:` URI; the same store for the same URI. Errors: KEYSTORE_TOKEN_URI_WRONG, KEYSTORE_TOKEN_MODULE_WRONG. */
  readonly token: (uri: string) => Pkcs11KeyStore;
  readonly clock: FloorClock;
  readonly random: Randomness;
  /** HTTP_PROXY, HTTPS_PROXY, NO_PROXY and SEALANE_LEAST_RATE are read from here. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly onEvent: OnEvent;
}

export interface TerminalOptions {
  readonly stateFolder: string;
  /** Files below the state folder unless told. */
  readonly keys?: KeyStore;
  /** Asks for the PIN of a token whose URI has no `pin-source`; without it that is KEYSTORE_TOKEN_PIN_MISSING. */
  readonly askPin?: AskPin;
  readonly clock?: Clock;
  readonly random?: Randomness;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly onEvent?: OnEvent;
}

/** Describes a terminal by its state folder; touches nothing yet. */
export function terminalAt(options: TerminalOptions): Terminal {
  const { clock = systemClock, random = systemRandom, environment = process.env, onEvent = () => {} } = options;
  const folder = new StateFolder(options.stateFolder);
  const keys = options.keys ?? new FileKeyStore(folder.keys);
  const opened = new Map<string, Pkcs11KeyStore>();
  const token = (uri: string): Pkcs11KeyStore => {
    const store = opened.get(uri) ?? openPkcs11KeyStore(uri, options.askPin === undefined ? {} : { askPin: options.askPin });
    opened.set(uri, store);
    return store;
  };
  return {
    folder,
    keys,
    token,
    clock: new FloorClock(clock, { floor: folder.clock, rise: folder.clockRise }),
    random,
    environment,
    onEvent,
  };
}
