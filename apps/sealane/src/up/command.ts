import { basename, join } from "node:path";
import { formatBytes, type Output, outputOf, shellWord } from "@sealane/cli";
import { systemRandom } from "@sealane/crypto";
import { writeFileAtomic } from "@sealane/software";
import type { Command } from "commander";
import { whileBroadcast } from "./broadcasting.ts";
import { ChildProgress } from "./child-progress.ts";
import { type ChildEvent, Children, findCommands } from "./children.ts";
import { type Delivery, type DeliveryTools, deliver, hashFile, publishSoftware, type Software } from "./delivery.ts";
import { type Installation, raiseInstallation } from "./installation.ts";
import { readUpOptions, type UpOptions } from "./options.ts";

/** The exit code of a shell's command that SIGINT ended. */
const interruptedExit = 130;

/** `sealane up`: server, terminals and deliveries on this machine, each party a process of its own. */
export async function runUp(file: string | undefined, command: Command): Promise<void> {
  const output = outputOf(command);
  const options = await readUpOptions(file, command);
  const children = new Children();
  const stopped = stopSignal();
  try {
    const stoppedEarly = await Promise.race([stopped.then(() => true), runOnce(options, { output, children }).then(() => false)]);
    if (stoppedEarly) process.exitCode = interruptedExit;
    else if (!options.once) await Promise.race([stopped, children.lost]);
  } finally {
    await children.stop();
  }
}

async function runOnce(options: UpOptions, tools: { readonly output: Output; readonly children: Children }): Promise<void> {
  const { output, children } = tools;
  const commands = findCommands();
  const installation = await raiseInstallation(options, { children, commands, say: (sentence) => output.say(sentence) });
  const software = await softwareOf(options, installation);
  using progress = new ChildProgress(output);
  const onEvent = (event: ChildEvent): void => (output.json ? forward(output, event) : progress.take(event));
  const delivering: DeliveryTools = { installation, children, commands, onEvent };
  const deliveries: Delivery[] = [];
  for (const triple of options.triples) {
    output.say(`Seals ${software.module} ${software.version} (${formatBytes(software.bytes)}) once, for all terminals ...`);
    await publishSoftware(software, triple, delivering);
    progress.end();
    const toAll = async (): Promise<void> => {
      for (const [terminal, folder] of installation.terminals) {
        output.say(`Delivers it to ${terminal} and installs it, begun by the ${triple.originator} ...`);
        const delivery = await deliver(software, { terminal, folder, triple }, delivering);
        progress.end();
        deliveries.push(delivery);
        const { promise: _, readers: __, ...fields } = delivery;
        output.event("delivery", fields, sentenceOf(delivery));
      }
    };
    await whileBroadcast(software, triple, { tools: delivering, deliver: toAll });
  }
  const version = software.isNode ? await showVersion(software, delivering) : null;
  if (version !== null) output.say(`The installed copy, started through \`exec\`, says it is Node ${version}.`);
  const summary = { ok: true, state: installation.state, ...(version === null ? {} : { version }) };
  output.event("summary", { ...summary, deliveries: deliveries.map(({ promise: _, readers: __, ...fields }) => fields) });
  tellPromise(output, deliveries);
  if (!options.once) tellNext(output, { installation, software, hasPrevious: options.triples.length > 1 });
}

const smallBytes = 1024 * 1024;

/**
 * The file that was given; without one the Node binary that runs this, as software that is really large and really runs; a mebibyte
 * of random bytes where every mechanism is shown.
 */
async function softwareOf({ file, everyMechanism }: UpOptions, { state }: Installation): Promise<Software & { readonly isNode: boolean }> {
  const isNode = file === null && !everyMechanism;
  const path = file ?? (isNode ? process.execPath : join(state, "small"));
  if (file === null && !isNode) await writeFileAtomic(path, systemRandom.bytes(smallBytes));
  const { sha256, bytes } = await hashFile(path);
  const version = isNode ? process.versions.node : sha256.slice(0, 12);
  return { path, module: moduleNameOf(isNode ? "node" : basename(path)), version, sha256, bytes, isNode };
}

/** A module name made of a file name: what is not allowed in one becomes a hyphen. */
function moduleNameOf(name: string): string {
  const made = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]/g, "-")
    .slice(0, 64);
  return /^[a-z0-9]/.test(made) ? made : `file-${made}`.slice(0, 64);
}

async function showVersion(software: Software, tools: DeliveryTools): Promise<string> {
  const [folder] = tools.installation.terminals.values();
  const text = await tools.children.capture(tools.commands.terminal, ["exec", software.module, "--state", folder ?? "", "--", "--version"]);
  return text.trim();
}

function forward(output: Output, event: ChildEvent): void {
  if (event.event === "error" || event.event === "progress") return;
  const { event: name = "step", ...fields } = event;
  output.event(name, fields);
}

function sentenceOf(delivery: Delivery): string {
  const { terminal, mechanism, suite, originator, bytes, sha256, installed, seconds } = delivery;
  const how = `${mechanism} on ${suite}, begun by the ${originator}`;
  return `Delivered ${formatBytes(bytes)} to ${terminal} in ${seconds.toFixed(1)} s by ${how}.\n  installed ${installed}\n  sha256    ${sha256} (read again, equal)`;
}

function tellPromise(output: Output, deliveries: readonly Delivery[]): void {
  const [first] = deliveries;
  if (first === undefined) return;
  output.say(
    `\nWhat the link promises: ${first.promise}.\nWho else could read: ${first.readers}. The server's key role knows the content key that it gave.`,
  );
}

function tellNext(
  output: Output,
  at: { readonly installation: Installation; readonly software: Software; readonly hasPrevious: boolean },
): void {
  const { installation, software, hasPrevious } = at;
  const [name, place] = [...installation.terminals][0] ?? ["terminal-1", ""];
  const [state, folder] = [shellWord(installation.state), shellWord(place)];
  const lines = [
    "",
    "The server stays up. In another shell, from this folder:",
    `  npx sealane terminal show ${name} --state ${state}`,
    `  npx sealane publish README.md --name readme --version 1 --state ${state}`,
    `  npx sealane-terminal fetch readme --state ${folder} && npx sealane-terminal install readme --state ${folder}`,
    `  npx sealane-terminal status --state ${folder}`,
    ...(hasPrevious ? [`  npx sealane-terminal rollback ${software.module} --state ${folder}`] : []),
    "Ctrl-C ends it.",
  ];
  output.say(lines.join("\n"));
}

/** Settles when the user or the system asks this process to stop. */
async function stopSignal(): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve());
  });
}
