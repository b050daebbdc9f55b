import { protocolLabel, protocolVersion } from "@sealane/link";
import { encode } from "@sealane/wire";

/** external_aad of the COSE structures that are no link messages: one label each, so that none passes for another. */
export type StatementLabel =
  | "enrol request"
  | "enrol reply"
  | "enrol certificate"
  | "enrol view"
  | "enrol proof"
  | "inbox request"
  | "inbox"
  | "group record";

export function statementAad(label: StatementLabel): Uint8Array {
  return encode([protocolLabel, protocolVersion, label]);
}
