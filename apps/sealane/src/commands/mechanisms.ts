import { formatTable, outputOf } from "@sealane/cli";
import { suites } from "@sealane/crypto";
import { mechanisms, type Role } from "@sealane/link";
import type { Command } from "commander";

/** `sealane mechanisms`: which mechanism may be begun by whom on which suites, and what each promises. */
export function runMechanisms(command: Command): void {
  const listed = Object.values(mechanisms).map((mechanism) => ({
    mechanism: mechanism.name,
    equations: [...new Set(Object.values(mechanism.equations))],
    suites: suites.map(({ name }) => name),
    originators: Object.keys(mechanism.equations) as Role[],
    messages: mechanism.messages,
    grade: mechanism.grade,
    anonymous: mechanism.anonymous,
    broadcast: mechanism.broadcast,
    forwardSecret: mechanism.forwardSecret,
    promise: mechanism.promise,
    readers: mechanism.readers,
  }));
  const rows = listed.map((each) => [
    each.mechanism,
    each.equations.join(", "),
    each.suites.join(", "),
    each.originators.join(", "),
    each.messages,
    each.grade,
    each.anonymous,
    each.broadcast ? "yes" : "no",
    each.forwardSecret === "originator" ? "of the originator" : each.forwardSecret,
  ]);
  const heading = ["mechanism", "equations", "suites", "begun by", "messages", "grade", "who has no name", "broadcast", "forward secret"];
  outputOf(command).result({ mechanisms: listed }, formatTable(heading, rows));
}
