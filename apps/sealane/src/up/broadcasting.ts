import type { Triple } from "@sealane/link";
import { hasCode } from "@sealane/wire";
import { type DeliveryTools, type Software, textOf } from "./delivery.ts";

/** The group of all terminals of this installation. */
const groupName = "up";

/**
 * Delivers while the software is on the server's channel, where the mechanism is a broadcast: everybody's or a group's. A terminal that
 * begins an open broadcast takes the licence from there.
 */
export async function whileBroadcast(
  software: Software,
  triple: Triple,
  given: { readonly tools: DeliveryTools; readonly deliver: () => Promise<void> },
): Promise<void> {
  const { tools, deliver } = given;
  const { mechanism, suite } = triple;
  if (!mechanism.broadcast) {
    await deliver();
    return;
  }
  const isForGroup = mechanism.needs.recipient.includes("group");
  if (isForGroup) await gather(tools);
  const how = ["--mechanism", mechanism.name, "--suite", suite.name, ...(isForGroup ? ["--group", groupName] : [])];
  const id = textOf(await operate(tools, "broadcast", "start", software.module, ...how), "broadcast-started", "id");
  await deliver();
  await operate(tools, "broadcast", "stop", id);
}

/** Puts all terminals into one group, which a former run may have made. */
async function gather(tools: DeliveryTools): Promise<void> {
  try {
    await operate(tools, "group", "create", groupName);
  } catch (error) {
    if (!hasCode(error, "SERVER_GROUP_TAKEN")) throw error;
  }
  await operate(tools, "group", "add", groupName, ...tools.installation.terminals.keys());
}

async function operate(tools: DeliveryTools, ...args: readonly string[]): ReturnType<DeliveryTools["children"]["run"]> {
  const { children, commands, installation, onEvent } = tools;
  return await children.run(commands.operator, [...args, "--state", installation.state, "--json"], onEvent);
}
