import fs from "node:fs";
import http from "node:http";
import { syncBuiltinESMExports } from "node:module";
import { type Effect, reach } from "./effect-plan.ts";
import { wrapDatabases } from "./sqlite-effects.ts";

/**
 * Preloaded into a command with `--import`: shows every change of the file system, and every request and reply over HTTP, to `reach`
 * before it happens. Reading is not touched. The calls of Node's three interfaces (synchronous, callback, promise) and of file
 * handles are wrapped, SQLite's, and those of `node:http`.
 */

type Call = (this: unknown, ...args: unknown[]) => unknown;
type Methods = Record<string, unknown>;
type Style = "synchronous" | "callback" | "promise";
/** Tells from the arguments of a call what it would change; null for nothing. */
type Describe = (args: readonly unknown[], self: unknown) => Omit<Effect, "name"> | null;

const { constants, openSync, writeSync, closeSync, readlinkSync } = fs;

/** Calls on paths. */
const onPaths: Readonly<Record<string, Describe>> = {
  open: ([path, flags]) => (creates(flags) ? { target: String(path), needsSpace: true } : null),
  writeFile: ([path, data]) => ({ target: nameOf(path), needsSpace: true, half: () => writeHalfFile(path, data) }),
  appendFile: ([path]) => ({ target: nameOf(path), needsSpace: true }),
  truncate: changing(false),
  rename: ([from, to]) => ({ target: `${from} ${to}`, needsSpace: false }),
  link: ([from, to]) => ({ target: `${from} ${to}`, needsSpace: true }),
  symlink: ([to, path]) => ({ target: `${path} ${to}`, needsSpace: true }),
  copyFile: ([from, to]) => ({ target: `${from} ${to}`, needsSpace: true }),
  cp: ([from, to]) => ({ target: `${from} ${to}`, needsSpace: true }),
  mkdir: changing(true),
  mkdtemp: changing(true),
  unlink: changing(false),
  rmdir: changing(false),
  rm: changing(false),
  chmod: changing(false),
  chown: changing(false),
  utimes: changing(false),
};

/** Calls on descriptors. */
const onDescriptors: Readonly<Record<string, Describe>> = {
  write: ([fd, ...rest]) => written(fd, rest),
  writev: ([fd, buffers, position]) => written(fd, [joined(buffers), 0, undefined, position]),
  ftruncate: ([fd]) => ({ target: nameOf(fd), needsSpace: false }),
  fsync: ([fd]) => ({ target: nameOf(fd), needsSpace: false }),
  fdatasync: ([fd]) => ({ target: nameOf(fd), needsSpace: false }),
  fchmod: ([fd]) => ({ target: nameOf(fd), needsSpace: false }),
};

/** Calls on file handles. */
const onHandles: Readonly<Record<string, Describe>> = {
  write: (args, handle) => written(descriptorOf(handle), args),
  writev: ([buffers, position], handle) => written(descriptorOf(handle), [joined(buffers), 0, undefined, position]),
  writeFile: ([data], handle) => written(descriptorOf(handle), [data]),
  appendFile: ([data], handle) => written(descriptorOf(handle), [data]),
  truncate: (_, handle) => ({ target: nameOf(descriptorOf(handle)), needsSpace: false }),
  sync: (_, handle) => ({ target: nameOf(descriptorOf(handle)), needsSpace: false }),
  datasync: (_, handle) => ({ target: nameOf(descriptorOf(handle)), needsSpace: false }),
  chmod: (_, handle) => ({ target: nameOf(descriptorOf(handle)), needsSpace: false }),
  utimes: (_, handle) => ({ target: nameOf(descriptorOf(handle)), needsSpace: false }),
};

/** Requests, and the heads of replies: what is done by then is known at the other end. */
const onNetwork: readonly (readonly [owner: object, key: string, name: string, describe: Describe])[] = [
  [http, "request", "request", ([url, options]) => ({ target: requestLine(url, options), needsSpace: false })],
  [http.ServerResponse.prototype, "writeHead", "reply", ([status]) => ({ target: String(status), needsSpace: false })],
];

const synchronous = fs as unknown as Methods;
const promises = fs.promises as unknown as Methods;
for (const [name, describe] of Object.entries({ ...onPaths, ...onDescriptors })) {
  wrap(synchronous, `${name}Sync`, { name, describe, style: "synchronous" });
  wrap(synchronous, name, { name, describe, style: "callback" });
}
const sample = await fs.promises.open(import.meta.filename, "r");
const handles = Object.getPrototypeOf(sample) as Methods;
await sample.close();
for (const [name, describe] of Object.entries(onPaths)) wrap(promises, name, { name, describe, style: "promise" });
for (const [name, describe] of Object.entries(onHandles)) wrap(handles, name, { name, describe, style: "promise" });
for (const [owner, key, name, describe] of onNetwork) wrap(owner as Methods, key, { name, describe, style: "synchronous" });
wrapDatabases();
syncBuiltinESMExports();

function wrap(owner: Methods, key: string, how: { readonly name: string; readonly describe: Describe; readonly style: Style }): void {
  const original = owner[key];
  if (typeof original !== "function") return;
  const { name, describe, style } = how;
  const call = original as Call;
  const wrapped: Call = function (...args) {
    const change = describe(args, this);
    const error = change === null ? null : reach({ name, ...change });
    if (error === null) return call.apply(this, args);
    if (style === "synchronous") throw error;
    if (style === "promise") return Promise.reject(error);
    const callback = args.at(-1);
    if (typeof callback === "function") process.nextTick(callback, error);
    return undefined;
  };
  owner[key] = Object.defineProperties(wrapped, Object.getOwnPropertyDescriptors(original)); // its name, and promisify's symbols
}

function changing(needsSpace: boolean): Describe {
  return ([path]) => ({ target: String(path), needsSpace });
}

/** Only what makes or empties a file changes anything by being opened. */
function creates(flags: unknown): boolean {
  if (typeof flags === "number") return (flags & (constants.O_CREAT | constants.O_TRUNC)) !== 0;
  return typeof flags === "string" && /^(?:[wa]|r?s?[wa])/.test(flags);
}

/** A write of [data, offset, length, position], [data, options] or [text, position]; the standard streams are no files. */
function written(fd: unknown, args: readonly unknown[]): Omit<Effect, "name"> | null {
  if (typeof fd !== "number" || fd <= 2) return null;
  return { target: nameOf(fd), needsSpace: true, half: () => writeHalf(fd, args) };
}

function writeHalf(fd: number, [data, second, third, fourth]: readonly unknown[]): void {
  const options = typeof second === "object" && second !== null ? second : { offset: second, length: third, position: fourth };
  const given = options as { readonly offset?: unknown; readonly length?: unknown; readonly position?: unknown };
  const bytes = typeof data === "string" ? Buffer.from(data) : asBuffer(data);
  const offset = typeof data !== "string" && typeof given.offset === "number" ? given.offset : 0;
  const length = typeof given.length === "number" ? given.length : bytes.length - offset;
  const position = typeof data === "string" ? second : given.position;
  writeSync(fd, bytes, offset, Math.floor(length / 2), typeof position === "number" ? position : null);
}

function writeHalfFile(path: unknown, data: unknown): void {
  if (typeof path !== "string") return;
  const fd = openSync(path, "w");
  writeHalf(fd, [data]);
  closeSync(fd);
}

function requestLine(url: unknown, options: unknown): string {
  const method = typeof options === "object" && options !== null && "method" in options ? options.method : "GET";
  return `${method} ${url instanceof URL ? url.pathname : url}`;
}

function joined(buffers: unknown): Buffer {
  return Buffer.concat(Array.isArray(buffers) ? buffers.map(asBuffer) : []);
}

function asBuffer(data: unknown): Buffer {
  return ArrayBuffer.isView(data) ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : Buffer.alloc(0);
}

function descriptorOf(handle: unknown): unknown {
  return typeof handle === "object" && handle !== null && "fd" in handle ? handle.fd : undefined;
}

/** The path behind a descriptor where the system tells it. */
function nameOf(file: unknown): string {
  const fd = typeof file === "object" ? descriptorOf(file) : file;
  if (typeof fd !== "number") return String(file);
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return `descriptor ${fd}`;
  }
}
