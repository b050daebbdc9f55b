import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";

/** A tool that tests use and that Node, npm and git do not bring: its name in a sentence, how it is got, and whether it is there. */
interface Tool {
  readonly name: string;
  readonly debian: string;
  readonly isThere: () => boolean;
}

/** Where SoftHSM's module is: Debian, Fedora, Homebrew. */
const softHsmPaths = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so", "/opt/homebrew/lib/softhsm/libsofthsm2.so"];

/** The path of SoftHSM's module; null where it is not installed. */
export const softHsm: string | null = softHsmPaths.find((path) => existsSync(path)) ?? null;

/** Where Debian's libbcprov-java has Bouncy Castle. */
export const bouncyCastleJar: string = "/usr/share/java/bcprov.jar";

export type ToolName = "bash" | "bouncyCastle" | "openssl" | "pkcs11js" | "script" | "softHsm" | "systemd" | "tar";

const tools: Readonly<Record<ToolName, Tool>> = {
  bash: { name: "bash", debian: "bash", isThere: () => hasCommand("bash") },
  bouncyCastle: {
    name: "Java with Bouncy Castle",
    debian: "default-jdk-headless libbcprov-java",
    isThere: () => hasCommand("java") && existsSync(bouncyCastleJar),
  },
  openssl: { name: "the openssl command", debian: "openssl", isThere: () => hasCommand("openssl") },
  pkcs11js: { name: "pkcs11js, compiled", debian: "g++ make python3, then npm run tokens", isThere: hasPkcs11js },
  script: { name: "the script command", debian: "bsdutils", isThere: () => hasCommand("script") },
  softHsm: { name: "SoftHSM 2", debian: "softhsm2", isThere: () => softHsm !== null && hasCommand("softhsm2-util") },
  systemd: { name: "the systemd-analyze command", debian: "systemd", isThere: () => hasCommand("systemd-analyze") },
  tar: { name: "GNU tar", debian: "tar", isThere: hasGnuTar },
};

/**
 * Why tests that need these tools are skipped, as a sentence for `skip`; false where all are there. A skipped test says so and how to
 * get the tool, also at the end of the run; under CI=true a missing tool is an error, so that a gate never skips in silence.
 */
export function without(...names: readonly ToolName[]): string | false {
  const missing = names.map((name) => tools[name]).find(({ isThere }) => !isThere());
  return missing !== undefined && skipFor(`It needs ${missing.name} (Debian: ${missing.debian}).`);
}

/** The same for what only the test itself can look for, given as a sentence that names how to get it. */
export function skipFor(sentence: string): string {
  if (process.env["CI"] === "true") throw new Error(sentence);
  return sentence;
}

/** Whether a command of that name is on the PATH. */
function hasCommand(command: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => folder !== "" && existsSync(join(folder, command)));
}

function hasGnuTar(): boolean {
  const { stdout } = spawnSync("tar", ["--version"], { encoding: "utf8" });
  return stdout?.includes("GNU tar") ?? false;
}

function hasPkcs11js(): boolean {
  try {
    createRequire(import.meta.url)("pkcs11js");
    return true;
  } catch {
    return false;
  }
}
