import type { BigIntStats } from "node:fs";
import { lstat } from "node:fs/promises";
import { join } from "node:path";

/**
 * The files and links of one installation as they were when the system first showed them, before their content was read: which file
 * each is, and when it last changed. Nobody can set the time of a change (ctime) back, so that what is the same afterwards was not
 * written to, and had no other mode or owner, meanwhile.
 */
export class HashedFiles {
  readonly #identities = new Map<string, string>();

  /** Remembers a file before it is read; the first look counts. */
  note(path: string, stats: BigIntStats): void {
    if (!this.#identities.has(path)) this.#identities.set(path, identityOf(stats));
  }

  /** True for a file that was hashed and has not changed since, under whatever name. */
  has(stats: BigIntStats): boolean {
    return [...this.#identities.values()].includes(identityOf(stats));
  }

  /** The first path below `folder` at which there is not what was hashed any more, or null. */
  async findChanged(folder: string): Promise<string | null> {
    for (const [path, identity] of this.#identities) {
      if (identityOf(await lstat(join(folder, path), { bigint: true })) !== identity) return path;
    }
    return null;
  }
}

function identityOf({ dev, ino, mode, uid, gid, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, mode, uid, gid, size, mtimeNs, ctimeNs].join(":");
}
