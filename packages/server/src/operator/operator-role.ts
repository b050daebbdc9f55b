import type { FormerRelease, VerifiedRelease } from "@sealane/software";
import type { ArtefactStore } from "../artefact-store.ts";
import type { PublicIdentity } from "../certified-keys.ts";
import type { ServerContext } from "../context.ts";
import type { Stores, Transactional } from "../storage/stores.ts";

/** What the key role does for a publication. */
export interface ContentKeys {
  /** Proves that it can open a content key that is sealed for a release. Errors: RELEASE_KEY_WRONG, KEYSTORE_*. */
  requireOpens(release: VerifiedRelease, sealedContentKey: Uint8Array): Promise<void>;
  /** Seals the content key of a former release for the one that its publisher has signed in its place. Errors: RELEASE_KEY_WRONG, KEYSTORE_*. */
  sealFormer(release: VerifiedRelease, former: FormerRelease): Promise<Uint8Array>;
}

/** Everything that the operator role works with; no private key is among it. */
export interface OperatorRole extends ServerContext, PublicIdentity, Transactional<Stores> {
  readonly artefacts: ArtefactStore;
  /** Null where the key role runs in another process: then a wrong content key shows at the first delivery. */
  readonly contentKeys: ContentKeys | null;
  /** Where terminals reach the server; stands in enrolment tokens. */
  readonly publicUrl: () => string;
}
