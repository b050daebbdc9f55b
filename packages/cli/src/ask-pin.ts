import { openSync } from "node:fs";
import { ReadStream } from "node:tty";
import { Secret } from "@sealane/crypto";
import { type AskPin, keystoreErrors, maxPinBytes } from "@sealane/keystore";
import { safeLine } from "./safe-text.ts";

const key = { interrupt: 0x03, end: 0x04, backspace: 0x08, newLine: 0x0a, carriageReturn: 0x0d, delete: 0x7f } as const;

/**
 * Asks for PINs at the terminal that a command was started from, wherever its standard input comes from; what is typed is not shown. One
 * token is asked about once in a process.
 *
 * What it gives throws KEYSTORE_TOKEN_PIN_MISSING: where nobody can be asked, where `mayAsk` (`--no-input`) forbids it, and for Ctrl-C.
 */
export function pinAsker(mayAsk: boolean): AskPin {
  const known = new Map<string, Secret>();
  return async (label) => {
    const pin = known.get(label) ?? (await ask(label, mayAsk));
    known.set(label, pin);
    return pin.use((bytes) => Secret.copy("pin", bytes));
  };
}

async function ask(label: string, mayAsk: boolean): Promise<Secret> {
  const input = mayAsk ? openKeyboard() : null;
  if (input === null) throw keystoreErrors.error("KEYSTORE_TOKEN_PIN_MISSING", { token: label });
  input.setRawMode(true); // before it is asked for: what is typed from then on is not shown
  process.stderr.write(`PIN of the token ${safeLine(label)}: `);
  const typed = new Typed();
  try {
    for await (const piece of input as AsyncIterable<Buffer>) {
      const isWhole = typed.add(piece);
      piece.fill(0);
      if (isWhole) return typed.take();
    }
    throw keystoreErrors.error("KEYSTORE_TOKEN_PIN_MISSING", { token: label });
  } finally {
    typed.wipe();
    if (!input.destroyed) input.setRawMode(false);
    input.destroy();
    process.stderr.write("\n");
  }
}

/** Null where there is none: a service, a job of CI. */
function openKeyboard(): ReadStream | null {
  if (process.platform === "win32") return process.stdin.isTTY ? process.stdin : null;
  try {
    return new ReadStream(openSync("/dev/tty", "r"));
  } catch {
    return null;
  }
}

/** A line as it is typed. */
class Typed {
  readonly #bytes = new Uint8Array(maxPinBytes);
  #length = 0;

  /** Whether the line is at its end. Error: KEYSTORE_TOKEN_PIN_MISSING for Ctrl-C and Ctrl-D. */
  add(piece: Uint8Array): boolean {
    for (const byte of piece) {
      if (byte === key.newLine || byte === key.carriageReturn) return true;
      if (byte === key.interrupt || byte === key.end) throw keystoreErrors.error("KEYSTORE_TOKEN_PIN_MISSING");
      if (byte === key.delete || byte === key.backspace) this.#removeLast();
      else if (this.#length < maxPinBytes) this.#bytes[this.#length++] = byte;
    }
    return false;
  }

  take(): Secret {
    return Secret.copy("pin", this.#bytes.subarray(0, this.#length));
  }

  wipe(): void {
    this.#bytes.fill(0);
  }

  /** A character of UTF-8 is one byte, and those that continue it. */
  #removeLast(): void {
    while (this.#length > 0) {
      const last = this.#bytes[--this.#length] ?? 0;
      if ((last & 0xc0) !== 0x80) return;
    }
  }
}
