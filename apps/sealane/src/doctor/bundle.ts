import { createWriteStream } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { arch, cpus, platform, release, totalmem } from "node:os";
import { join, relative } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { pack } from "tar-stream";
import { isMap, isScalar, parseDocument, visit } from "yaml";
import { configName } from "../config/first-config.ts";
import { version } from "../version.ts";
import type { Finding } from "./finding.ts";

/**
 * Writes what somebody who helps wants to see: findings, versions, the machine, the configuration without user names and passwords,
 * and which files there are, by name, size and mode. Nothing of what is in keys, tokens, databases or artefacts.
 */
export async function writeBundle(path: string, given: { readonly root: string; readonly findings: readonly Finding[] }): Promise<void> {
  const { root, findings } = given;
  const machine = { platform: platform(), release: release(), arch: arch(), processors: cpus().length, memoryBytes: totalmem() };
  const entries: Readonly<Record<string, string>> = {
    "findings.json": asJson(findings),
    "versions.json": asJson({ sealane: version, node: process.versions.node, openssl: process.versions.openssl, ...machine }),
    "files.json": asJson(await filesBelow(root)),
    [configName]: redacted(await readFile(join(root, "server", configName), "utf8").catch(() => "")),
  };
  const packer = pack();
  for (const [name, content] of Object.entries(entries)) packer.entry({ name: `sealane-bundle/${name}` }, content);
  packer.finalize();
  await pipeline(packer, createGzip(), createWriteStream(path, { mode: 0o600 }));
}

function asJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

interface FileView {
  readonly path: string;
  readonly bytes: number;
  readonly mode: string;
}

/** More files than anybody reads. */
const maxFiles = 1_000;

async function filesBelow(root: string): Promise<readonly FileView[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return await Promise.all(
    paths.slice(0, maxFiles).map(async (path) => {
      const { size, mode } = await stat(path);
      return { path: relative(root, path), bytes: size, mode: (mode & 0o777).toString(8) };
    }),
  );
}

/** Addresses keep their host and lose their user; what looks like a secret loses everything. */
function redacted(text: string): string {
  const document = parseDocument(text);
  if (!isMap(document.contents)) return "";
  document.comment = null;
  document.commentBefore = null;
  visit(document, {
    Scalar: (_key, node) => {
      node.comment = null;
      node.commentBefore = null;
    },
    Pair: (_key, { key, value }) => {
      if (!isScalar(value) || !isScalar(key)) return;
      if (/password|secret|token/.test(String(key.value)) && !String(key.value).endsWith("_file")) value.value = "removed";
      if (typeof value.value === "string" && URL.canParse(value.value)) {
        const url = new URL(value.value);
        url.username = "";
        url.password = "";
        value.value = url.href;
      }
    },
  });
  return document.toString();
}
