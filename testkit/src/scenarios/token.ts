import { createHash, randomBytes } from "node:crypto";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { allowedTriples, type Triple } from "@sealane/link";
import { SoftToken, tokenEnvironment } from "../soft-token.ts";
import { softHsm, without } from "../tools.ts";
import { buildCommands } from "./built-commands.ts";
import { demand } from "./failure.ts";
import { Installation, succeeded } from "./installation.ts";
import { eventOf, said } from "./processes.ts";
import { deliver, writeScript } from "./software.ts";
import { table } from "./table.ts";
import { demandKept, demandNoKeyFiles } from "./token-keys.ts";
import { loseTokens, type TokenBench } from "./token-loss.ts";

const terminal = "terminal-1";
const suites: readonly string[] = ["p256", "rsa3072"];
const group = "fleet";
const firmware = { module: "firmware", version: "1.0", bytes: 1024 ** 2 };
/** On two suites: to sign, decrypt and agree two each, licences, certificates; root, publishers' authority, operator; and the publisher's. */
const plantKeys = 12;
/** Of two terminals. */
const deviceKeys = 12;

/**
 * A server, a publisher and a terminal whose private keys are in tokens (KSIM): they enrol, link by every mechanism that there is on
 * `p256` and `rsa3072`, and deliver; tokens are pulled out in the middle, and put back; and no key was ever anywhere else.
 */
export async function runToken(): Promise<void> {
  const missing = without("softHsm", "pkcs11js");
  demand(missing === false && softHsm !== null, `The scenario cannot run. ${missing}`);
  await using plant = new SoftToken();
  await using device = new SoftToken();
  const triples = allowedTriples().filter(({ suite }) => suites.includes(suite.name));
  const names = ["--suites", suites.join(",")];
  const countFile = `${plant.pinFile}.lost`;
  writeFileSync(countFile, "");
  await using installation = await Installation.raise({
    commands: await buildCommands(),
    terminals: [terminal],
    proxied: true,
    allow: [...new Set(triples.map(({ mechanism }) => mechanism.name))],
    init: [...names, "--key", plant.uri("server"), "--operator-key", plant.uri("operator"), "--publisher-key", plant.uri("publisher")],
    enrol: [...names, "--key", device.uri("fleet")],
    environment: tokenEnvironment(),
    hooks: { lostSessions: { modulePath: softHsm, countFile } },
  });
  installation.proxy.passesStreams = true;
  const bench: TokenBench = { installation, plant, device, countFile, terminal, module: firmware.module };
  const rows: string[][] = [];
  const sha256 = await publishFirmware(installation);
  succeeded(await installation.operator(["group", "create", group]));
  succeeded(await installation.operator(["group", "add", group, terminal]));
  for (const triple of triples) await link(bench, { triple, sha256 });
  rows.push([`${triples.length} links: every mechanism and originator on ${suites.join(" and ")}`, "all delivered"]);
  await deliver(installation, writeScript(installation.folder, { module: "app", version: "1.0" }), [terminal]);
  rows.push(["a script", "delivered, installed and run"]);
  rows.push(...(await loseTokens(bench)));
  await installation.stopServer();
  installation.demandNoSecretPrinted();
  rows.push(...whereKeysAre(bench));
  process.stdout.write(`${table(["what", "result"], rows)}\n`);
}

/** Publishes a mebibyte for everybody, whatever it is delivered by; gives its SHA-256. */
async function publishFirmware(installation: Installation): Promise<string> {
  const content = randomBytes(firmware.bytes);
  const path = join(installation.folder, firmware.module);
  writeFileSync(path, content);
  const named = ["--name", firmware.module, "--version", firmware.version];
  eventOf(succeeded(await installation.operator(["publish", path, ...named, "--format", "file", "--public"])), "published");
  return createHash("sha256").update(content).digest("hex");
}

/** Delivers the firmware by one triple, as if it had never been fetched. */
async function link({ installation }: TokenBench, wish: { readonly triple: Triple; readonly sha256: string }): Promise<void> {
  const { mechanism, suite, originator } = wish.triple;
  const { module } = firmware;
  const downloads = join(installation.terminalState(terminal), "downloads");
  rmSync(downloads, { recursive: true, force: true });
  const way = ["--mechanism", mechanism.name, "--suite", suite.name];
  const toGroup = mechanism.needs.recipient.includes("group") ? ["--group", group] : [];
  let broadcastId: string | null = null;
  if (mechanism.broadcast) {
    const started = succeeded(await installation.operator(["broadcast", "start", module, ...way, ...toGroup]));
    broadcastId = String(eventOf(started, "broadcast-started")["id"]);
  } else if (originator === "server") {
    succeeded(await installation.operator(["release", "offer", module, "--to", terminal, ...way]));
  }
  const run = succeeded(await installation.terminal(terminal, ["fetch", module, ...way, "--originator", originator]));
  const { suite: used, mechanism: by } = eventOf(run, "link");
  demand(used === suite.name && by === mechanism.name, `The link is not by ${mechanism.name} on ${suite.name}.`, said(run));
  const [name = ""] = readdirSync(downloads);
  const got = createHash("sha256")
    .update(readFileSync(join(downloads, name, "software")))
    .digest("hex");
  demand(got === wish.sha256, `By ${mechanism.name} on ${suite.name} other software came.`, said(run));
  if (broadcastId !== null) succeeded(await installation.operator(["broadcast", "stop", broadcastId]));
}

/** The end: no key is in a file but that of enrolment, and none in a token could leave it. */
function whereKeysAre({ installation, plant, device }: TokenBench): readonly string[][] {
  demandNoKeyFiles(installation.serverState, ["server/keys/enrol-decrypt.pem"]);
  demandNoKeyFiles(join(installation.folder, "terminals"), []);
  const [ofPlant, ofDevice] = [demandKept(plant), demandKept(device)];
  demand(ofPlant === plantKeys && ofDevice === deviceKeys, `There are ${ofPlant} and ${ofDevice} keys in the tokens.`);
  return [
    ["private keys in files", "one: enrol-decrypt.pem"],
    ["private keys in tokens", `${ofPlant + ofDevice}: made there, sensitive, never extractable`],
  ];
}
