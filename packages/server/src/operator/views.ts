import type { ReleaseView, TerminalView } from "@sealane/api";
import { parseRelease } from "@sealane/software";
import type { EnrolmentToken } from "../storage/enrolment-tokens.ts";
import type { AnyRelease } from "../storage/releases.ts";
import type { ActiveTerminal } from "../storage/terminals.ts";

/** What operators are shown. */

export function terminalView(terminal: ActiveTerminal): TerminalView {
  const { name, model, enrolledAtSeconds, lastSeenSeconds, certificateExpiresAtSeconds, installed } = terminal;
  return { name, model, status: "active", enrolledAtSeconds, lastSeenSeconds, certificateExpiresAtSeconds, installed };
}

/** A terminal that has certificates and has not proved its keys; none for a token that was not used. */
export function enrollingView({ name, model, enrolment }: EnrolmentToken): readonly TerminalView[] {
  if (enrolment === null) return [];
  const { boundAtSeconds: enrolledAtSeconds, certificateExpiresAtSeconds } = enrolment;
  return [{ name, model, status: "enrolling", enrolledAtSeconds, lastSeenSeconds: null, certificateExpiresAtSeconds, installed: [] }];
}

export function releaseView({ description, publisher, publishedAtSeconds, statement, sealedContentKey }: AnyRelease): ReleaseView {
  const { module, version, sequence, models, artefactId, sha256, plaintextBytes } = description;
  return {
    module,
    version,
    sequence,
    models,
    artefactId: artefactId.toHex(),
    sha256: sha256.toHex(),
    plaintextBytes,
    publishedAtSeconds,
    publisher,
    ...(sealedContentKey !== null ? termsOf(statement) : { grade: null, floorSequence: null }),
  };
}

function termsOf(statement: Uint8Array): Pick<ReleaseView, "grade" | "floorSequence"> {
  const { grade, floorSequence } = parseRelease(statement).release;
  return { grade, floorSequence };
}
