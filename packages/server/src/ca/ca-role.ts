import type { CaRoleKeys, PublicIdentity } from "../certified-keys.ts";
import type { ServerContext } from "../context.ts";
import type { Stores, Transactional } from "../storage/stores.ts";

/** Everything that the CA role works with. */
export interface CaRole extends ServerContext, CaRoleKeys, PublicIdentity, Transactional<Stores> {}
