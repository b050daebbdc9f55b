import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { onEnd } from "./clean-up.ts";
import { type Commands, root, succeeded } from "./installation.ts";
import { Processes } from "./processes.ts";

/**
 * Builds both commands as they are published, below dist/ of this repository, where they find the packages that they need: what a
 * user runs, without the time and memory that a working copy takes for its TypeScript. They are removed when the scenario ends.
 */
export async function buildCommands(): Promise<Commands> {
  const dist = join(root, "dist");
  mkdirSync(dist, { recursive: true });
  const folder = mkdtempSync(join(dist, "scenario-"));
  onEnd(() => rmSync(folder, { recursive: true, force: true }));
  const processes = new Processes({ PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "" });
  succeeded(await processes.run([process.execPath, join(root, "scripts/pack.ts"), "--out", folder, "--json"], { folder: root }));
  const started = (name: string): readonly string[] => [process.execPath, join(folder, name, "bin", `${name}.js`)];
  return { operator: started("sealane"), terminal: started("sealane-terminal") };
}
