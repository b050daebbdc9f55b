import { sha256 } from "@sealane/crypto";
import { type Codec, literal, tuple, uint } from "@sealane/wire";
import { loadState, type StateFile, saveState } from "./disk.ts";
import { stateVersion } from "./labels.ts";
import { maxModuleRecordBytes } from "./limits.ts";
import { moduleNames } from "./module-record.ts";
import type { Terminal } from "./terminal.ts";

/**
 * The numbers that systemd gives to services without an account (systemd.io/UIDS-GIDS): no distribution has accounts there, and
 * they exist in containers, which know 65,536 users only.
 */
const firstDynamicUser = 61_184;
const dynamicUsers = 4_336;

interface SoftwareNumber {
  readonly version: typeof stateVersion;
  /** From the first number on. */
  readonly offset: number;
}

const numberFile: StateFile<SoftwareNumber> = {
  codec: tuple<SoftwareNumber>({
    version: literal(stateVersion),
    offset: uint(dynamicUsers - 1),
  }) satisfies Codec<SoftwareNumber>,
  maxBytes: maxModuleRecordBytes,
  what: "user",
};

/** The number that a module's name gives: the same one everywhere. Two names may give one, and who names a module can choose it so. */
export function numberOfModule(module: string): number {
  return firstDynamicUser + (new DataView(sha256(new TextEncoder().encode(module)).buffer).getUint32(0) % dynamicUsers);
}

/** The number behind one, and the first behind the last. */
export function nextNumber(number: number): number {
  return firstDynamicUser + ((number + 1 - firstDynamicUser) % dynamicUsers);
}

/** The number of the user as whom a module's software runs, unless an account has it. Error: TERMINAL_STATE_DAMAGED. */
export async function softwareNumber({ folder }: Terminal, module: string): Promise<number> {
  const stored = await loadState(folder.module(module).user, numberFile);
  return stored === null ? numberOfModule(module) : firstDynamicUser + stored.offset;
}

/**
 * Gives a module that is about to be installed another number than its name's where a module that is here already has that: for good, in a
 * file of its own. For the holder of the lock on modules. Errors: TERMINAL_DISK_FULL, FILE_WRITE_FAILED, TERMINAL_STATE_DAMAGED.
 */
export async function chooseSoftwareNumber(terminal: Terminal, module: string): Promise<void> {
  const own = await softwareNumber(terminal, module);
  const taken = new Set<number>();
  for (const other of await moduleNames(terminal)) if (other !== module) taken.add(await softwareNumber(terminal, other));
  if (!taken.has(own) || taken.size >= dynamicUsers) return;
  let number = own;
  while (taken.has(number)) number = nextNumber(number);
  await saveState(terminal.folder.module(module).user, numberFile, { version: stateVersion, offset: number - firstDynamicUser });
}
