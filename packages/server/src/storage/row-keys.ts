import { link, open, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { hkdfExpand, type Randomness, Secret } from "@sealane/crypto";
import { syncFolder } from "@sealane/software";
import { byteString, type Codec, decodeAs, encode, encodeAs, literal, SealaneError, tuple, uint } from "@sealane/wire";
import { serverErrors } from "../errors.ts";
import { accessing, exists, readServerFile, systemCodeOf } from "../files.ts";
import { rowKeyContext } from "../labels.ts";
import { maxForgottenPeriods, maxRowKeyPeriods, rowKeyBytes, rowKeyPeriodSeconds } from "../limits.ts";

/** The one file: the first period that has a key still, and that key. */
interface RowKeyFile {
  readonly version: 1;
  readonly period: number;
  readonly key: Uint8Array;
}

const fileCodec: Codec<RowKeyFile> = tuple<RowKeyFile>({
  version: literal(1),
  period: uint(),
  key: byteString({ min: rowKeyBytes, max: rowKeyBytes }),
});

const maxFileBytes = 64;

/**
 * Keys that are erased when their time is over (KREP): what the database, its journal, dead rows and copies still have of a secret opens
 * with nothing that is left anywhere.
 *
 * Time is cut into periods of ten minutes. The key of a period is HKDF-Expand(key of the one before, "next"), so one key gives all later
 * ones and none before it. A secret is sealed under the key of the period in which its life ends. When a period is over, the file keeps the
 * key of the next one alone. Processes with a copy of one folder come to the same keys without a word between them.
 */
export class RowKeys implements Disposable {
  readonly #path: string;
  readonly #random: Randomness;
  #period: number;
  #key: Secret<"row key">;
  /** Derived before, by period. */
  readonly #derived = new Map<number, Secret<"row key">>();

  private constructor(path: string, random: Randomness, { period, key }: RowKeyFile) {
    this.#path = path;
    this.#random = random;
    this.#period = period;
    this.#key = Secret.take("row key", key);
  }

  /**
   * Reads the file; makes it where there is none, of which one process is the maker. What a killed process left of its own goes.
   * Errors: SERVER_FILE_WRONG, STORE_FULL, FILE_WRITE_FAILED.
   */
  static async open(path: string, given: { readonly nowSeconds: number; readonly random: Randomness }): Promise<RowKeys> {
    await make(path, given);
    return new RowKeys(path, given.random, await load(path));
  }

  /** The first period whose key is still there. */
  get period(): number {
    return this.#period;
  }

  /** The period in which something ends; of an end that is past the one of now. */
  periodOf(endsAtSeconds: number): number {
    const period = Math.floor(endsAtSeconds / rowKeyPeriodSeconds);
    return Math.min(Math.max(period, this.#period), this.#period + maxRowKeyPeriods);
  }

  /** Lends the key of a period; null when it was erased, or is further ahead than any secret ends. */
  use<T>(period: number, reader: (key: Uint8Array) => T): T | null {
    if (!(period >= this.#period && period <= this.#period + maxRowKeyPeriods)) return null;
    let key = this.#derived.get(period);
    if (key === undefined) {
      key = Secret.take(
        "row key",
        this.#key.use((first) => derive(first, period - this.#period)),
      );
      this.#derived.set(period, key);
    }
    return key.use(reader);
  }

  /**
   * Erases the keys of the periods that are over. A clock that leaps ahead erases a bounded number of them; nothing goes wrong but that links
   * have to be made anew. Errors: SERVER_FILE_WRONG, STORE_FULL, FILE_WRITE_FAILED.
   */
  async forget(nowSeconds: number): Promise<void> {
    const target = Math.min(Math.floor(nowSeconds / rowKeyPeriodSeconds), this.#period + maxForgottenPeriods);
    if (!(target > this.#period)) return;
    const next = await advance(this.#path, { target, random: this.#random });
    this[Symbol.dispose]();
    this.#period = next.period;
    this.#key = Secret.take("row key", next.key);
  }

  [Symbol.dispose](): void {
    this.#key[Symbol.dispose]();
    for (const key of this.#derived.values()) key[Symbol.dispose]();
    this.#derived.clear();
  }
}

const nextContext = encode([...rowKeyContext, "next"]);

/** The key so many periods later; wipes those between. */
function derive(first: Uint8Array, periods: number): Uint8Array {
  let key: Uint8Array = Uint8Array.from(first);
  for (let each = 0; each < periods; each++) {
    const next = hkdfExpand(key, nextContext, rowKeyBytes);
    key.fill(0);
    key = next;
  }
  return key;
}

async function load(path: string): Promise<RowKeyFile> {
  const bytes = await readServerFile(path, maxFileBytes);
  try {
    const { key, ...rest } = decodeAs(fileCodec, bytes, { maxBytes: maxFileBytes, what: "row keys" });
    return { ...rest, key: Uint8Array.from(key) };
  } catch (cause) {
    throw serverErrors.error("SERVER_FILE_WRONG", { file: basename(path) }, cause);
  } finally {
    bytes.fill(0);
  }
}

/** Makes the file unless it is there; of several processes at once one makes it. */
async function make(path: string, { nowSeconds, random }: { readonly nowSeconds: number; readonly random: Randomness }): Promise<void> {
  const period = Math.floor(nowSeconds / rowKeyPeriodSeconds);
  if (!(await accessing(path, () => exists(path)))) {
    const made: RowKeyFile = { version: 1, period, key: random.bytes(rowKeyBytes) };
    await beside(path, { file: made, random, place: link }, ["EEXIST", "ENOENT"]);
  }
  await removeLeftovers(path);
}

/** Puts the key of a period in place of the one that is stored, unless another process was quicker; gives what is stored then. */
async function advance(path: string, { target, random }: { readonly target: number; readonly random: Randomness }): Promise<RowKeyFile> {
  const stored = await load(path);
  if (stored.period >= target) return stored;
  const next: RowKeyFile = { version: 1, period: target, key: derive(stored.key, target - stored.period) };
  const isPlaced = await beside(path, { file: next, random, place: rename }, ["ENOENT"]);
  if (!isPlaced) return await advance(path, { target, random });
  await removeLeftovers(path);
  return next;
}

interface Placing {
  readonly file: RowKeyFile;
  readonly random: Randomness;
  /** Brings the written file to its place. */
  readonly place: (from: string, to: string) => Promise<void>;
}

/**
 * Writes a file beside `path` and brings it there. False where that fails for one of the reasons of a race: another process has made the file,
 * or has taken ours for a leftover.
 */
async function beside(path: string, { file, random, place }: Placing, ofRace: readonly string[]): Promise<boolean> {
  const own = `${path}.${Buffer.from(random.bytes(8)).toString("hex")}`;
  const bytes = encodeAs(fileCodec, file);
  try {
    await accessing(path, async () => {
      await using handle = await open(own, "wx", 0o600);
      await handle.writeFile(bytes);
      await handle.sync();
    });
    await accessing(path, () => place(own, path));
    await syncFolder(dirname(path));
    return true;
  } catch (error) {
    if (error instanceof SealaneError && ofRace.includes(systemCodeOf(error.cause) ?? "")) return false;
    throw error;
  } finally {
    bytes.fill(0);
    await accessing(own, () => rm(own, { force: true }));
  }
}

/** Removes what killed processes wrote beside the file: the key there would open everything of its period and later. */
async function removeLeftovers(path: string): Promise<void> {
  const folder = dirname(path);
  const names = await accessing(folder, () => readdir(folder));
  const left = names.filter((name) => name.startsWith(`${basename(path)}.`));
  for (const name of left) await accessing(path, () => rm(join(folder, name), { force: true }));
  if (left.length > 0) await syncFolder(folder);
}
