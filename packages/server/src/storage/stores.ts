import type { ReplayCache } from "@sealane/link";
import type { Kysely } from "kysely";
import { type Broadcasts, sqlBroadcasts } from "./broadcasts.ts";
import { type Challenges, sqlChallenges } from "./challenges.ts";
import { type EnrolmentTokens, sqlEnrolmentTokens } from "./enrolment-tokens.ts";
import { type GroupEpochs, sqlGroupEpochs } from "./group-epochs.ts";
import { type Groups, sqlGroups } from "./groups.ts";
import { type Inbox, sqlInbox } from "./inbox.ts";
import { type Licences, sqlLicences } from "./licences.ts";
import { type Links, sqlLinks } from "./links.ts";
import { type OperatorTokens, sqlOperatorTokens } from "./operator-tokens.ts";
import { type Orders, sqlOrders } from "./orders.ts";
import { type PendingLinks, sqlPendingLinks } from "./pending-links.ts";
import { type Releases, sqlReleases } from "./releases.ts";
import { type ReplayCacheOptions, sqlReplayCache } from "./replay-cache.ts";
import type { RowSeal } from "./row-seal.ts";
import type { Queries, Schema } from "./schema.ts";
import { sqlTerminals, type Terminals } from "./terminals.ts";

/** What every role with a database may use. */
export interface Stores {
  readonly operatorTokens: OperatorTokens;
  readonly enrolmentTokens: EnrolmentTokens;
  readonly terminals: Terminals;
  readonly releases: Releases;
  readonly inbox: Inbox;
  readonly licences: Licences;
  readonly broadcasts: Broadcasts;
  readonly groups: Groups;
  readonly orders: Orders;
}

/** What the key role uses besides: secrets, which need the storage key. */
export interface KeyStores extends Stores {
  readonly replay: ReplayCache;
  readonly links: Links;
  readonly pendingLinks: PendingLinks;
  readonly groupEpochs: GroupEpochs;
  readonly challenges: Challenges;
}

/** Stores of one kind, and transactions over all of them. */
export interface Transactional<S> {
  readonly stores: S;
  /** Everything that `work` does with the stores it is given happens, or nothing. It must not wait for anything else. */
  atomically<T>(work: (stores: S) => Promise<T>): Promise<T>;
}

export function sqlStores(db: Queries): Stores {
  return {
    operatorTokens: sqlOperatorTokens(db),
    enrolmentTokens: sqlEnrolmentTokens(db),
    terminals: sqlTerminals(db),
    releases: sqlReleases(db),
    inbox: sqlInbox(db),
    licences: sqlLicences(db),
    broadcasts: sqlBroadcasts(db),
    groups: sqlGroups(db),
    orders: sqlOrders(db),
  };
}

export function sqlKeyStores(db: Queries, options: ReplayCacheOptions & { readonly seal: RowSeal }): KeyStores {
  const { seal } = options;
  return {
    ...sqlStores(db),
    replay: sqlReplayCache(db, options),
    links: sqlLinks(db, seal),
    pendingLinks: sqlPendingLinks(db, seal),
    groupEpochs: sqlGroupEpochs(db, seal),
    challenges: sqlChallenges(db),
  };
}

export function transactional<S>(db: Kysely<Schema>, make: (db: Queries) => S): Transactional<S> {
  return { stores: make(db), atomically: async (work) => await db.transaction().execute(async (tx) => await work(make(tx))) };
}
