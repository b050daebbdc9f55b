import { formatTable, outputOf } from "@sealane/cli";
import { allowedTriples } from "@sealane/link";
import type { Command } from "commander";

/** `sealane mechanisms`: the allowed triples of mechanism, suite and originator, with what they promise. */
export function runMechanisms(command: Command): void {
  const triples = allowedTriples().map(({ mechanism, suite, originator }) => ({
    mechanism: mechanism.name,
    equations: mechanism.equations[originator],
    suite: suite.name,
    originator,
    messages: mechanism.messages,
    grade: mechanism.grade,
    anonymous: mechanism.anonymous,
    broadcast: mechanism.broadcast,
    forwardSecret: mechanism.forwardSecret,
    promise: mechanism.promise,
    readers: mechanism.readers,
  }));
  const yesNo = (value: boolean): string => (value ? "yes" : "no");
  const rows = triples.map((triple) => [
    triple.mechanism,
    triple.equations,
    triple.suite,
    triple.originator,
    triple.messages,
    triple.grade,
    yesNo(triple.anonymous),
    yesNo(triple.broadcast),
    yesNo(triple.forwardSecret),
  ]);
  const heading = ["mechanism", "equations", "suite", "originator", "messages", "grade", "anonymous", "broadcast", "forward secret"];
  outputOf(command).result({ triples }, formatTable(heading, rows));
}
