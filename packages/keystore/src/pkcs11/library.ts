import { keystoreErrors } from "../errors.ts";
import { flags, refusals } from "./constants.ts";
import { type Cryptoki, type Handle, loadCryptoki, type TokenInfo } from "./cryptoki.ts";
import { isRefusal, refusalIn } from "./refusal.ts";
import type { TokenSelector } from "./uri.ts";

/** A slot with the token in it. */
export interface Slot {
  readonly handle: Handle;
  readonly label: string;
}

/**
 * A PKCS #11 module in this process, whose state (initialised or not, who is logged in) is the process's: the stores that use it
 * share one of these, and take turns.
 */
export class TokenLibrary {
  static readonly #loaded = new Map<string, Promise<TokenLibrary>>();

  readonly cryptoki: Cryptoki;
  #initialised = false;
  /** Whether it was not another user of the module in this process who initialised it, and relies on it. */
  #own = false;
  #epoch = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(cryptoki: Cryptoki) {
    this.cryptoki = cryptoki;
  }

  /** The library of a path, loaded once. Errors: KEYSTORE_TOKEN_SUPPORT_MISSING, KEYSTORE_TOKEN_MODULE_WRONG. */
  static async at(path: string): Promise<TokenLibrary> {
    const loading = TokenLibrary.#loaded.get(path) ?? loadCryptoki(path).then((cryptoki) => new TokenLibrary(cryptoki));
    TokenLibrary.#loaded.set(path, loading);
    try {
      return await loading;
    } catch (error) {
      TokenLibrary.#loaded.delete(path);
      throw error;
    }
  }

  /** Changes when every session of before is void. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Runs work when all that was asked for before is done: a session does one thing at a time, and many modules do too. */
  async inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {}); // its caller is told
    return await turn;
  }

  /**
   * The slot of a token. Errors: KEYSTORE_TOKEN_GONE, KEYSTORE_TOKEN_AMBIGUOUS; the module's refusals.
   */
  findSlot(selector: TokenSelector): Slot {
    try {
      return this.#find(selector);
    } catch (error) {
      if (!isRefusal(error, refusals.notInitialized)) throw error;
      this.#void(); // another user of the module in this process has ended it
      return this.#find(selector);
    }
  }

  #find(selector: TokenSelector): Slot {
    this.#initialise();
    const slot = this.#search(selector) ?? this.#searchAgain(selector);
    if (slot === null) throw keystoreErrors.error("KEYSTORE_TOKEN_GONE", namesIn(selector));
    return slot;
  }

  #initialise(): void {
    if (this.#initialised) return;
    try {
      this.cryptoki.C_Initialize({ flags: flags.osLocking });
      this.#own = true;
    } catch (error) {
      if (!isRefusal(error, refusals.alreadyInitialized)) throw error;
      this.#own = false;
    }
    this.#initialised = true;
  }

  #search(selector: TokenSelector): Slot | null {
    const fitting = this.cryptoki.C_GetSlotList(true).flatMap((handle) => {
      const info = this.#tokenIn(handle);
      return info !== null && isMeant(selector, { handle, info }) ? [{ handle, label: info.label.trimEnd() }] : [];
    });
    const [slot = null, second] = fitting;
    if (second !== undefined) throw keystoreErrors.error("KEYSTORE_TOKEN_AMBIGUOUS", namesIn(selector));
    return slot;
  }

  /** Some modules see a token that was plugged in later only when they start anew (SoftHSM 2.6). */
  #searchAgain(selector: TokenSelector): Slot | null {
    if (!this.#own) return null;
    this.#void();
    this.cryptoki.C_Finalize();
    this.#initialise();
    return this.#search(selector);
  }

  #void(): void {
    this.#epoch++;
    this.#initialised = false;
  }

  /** What the token in a slot is; null where it just went, or was never made ready. */
  #tokenIn(slot: Handle): TokenInfo | null {
    try {
      const info = this.cryptoki.C_GetTokenInfo(slot);
      return (info.flags & flags.tokenInitialised) === 0 ? null : info;
    } catch (error) {
      if (refusalIn(error) === null) throw error;
      return null;
    }
  }
}

function isMeant(selector: TokenSelector, { handle, info }: { readonly handle: Handle; readonly info: TokenInfo }): boolean {
  const pairs = [
    [selector.label, info.label],
    [selector.serial, info.serialNumber],
    [selector.manufacturer, info.manufacturerID],
    [selector.model, info.model],
  ] as const;
  if (pairs.some(([wanted, padded]) => wanted !== null && wanted !== padded.trimEnd())) return false;
  return selector.slotId === null || selector.slotId === unsignedIn(handle);
}

/** A CK_ULONG: four or eight bytes in the order of the machine: little-endian on all that are supported. */
function unsignedIn(bytes: Uint8Array): bigint {
  return BigInt(`0x${Uint8Array.from(bytes).reverse().toHex()}`);
}

function namesIn({ label, serial }: TokenSelector): Record<string, string> {
  return { ...(label === null ? {} : { token: label }), ...(serial === null ? {} : { serial }) };
}
