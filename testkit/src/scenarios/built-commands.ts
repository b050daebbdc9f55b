import { join } from "node:path";
import { type Commands, root, succeeded } from "./installation.ts";
import { Processes } from "./processes.ts";

/**
 * Builds both commands as they are published, below dist/ of this repository, where they find the packages that they need: what a
 * user runs, without the memory that a development tree takes for its TypeScript.
 */
export async function buildCommands(): Promise<Commands> {
  const folder = join(root, "dist", "scenario");
  const processes = new Processes({ PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "" });
  succeeded(await processes.run([process.execPath, join(root, "scripts/pack.ts"), "--out", folder, "--json"], { folder: root }));
  const started = (name: string): readonly string[] => [process.execPath, join(folder, name, "bin", `${name}.js`)];
  return { operator: started("sealane"), terminal: started("sealane-terminal") };
}
