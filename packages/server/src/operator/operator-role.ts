import type { ArtefactStore } from "../artefact-store.ts";
import type { PublicIdentity } from "../certified-keys.ts";
import type { ServerContext } from "../context.ts";
import type { Stores, Transactional } from "../storage/stores.ts";

/** Everything that the operator role works with; no private key is among it. */
export interface OperatorRole extends ServerContext, PublicIdentity, Transactional<Stores> {
  readonly artefacts: ArtefactStore;
  /** Where terminals reach the server; stands in enrolment tokens. */
  readonly publicUrl: () => string;
}
