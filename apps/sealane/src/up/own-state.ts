import { chmod, lstat, readdir, readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { commandErrors } from "../errors.ts";
import type { UpOptions } from "./options.ts";

/** The file that says that a state folder is ours, and on which port its terminals know the server. */
export const markerName = "sealane-up.json";

export interface Marker {
  readonly port: number;
}

/**
 * What is known of the state folder. The command's own folder is made anew by each run, unless a run is using it; a given one is
 * taken up where it was left, and must be new or ours. Errors: UP_ALREADY_RUNNING, UP_OPTION_WRONG.
 */
export async function takeState(options: UpOptions): Promise<Marker | null> {
  const marker = await readMarker(options.state);
  if (marker !== null && (await isServing(marker.port))) {
    throw commandErrors.error("UP_ALREADY_RUNNING", { state: options.state, port: marker.port });
  }
  if (!options.ownState) {
    if (marker !== null && options.port !== null && options.port !== marker.port) {
      throw commandErrors.error("UP_OPTION_WRONG", {
        option: "--port",
        value: options.port,
        expected: `${marker.port}, which the terminals know`,
      });
    }
    if (marker === null && !(await isEmpty(options.state))) throw foreign(options.state);
    return marker;
  }
  await removeTree(options.state);
  return null;
}

async function readMarker(state: string): Promise<Marker | null> {
  try {
    const value: unknown = JSON.parse(await readFile(join(state, markerName), "utf8"));
    if (typeof value === "object" && value !== null && "port" in value && typeof value.port === "number") return { port: value.port };
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return null;
  }
  throw foreign(state);
}

function foreign(state: string): Error {
  return commandErrors.error("UP_OPTION_WRONG", { option: "--state", value: state, expected: "a new folder, or one of `sealane up`" });
}

async function isEmpty(folder: string): Promise<boolean> {
  try {
    return (await readdir(folder)).length === 0;
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return true;
    throw cause;
  }
}

async function isServing(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const probe = connect({ port, host: "127.0.0.1" });
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });
}

/** Removes a folder in which folders may be read-only, as those of installed software are. */
async function removeTree(path: string): Promise<void> {
  await makeWritable(path);
  await rm(path, { recursive: true, force: true });
}

async function makeWritable(path: string): Promise<void> {
  const stats = await lstat(path).catch(() => null);
  if (stats?.isDirectory() !== true) return;
  await chmod(path, 0o700);
  for (const name of await readdir(path)) await makeWritable(join(path, name));
}
