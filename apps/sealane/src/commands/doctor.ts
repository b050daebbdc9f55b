import { access, statfs } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import { routes, type ServerView } from "@sealane/api";
import { formatBytes, formatTime, outputOf, parseWholeNumber, stateFolder } from "@sealane/cli";
import { trustAnchor, verifyCertificate } from "@sealane/pki";
import { hasCode } from "@sealane/wire";
import type { Command } from "commander";
import { clockSeconds } from "../clock.ts";
import { connect } from "../connect.ts";
import { writeBundle } from "../doctor/bundle.ts";
import { ownCertificates } from "../doctor/certificates.ts";
import { type Finding, faultOf } from "../doctor/finding.ts";
import { privateFiles } from "../doctor/private-files.ts";
import { commandErrors } from "../errors.ts";

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
  const findings = [
    nodeVersion(),
    await freeSpace(root),
    ...(await privateFiles(root)),
    ...(await ownCertificates(root, clockSeconds())),
    ...(await serverFindings(state)),
  ];
  if (bundle !== undefined) {
    await writeBundle(bundle, { root, findings });
    output.say(`Wrote ${bundle}: findings, versions and configuration, without keys, tokens or passwords. Read it before you send it.`);
  }
  output.result({ ok: findings.every(({ ok }) => ok), findings }, findings.map(linesOf).join("\n"));
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
  return { check: "Node 26 or later", ok: Number(node.split(".")[0]) >= 26, found: node, advice: "Install Node 26 or later" };
}

/** A finding on a line of its own, and what to do about a fault on the next: paths are long, so that columns would not fit a screen. */
function linesOf({ check, ok, found, advice }: Finding): string {
  const line = `${ok ? "ok   " : "FAULT"}  ${check}: ${found}`;
  return ok || advice === undefined ? line : `${line}\n       ${advice}`;
}

async function freeSpace(root: string): Promise<Finding> {
  const folder = (await exists(root)) ? root : "/";
  const { bavail, bsize } = await statfs(folder);
  const advice = `Free at least ${formatBytes(scarceBytes)} where ${folder} is`;
  return { check: "free space", ok: bavail * bsize >= scarceBytes, found: formatBytes(bavail * bsize), advice };
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
    const advice =
      "This is another server, or somebody else answers in its place: log in anew only if the operator confirms this fingerprint";
    return [
      { check: "server answers", ok: true, found: `${view.name} at ${profile.url}, version ${view.version}` },
      { check: "CA is the one known here", ok: view.fingerprint === profile.fingerprint, found: view.fingerprint, advice },
      { check: "server certificates", ok: true, found: `valid until ${formatTime(notAfterSeconds)}` },
    ];
  } catch (error) {
    return [faultOf("server answers", error)];
  }
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
