import type { VerifiedRelease } from "@sealane/software";
import type { ArtefactStore } from "../artefact-store.ts";
import type { PublicIdentity } from "../certified-keys.ts";
import type { ServerContext } from "../context.ts";
import type { Stores, Transactional } from "../storage/stores.ts";

/** Proves that the key role can open a content key that is sealed for a release. Errors: RELEASE_KEY_WRONG, KEYSTORE_*. */
export type RequireOpens = (release: VerifiedRelease, sealedContentKey: Uint8Array) => Promise<void>;

/** Everything that the operator role works with; no private key is among it. */
export interface OperatorRole extends ServerContext, PublicIdentity, Transactional<Stores> {
  readonly artefacts: ArtefactStore;
  /** Null where the key role runs in another process: then a wrong content key shows at the first delivery. */
  readonly requireOpens: RequireOpens | null;
  /** Where terminals reach the server; stands in enrolment tokens. */
  readonly publicUrl: () => string;
}
