import { access, readdir, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { routes, type ServerView } from "@sealane/api";
import { formatBytes, formatTable, formatTime, outputOf, parseWholeNumber, stateFolder } from "@sealane/cli";
import { trustAnchor, verifyCertificate } from "@sealane/pki";
import { hasCode, SealaneError } from "@sealane/wire";
import type { Command } from "commander";
import { clockSeconds } from "../clock.ts";
import { connect } from "../connect.ts";
import { type Finding, writeBundle } from "../doctor-bundle.ts";
import { commandErrors } from "../errors.ts";
import { operatorFolder } from "../profile.ts";

/** Free space below which a delivery is likely to fail. */
const scarceBytes = 1_000_000_000;
/** Longest --wait, seconds, and the pause between two attempts. */
const maxWaitSeconds = 3_600;
const pollMilliseconds = 100;

/** `sealane doctor`: looks at what goes wrong in practice, and ends with exit code 10 when something did. */
export async function runDoctor(command: Command): Promise<void> {
  const output = outputOf(command);
  const { state, wait, bundle } = command.opts<{ state?: string; wait?: string; bundle?: string }>();
  if (wait !== undefined) await waitForServer(state, parseWholeNumber({ option: "--wait", text: wait, min: 0, max: maxWaitSeconds }));
  const root = stateFolder("sealane", state);
  const findings = [await nodeVersion(), ...(await privateFolders(root)), await freeSpace(root), ...(await serverFindings(state))];
  if (bundle !== undefined) {
    await writeBundle(bundle, { root, findings });
    output.say(`Wrote ${bundle}: findings, versions and configuration, without keys, tokens or passwords. Read it before you send it.`);
  }
  const mark = ({ ok }: Finding): string => (ok ? "ok" : "FAULT");
  const rows = findings.map((finding) => [finding.check, mark(finding), finding.found]);
  output.result({ ok: findings.every(({ ok }) => ok), findings }, formatTable(["check", "", "found"], rows));
  const faults = findings.filter(({ ok }) => !ok).length;
  if (faults > 0) throw commandErrors.error("DOCTOR_FOUND_FAULTS", { faults });
}

/** Waits until the server answers, whatever it answers, or the time is over; what is wrong then is the findings' to say. */
async function waitForServer(state: string | undefined, waitSeconds: number): Promise<void> {
  const { client } = await connect(state);
  const deadline = performance.now() + waitSeconds * 1000;
  for (;;) {
    try {
      await client.get<ServerView>(routes.server);
      return;
    } catch (error) {
      if (!hasCode(error, "API_SERVER_UNREACHABLE") || performance.now() >= deadline) return;
    }
    await setTimeout(pollMilliseconds);
  }
}

function nodeVersion(): Finding {
  const { node } = process.versions;
  return { check: "Node 26 or later", ok: Number(node.split(".")[0]) >= 26, found: node };
}

/** Folders with keys and every file in them belong to their owner alone. */
async function privateFolders(root: string): Promise<readonly Finding[]> {
  const folders = [join(root, "server", "keys"), operatorFolder(root).keys];
  const findings: Finding[] = [];
  for (const folder of folders) {
    if (!(await exists(folder))) continue;
    const paths = [folder, ...(await readdir(folder)).map((name) => join(folder, name))];
    const modes = await Promise.all(paths.map(async (path) => ({ path, mode: (await stat(path)).mode & 0o077 })));
    const exposed = modes.filter(({ mode }) => mode !== 0).map(({ path }) => path);
    findings.push({
      check: `private: ${folder}`,
      ok: exposed.length === 0,
      found: exposed.length === 0 ? `${paths.length - 1} keys` : exposed.join(", "),
    });
  }
  return findings;
}

async function freeSpace(root: string): Promise<Finding> {
  const folder = (await exists(root)) ? root : "/";
  const { bavail, bsize } = await statfs(folder);
  return { check: "free space", ok: bavail * bsize >= scarceBytes, found: formatBytes(bavail * bsize) };
}

async function serverFindings(state: string | undefined): Promise<readonly Finding[]> {
  try {
    const { client, profile } = await connect(state);
    const view = await client.get<ServerView>(routes.server);
    const nowSeconds = clockSeconds();
    const anchor = trustAnchor(Uint8Array.fromBase64(view.authority));
    const ends = view.decryptionChains.map((texts) => {
      const chain = texts.map((text) => Uint8Array.fromBase64(text));
      return verifyCertificate({ chain, anchors: [anchor], purpose: "server-decrypt", nowSeconds }).notAfterSeconds;
    });
    const notAfterSeconds = Math.min(...ends);
    return [
      { check: "server answers", ok: true, found: `${view.name} at ${profile.url}, version ${view.version}` },
      { check: "CA is the one known here", ok: view.fingerprint === profile.fingerprint, found: view.fingerprint },
      { check: "server certificates", ok: true, found: `valid until ${formatTime(notAfterSeconds)}` },
    ];
  } catch (error) {
    if (!(error instanceof SealaneError)) throw error;
    return [{ check: "server answers", ok: false, found: `${error.code}: ${error.message}` }];
  }
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
