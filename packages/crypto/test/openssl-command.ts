import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import type { SoftwareKey } from "../src/index.ts";

/** The openssl command, an independent oracle. */

const folder = mkdtempSync(join(tmpdir(), "sealane-openssl-"));
after(() => rmSync(folder, { recursive: true }));

export function file(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes, { mode: 0o600 });
  return path;
}

/** Runs the command and gives its output; `ok` tells whether it succeeded. */
export function openssl(...args: readonly string[]): { readonly ok: boolean; readonly output: Buffer } {
  const { status, stdout } = spawnSync("openssl", args, { cwd: folder });
  return { ok: status === 0, output: stdout };
}

export function output(...args: readonly string[]): Buffer {
  const done = openssl(...args);
  assert.ok(done.ok, args.join(" "));
  return done.output;
}

export const der: readonly string[] = ["-keyform", "DER"];

/** The command reads a key, public and private, and writes the same bytes. */
export function assertReadAndWritten(name: string, key: SoftwareKey): void {
  const { spki } = key.publicKey;
  const pkcs8 = Buffer.from(key.toPkcs8());
  const publicFile = file(`${name}.spki`, spki);
  const privateFile = file(`${name}.pkcs8`, pkcs8);
  const toDer = ["-outform", "DER"];
  assert.deepEqual(output("pkey", "-pubin", "-in", publicFile, "-inform", "DER", ...toDer), Buffer.from(spki));
  assert.deepEqual(output("pkey", "-in", privateFile, "-inform", "DER", "-pubout", ...toDer), Buffer.from(spki));
  assert.deepEqual(asPkcs8(privateFile), pkcs8);
}

/** PKCS #8 of a private key; the command itself prefers another form for keys of curves. */
export function asPkcs8(path: string): Buffer {
  return output("pkcs8", "-topk8", "-nocrypt", "-in", path, "-inform", "DER", "-outform", "DER");
}
