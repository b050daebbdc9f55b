import { type BroadcastRequest, type BroadcastView, pathOf, routes } from "@sealane/api";
import { formatTable, formatTime, outputOf, parseLife } from "@sealane/cli";
import { mechanismNamed } from "@sealane/link";
import type { Command } from "commander";
import { connect } from "../connect.ts";

interface StartOptions {
  readonly mechanism: string;
  readonly suite?: string;
  readonly group?: string;
  readonly model?: string;
  readonly life?: string;
  readonly state?: string;
}

/** `sealane broadcast start MODULE`: the newest release of a module to whoever listens, or to the members of a group (EQ3, EQ4). */
export async function runBroadcastStart(module: string, command: Command): Promise<void> {
  const { mechanism, suite, group, model, life, state } = command.opts<StartOptions>();
  const { client } = await connect(state);
  const request: BroadcastRequest = {
    module,
    mechanism,
    ...(suite === undefined ? {} : { suite }),
    ...(group === undefined ? {} : { group }),
    ...(model === undefined ? {} : { model }),
    ...(life === undefined ? {} : { lifeSeconds: parseLife({ option: "--life", text: life }) }),
  };
  const started = await client.post<BroadcastView>(routes.broadcasts, request);
  const to = started.group === null ? "everybody who listens" : `the members of ${started.group}`;
  const { readers } = mechanismNamed(started.mechanism);
  const words = [
    `Broadcasting ${started.module} ${started.version} (sequence ${started.sequence}) to ${to} until ${formatTime(started.endsAtSeconds)}.`,
    `  Who else could read: ${readers}.`,
    `  Terminals hear it with \`sealane-terminal listen ${started.module}\`; \`sealane broadcast stop ${started.id}\` ends it.`,
  ];
  outputOf(command).event("broadcast-started", { ...started }, words.join("\n"));
}

/** `sealane broadcast stop ID`. */
export async function runBroadcastStop(id: string, command: Command): Promise<void> {
  const { client } = await connect(command.opts<{ state?: string }>().state);
  await client.delete(pathOf(routes.broadcast, id));
  outputOf(command).event("broadcast-stopped", { id }, `Stopped the broadcast ${id}; who has heard it keeps what it heard.`);
}

/** `sealane broadcast list`. */
export async function runBroadcastList(command: Command): Promise<void> {
  const { client } = await connect(command.opts<{ state?: string }>().state);
  const broadcasts = await client.get<readonly BroadcastView[]>(routes.runningBroadcasts);
  const rows = broadcasts.map((each) => [
    each.id,
    each.module,
    each.version,
    each.mechanism,
    each.suite,
    each.group ?? "everybody",
    formatTime(each.endsAtSeconds),
  ]);
  outputOf(command).result({ broadcasts }, formatTable(["broadcast", "module", "version", "mechanism", "suite", "to", "until"], rows));
}
