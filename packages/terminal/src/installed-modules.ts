import { loadModule, type ModuleState, moduleNames } from "./module-record.ts";
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

/** The highest sequence of a module that was ever installed here; -1 for none. */
export function highestOf(modules: readonly LocalModule[], module: string): number {
  return modules.find((each) => each.module === module)?.state.highest ?? -1;
}
