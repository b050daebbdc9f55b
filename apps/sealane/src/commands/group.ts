import { type GroupMembersRequest, type GroupRequest, type GroupView, pathOf, routes } from "@sealane/api";
import { formatTable, formatTime, outputOf, parseTypedName } from "@sealane/cli";
import type { Command } from "commander";
import { connect } from "../connect.ts";

/** `sealane group create NAME`. */
export async function runGroupCreate(name: string, command: Command): Promise<void> {
  const request: GroupRequest = { name: parseTypedName({ option: "name", text: name }) };
  const group = await send(routes.groups, request, command);
  tell(command, { event: "group-created", group, words: `Made the group ${group.name}: nobody is in it yet.` });
}

/** `sealane group add NAME TERMINAL...`. */
export async function runGroupAdd(name: string, terminals: readonly string[], command: Command): Promise<void> {
  const request: GroupMembersRequest = { add: terminals };
  const group = await send(pathOf(routes.groupMembers, name), request, command);
  const words = `${terminals.join(", ")} ${terminals.length === 1 ? "is" : "are"} in ${group.name} now; a member asks for its secret when it hears a broadcast.`;
  tell(command, { event: "group-changed", group, words });
}

/** `sealane group remove NAME TERMINAL...`: a new epoch begins. */
export async function runGroupRemove(name: string, terminals: readonly string[], command: Command): Promise<void> {
  const request: GroupMembersRequest = { remove: terminals };
  const group = await send(pathOf(routes.groupMembers, name), request, command);
  const words = [
    `${terminals.join(", ")} ${terminals.length === 1 ? "is" : "are"} not in ${group.name} any more; what is broadcast from now on is for ${epochOf(group)}.`,
    "Software that a former member has heard of stays readable to it: publish and broadcast a new version.",
  ];
  tell(command, { event: "group-changed", group, words: words.join("\n") });
}

/** `sealane group rotate NAME`: a new epoch with the same members. */
export async function runGroupRotate(name: string, command: Command): Promise<void> {
  const group = await send(pathOf(routes.groupEpoch, name), {}, command);
  tell(command, { event: "group-rotated", group, words: `What is broadcast to ${group.name} from now on is for ${epochOf(group)}.` });
}

/** `sealane group list`. */
export async function runGroupList(command: Command): Promise<void> {
  const { client } = await connect(command.opts<{ state?: string }>().state);
  const groups = await client.get<readonly GroupView[]>(routes.groups);
  const rows = groups.map(({ name, epoch, epochEndsAtSeconds, members }) => [
    name,
    epoch === null ? "none yet" : String(epoch),
    epochEndsAtSeconds === null ? "" : formatTime(epochEndsAtSeconds),
    members.join(", "),
  ]);
  outputOf(command).result({ groups }, formatTable(["group", "epoch", "until", "members"], rows));
}

async function send(path: string, request: unknown, command: Command): Promise<GroupView> {
  const { client } = await connect(command.opts<{ state?: string }>().state);
  return await client.post<GroupView>(path, request);
}

function epochOf({ epoch }: GroupView): string {
  return epoch === null ? "its next epoch" : `epoch ${epoch}`;
}

function tell(command: Command, done: { readonly event: string; readonly group: GroupView; readonly words: string }): void {
  outputOf(command).event(done.event, { ...done.group }, done.words);
}
