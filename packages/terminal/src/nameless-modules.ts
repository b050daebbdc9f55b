import type { InstalledModule } from "@sealane/api";
import { mechanisms } from "@sealane/link";
import type { Download } from "./download-record.ts";
import { terminalErrors } from "./errors.ts";
import type { LocalModule } from "./installed-modules.ts";
import type { LinkFacts } from "./link-facts.ts";
import { describeSlot } from "./slot.ts";

/**
 * Software that came without a name (ANON): a later request by name must not tell the server what its terminal has. Such modules are not
 * reported as installed, and no request by name takes or passes over an offer of them because of what is here.
 */

/** What the server is told by name that is installed. */
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

/** The modules whose installed version, or a download of which, came without a name. */
export async function namelessModules(modules: readonly LocalModule[], downloads: readonly Download[]): Promise<ReadonlySet<string>> {
  const nameless = new Set(downloads.filter(({ record }) => isNameless(record.link)).map(({ licence }) => licence.module));
  for (const { module, folder, state } of modules) {
    const slot = state.current === null ? null : await describeSlot(folder.slot(state.current), module);
    if (slot?.record !== undefined && slot.record !== null && isNameless(slot.record.link)) nameless.add(module);
  }
  return nameless;
}

/**
 * Refuses to ask by name for a module that came without one, unless the user has named the mechanism and so decided it.
 * Error: TERMINAL_MODULE_NAMELESS.
 */
export function requireNameable(
  nameless: ReadonlySet<string>,
  asked: { readonly module: string | undefined; readonly mechanism: string | undefined },
): void {
  const { module, mechanism } = asked;
  if (module !== undefined && mechanism === undefined && nameless.has(module))
    throw terminalErrors.error("TERMINAL_MODULE_NAMELESS", { module });
}

function isNameless({ mechanism, originator }: LinkFacts): boolean {
  return originator === "terminal" && mechanisms[mechanism].anonymous === "originator";
}
