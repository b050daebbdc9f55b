import type { InstalledModule } from "@sealane/api";
import { mechanisms } from "@sealane/link";
import type { LinkFacts } from "./link-facts.ts";
import { loadModule, type ModuleState, moduleNames } from "./module-record.ts";
import { describeSlot } from "./slot.ts";
import type { ModuleFolder } from "./state-folder.ts";
import type { Terminal } from "./terminal.ts";

/** One module of this terminal. */
export interface LocalModule {
  readonly module: string;
  readonly folder: ModuleFolder;
  readonly state: ModuleState;
}

/** The modules that are or were installed, by name. Error: TERMINAL_STATE_DAMAGED. */
export async function localModules(terminal: Terminal): Promise<readonly LocalModule[]> {
  const modules: LocalModule[] = [];
  for (const module of await moduleNames(terminal)) {
    const folder = terminal.folder.module(module);
    modules.push({ module, folder, state: await loadModule(folder) });
  }
  return modules;
}

/** What the server is told that is installed: nothing that came without a name, or the name would be told behind it (ANON). */
export async function reportOf(modules: readonly LocalModule[]): Promise<readonly InstalledModule[]> {
  const report: InstalledModule[] = [];
  for (const { module, folder, state } of modules) {
    if (state.current === null) continue;
    const slot = await describeSlot(folder.slot(state.current), module);
    const record = slot?.record ?? null;
    if (slot !== null && record !== null && !isNameless(record.link))
      report.push({ module, version: slot.licence.version, sequence: state.current });
  }
  return report;
}

function isNameless({ mechanism, originator }: LinkFacts): boolean {
  return originator === "terminal" && mechanisms[mechanism].anonymous === "originator";
}

/** The highest sequence of a module that was ever installed here; -1 for none. */
export function highestOf(modules: readonly LocalModule[], module: string): number {
  return modules.find((each) => each.module === module)?.state.highest ?? -1;
}
