import { readFileSync, writeFileSync } from "node:fs";

/**
 * Preloaded into a command with `--import`: at its end it writes the most memory it ever had resident, in bytes, to the file
 * SEALANE_PEAK_MEMORY.
 */

const path = process.env["SEALANE_PEAK_MEMORY"];
if (path !== undefined) process.on("exit", () => writeFileSync(path, String(peakBytes())));

/** Linux counts what the parent had at the fork into `maxRSS`; VmHWM (proc_pid_status(5)) is this program's own. */
function peakBytes(): number {
  try {
    const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
    if (kibibytes !== undefined) return Number(kibibytes) * 1024;
  } catch {
    // no Linux
  }
  return process.resourceUsage().maxRSS * 1024;
}
