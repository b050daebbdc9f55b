import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type BroadcastItem, broadcastChannelCodec, routes } from "@sealane/api";
import { sha256, systemRandom } from "@sealane/crypto";
import { acceptMessage, defaultBroadcastSeconds } from "@sealane/link";
import { trustAnchor, verifyCertificate } from "@sealane/pki";
import { parseLicence, sealBytes } from "@sealane/software";
import { decodeAs, type ExitCode, encodeAs, exitCodes } from "@sealane/wire";
import { authorityFile } from "./broadcast.ts";
import { demand } from "./failure.ts";
import type { Hooks } from "./hooks.ts";
import { type Installation, succeeded } from "./installation.ts";
import { flipped } from "./message-faults.ts";
import { type CommandRun, eventOf, said } from "./processes.ts";
import { demandRuns, type Software } from "./software.ts";
import { codesOf } from "./tamper-bench.ts";
import type { Fault } from "./tampering-proxy.ts";

/** What is done to the channel, and what a listener says of it. */
interface Refusal {
  readonly name: string;
  readonly exit: ExitCode;
  readonly code: string;
  readonly fault?: Fault;
  readonly hooks?: Hooks;
  /** A listener that has the newest version already. */
  readonly isUpToDate?: boolean;
}

const { notTrusted, expired, nothingToDo } = exitCodes;
const daySeconds = 86_400;
const maxChannelBytes = 1024 * 1024;

const onChannel: Fault["on"] = ({ method, path }) => method === "GET" && path.startsWith(routes.broadcasts);
const onArtefacts: Fault["on"] = ({ method, path }) => method === "GET" && path.startsWith(`${routes.artefacts}/`);

/** Lets a new listener meet each fault, and after it the honest channel. Gives a row for each. */
export async function meetRefusals(installation: Installation, newest: Software): Promise<readonly string[][]> {
  const captured = await captureChannel(installation);
  const rows: string[][] = [];
  for (const [i, refusal] of (await refusalsOf(installation, captured)).entries()) {
    const { name, exit, code, isUpToDate = false } = refusal;
    const listener = isUpToDate ? "listener-1" : `victim-${i + 1}`;
    installation.proxy.fault = refusal.fault ?? null;
    const run = await listenOnce(installation, listener, refusal.hooks);
    installation.proxy.fault = null;
    const isMet = run.exitCode === exit && codesOf(run).at(-1) === code;
    demand(isMet, `${name}: expected exit code ${exit} with ${code}.`, said(run));
    demand(!run.events.some(({ event }) => event === "fetched"), `${name}: something was fetched.`, said(run));
    if (!isUpToDate) {
      eventOf(succeeded(await listenOnce(installation, listener)), "fetched");
      succeeded(await installation.terminal(listener, ["install", "app"]));
    }
    await demandRuns(installation, listener, [newest]);
    rows.push([name, `refused: ${code}, exit ${exit}`]);
  }
  return rows;
}

async function listenOnce(installation: Installation, listener: string, hooks: Hooks = {}): Promise<CommandRun> {
  const from = ["--url", installation.proxy.url, "--trust", authorityFile(installation)];
  return await installation.terminal(listener, ["listen", "app", "--once", "--wait", "1", ...from], { hooks });
}

/** What stands on the channel now, as anybody may keep it. */
async function captureChannel({ url }: Installation): Promise<readonly BroadcastItem[]> {
  const body = await (await fetch(url + routes.broadcasts)).bytes();
  return decodeAs(broadcastChannelCodec, body, { maxBytes: maxChannelBytes, what: "channel" }).items;
}

async function refusalsOf(installation: Installation, captured: readonly BroadcastItem[]): Promise<readonly Refusal[]> {
  const newest = captured.at(-1);
  const oldest = captured.at(0);
  demand(newest !== undefined && oldest !== undefined && captured.length === 2, "Two versions are on the channel.");
  const forged = await wrapAnother(installation, newest);
  return [
    {
      name: "content that was substituted on its way",
      exit: notTrusted,
      code: "ARTEFACT_SEGMENT_WRONG",
      fault: { on: onArtefacts, reply: (reply) => ({ ...reply, body: flipped(reply.body) }) },
    },
    {
      name: "the key of other content, wrapped by a listener",
      exit: notTrusted,
      code: "ARTEFACT_KEY_WRONG",
      fault: onlyGiving({ ...newest, wrap: forged }),
    },
    {
      name: "the release of another version",
      exit: notTrusted,
      code: "RELEASE_ARTEFACT_WRONG",
      fault: onlyGiving({ ...newest, release: oldest.release }),
    },
    {
      name: "a message with one bit changed",
      exit: notTrusted,
      code: "CRYPTO_SIGNATURE_WRONG",
      fault: onlyGiving({ ...newest, message: flipped(newest.message) }),
    },
    {
      name: "a message that has expired",
      exit: expired,
      code: "LINK_MESSAGE_EXPIRED",
      hooks: { clockSeconds: 2 * defaultBroadcastSeconds },
    },
    {
      name: "yesterday's channel, replayed",
      exit: expired,
      code: "LINK_MESSAGE_EXPIRED",
      fault: onlyGiving(...captured),
      hooks: { clockSeconds: daySeconds },
    },
    {
      name: "the same again, to one that has it",
      exit: nothingToDo,
      code: "TERMINAL_NOTHING_WAITING",
      fault: onlyGiving(newest),
      isUpToDate: true,
    },
    {
      name: "an older version, within its time",
      exit: nothingToDo,
      code: "TERMINAL_NOTHING_WAITING",
      fault: onlyGiving(oldest),
      isUpToDate: true,
    },
  ];
}

/** Gives these in place of what the server says. */
function onlyGiving(...items: readonly BroadcastItem[]): Fault {
  const body = encodeAs(broadcastChannelCodec, { position: Math.max(...items.map(({ position }) => position)), items });
  return { on: onChannel, reply: (reply) => ({ ...reply, body }) };
}

/** What every listener can do: take the key of a broadcast's link, and wrap another content key under it. */
async function wrapAnother(installation: Installation, { message }: BroadcastItem): Promise<Uint8Array> {
  const anchor = trustAnchor(readFileSync(join(authorityFile(installation))));
  const nowSeconds = Math.floor(Date.now() / 1000);
  const accepted = await acceptMessage(
    {
      self: { name: null, role: "terminal" },
      peers: {
        find: () => null,
        verify: (chain) => verifyCertificate({ chain, anchors: [anchor], purpose: "server-sign", nowSeconds }),
        decryption: () => null,
      },
      replay: { insert: () => "fresh" },
      freshness: { nowSeconds, storedSeconds: defaultBroadcastSeconds },
      random: systemRandom,
    },
    Uint8Array.from(message),
  );
  demand(accepted.kind === "broadcast", "The message is no broadcast.");
  using link = accepted.link;
  const { licence } = accepted;
  const { artefactId } = parseLicence(licence).licence;
  const { sealed } = sealBytes(new TextEncoder().encode("something else"), { segmentBytes: 65_536 });
  return link.wrap(sealed.contentKey, { artefactId, licenceDigest: sha256(licence), random: systemRandom, nowSeconds });
}
