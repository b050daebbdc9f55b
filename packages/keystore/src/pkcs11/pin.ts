import { open } from "node:fs/promises";
import { type MaybePromise, Secret } from "@sealane/crypto";
import { SealaneError } from "@sealane/wire";
import { keystoreErrors } from "../errors.ts";
import { maxPinBytes } from "../limits.ts";

/** Asks somebody for the PIN of the token with this label; the secret given is wiped by whoever asked. */
export type AskPin = (label: string) => MaybePromise<Secret>;

/** Where a store's PIN comes from. */
export interface PinOptions {
  readonly file: string | null;
  readonly ask: AskPin | null;
}

/**
 * A token's PIN: got when it is first needed, kept for the sessions that follow, and never given again once the token refused it.
 *
 * `pkcs11js` takes it as text, which cannot be wiped: a copy stays in memory until it is collected.
 */
export class TokenPin implements Disposable {
  readonly #options: PinOptions;
  #secret: Secret | null = null;
  #refused: SealaneError | null = null;

  constructor(options: PinOptions) {
    this.#options = options;
  }

  /**
   * Lends the PIN to `login`, which throws KEYSTORE_TOKEN_PIN_* where the token refuses it.
   * Errors: KEYSTORE_TOKEN_PIN_MISSING, KEYSTORE_TOKEN_PIN_FILE_WRONG, KEYSTORE_TOKEN_PIN_FILE_EXPOSED, those of `login`.
   */
  async use(label: string, login: (pin: string) => void): Promise<void> {
    if (this.#refused !== null) throw this.#refused;
    this.#secret ??= await this.#get(label);
    try {
      this.#secret.use((bytes) => login(new TextDecoder().decode(bytes)));
    } catch (error) {
      if (error instanceof SealaneError) {
        this.#refused = error;
        this[Symbol.dispose]();
      }
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#secret?.[Symbol.dispose]();
    this.#secret = null;
  }

  async #get(label: string): Promise<Secret> {
    const { file, ask } = this.#options;
    if (file !== null) return await readPinFile(file);
    const pin = await ask?.(label);
    if (pin === undefined || pin.length === 0) throw keystoreErrors.error("KEYSTORE_TOKEN_PIN_MISSING", { token: label });
    return pin;
  }
}

const openToOthers = 0o077;

/** One line, with or without its end. Modes are not looked at on Windows, which has none. */
async function readPinFile(path: string): Promise<Secret> {
  const content = await readOwn(path).catch((cause: unknown) => {
    throw cause instanceof SealaneError ? cause : keystoreErrors.error("KEYSTORE_TOKEN_PIN_FILE_WRONG", { path }, cause);
  });
  try {
    const lineEnd = content.findIndex((byte) => byte < 0x20 || byte === 0x7f);
    const pin = lineEnd === -1 ? content : content.subarray(0, lineEnd);
    const rest = Buffer.from(content.subarray(pin.length)).toString("latin1");
    if (pin.length === 0 || !["", "\n", "\r\n"].includes(rest)) throw keystoreErrors.error("KEYSTORE_TOKEN_PIN_FILE_WRONG", { path });
    return Secret.copy("pin", pin);
  } finally {
    content.fill(0);
  }
}

async function readOwn(path: string): Promise<Uint8Array> {
  await using file = await open(path, "r");
  const { mode, size } = await file.stat();
  if (process.platform !== "win32" && (mode & openToOthers) !== 0) throw keystoreErrors.error("KEYSTORE_TOKEN_PIN_FILE_EXPOSED", { path });
  if (size > maxPinBytes + 2) throw keystoreErrors.error("KEYSTORE_TOKEN_PIN_FILE_WRONG", { path });
  return await file.readFile();
}
