import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPkcs11KeyStore, type Pkcs11KeyStore } from "@sealane/keystore";
import { softHsm, without } from "./tools.ts";

/** SoftHSM 2 from Debian: tokens as folders, in a place of the test's own. Its module reads the place from the environment. */

/** Why tests of tokens are skipped, or not: {@link without}. */
export const withoutTokens: string | false = without("softHsm", "pkcs11js");

/** Numbers of digits only, so that no test name or path holds one by accident. */
export const pin = "48151623";

let root: string | null = null;
let count = 0;

/** The folder of this process's tokens; tests run in a process for each file. */
function tokensFolder(): string {
  if (root === null) {
    const folder = mkdtempSync(join(tmpdir(), "sealane-token-"));
    root = folder;
    mkdirSync(join(folder, "tokens"));
    mkdirSync(join(folder, "away"));
    writeFileSync(configOf(folder), `directories.tokendir = ${join(folder, "tokens")}\nlog.level = ERROR\n`);
    process.env["SOFTHSM2_CONF"] = configOf(folder); // the commands that a test starts inherit it
    process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  }
  return root;
}

function configOf(folder: string): string {
  return join(folder, "softhsm2.conf");
}

/** What processes need that are started without this one's environment. */
export function tokenEnvironment(): Readonly<Record<string, string>> {
  return { SOFTHSM2_CONF: configOf(tokensFolder()) };
}

/** A token of SoftHSM with a PIN file beside it. */
export class SoftToken implements AsyncDisposable {
  readonly label: string;
  readonly pinFile: string;
  readonly #name: string;
  readonly #root: string;
  readonly #stores: Pkcs11KeyStore[] = [];

  constructor() {
    this.#root = tokensFolder();
    this.label = `token-${++count}`;
    const before = this.#names();
    execFileSync("softhsm2-util", ["--init-token", "--free", "--label", this.label, "--so-pin", "87654321", "--pin", pin], {
      stdio: "pipe",
    });
    this.#name = this.#names().find((name) => !before.includes(name)) ?? "";
    this.pinFile = join(this.#root, `${this.label}.pin`);
    writeFileSync(this.pinFile, `${pin}\n`, { mode: 0o600 });
  }

  /** A URI of the token; `object` names a key, or the keys of one owner. */
  uri(object?: string): string {
    return `${this.uriWithoutPin(object)}&pin-source=file:${this.pinFile}`;
  }

  /** A URI with which the PIN is to be asked for. */
  uriWithoutPin(object?: string): string {
    const key = object === undefined ? "" : `;object=${encodeURIComponent(object)}`;
    return `pkcs11:token=${this.label}${key}?module-path=${softHsm}`;
  }

  /** A new store on it. */
  open(): Pkcs11KeyStore {
    const store = openPkcs11KeyStore(this.uri());
    this.#stores.push(store);
    return store;
  }

  /** Pulls it out. */
  takeAway(): void {
    renameSync(join(this.#root, "tokens", this.#name), join(this.#root, "away", this.#name));
  }

  /** Plugs it in again. */
  bringBack(): void {
    renameSync(join(this.#root, "away", this.#name), join(this.#root, "tokens", this.#name));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const store of this.#stores) await store[Symbol.asyncDispose]();
    for (const place of ["tokens", "away"]) rmSync(join(this.#root, place, this.#name), { recursive: true, force: true });
  }

  #names(): readonly string[] {
    return readdirSync(join(this.#root, "tokens"));
  }
}
