import { execFileSync } from "node:child_process";
import { removeTree } from "../remove-tree.ts";

/** A copy of a folder, with modes and links as they are, to return to. */
export class Snapshot {
  readonly #folder: string;
  readonly #copy: string;

  private constructor(folder: string, copy: string) {
    this.#folder = folder;
    this.#copy = copy;
  }

  /** Copies `folder` to the path `copy`, which must not exist. */
  static take(folder: string, copy: string): Snapshot {
    execFileSync("cp", ["-a", folder, copy]);
    return new Snapshot(folder, copy);
  }

  /** Makes the folder again what it was. */
  restore(): void {
    removeTree(this.#folder);
    execFileSync("cp", ["-a", this.#copy, this.#folder]);
  }
}
