import assert from "node:assert/strict";
import { test } from "node:test";
import type { BroadcastLink, ConfidentialLink, EstablishedLink, GroupLink, PublicLink, UnconfirmedLink } from "../../src/index.ts";

/** `npm run types` decides these: a constant of the wrong answer does not compile. */
type Fits<A, B> = A extends B ? true : false;
type Has<A, K extends string> = K extends keyof A ? true : false;

/** What asks for a link that carries secrets. */
const fits: {
  readonly confidential: Fits<ConfidentialLink, ConfidentialLink>;
  readonly public: Fits<PublicLink, ConfidentialLink>;
  readonly group: Fits<GroupLink, ConfidentialLink>;
  readonly unconfirmed: Fits<UnconfirmedLink, ConfidentialLink>;
  readonly publicAsGroup: Fits<PublicLink, GroupLink>;
  readonly confidentialAsPublic: Fits<ConfidentialLink, PublicLink>;
  readonly literal: Fits<{ readonly grade: "confidential" }, ConfidentialLink>;
  readonly established: Fits<EstablishedLink["link"], ConfidentialLink>;
} = {
  confidential: true,
  public: false,
  group: false,
  unconfirmed: false,
  publicAsGroup: false,
  confidentialAsPublic: false,
  literal: false,
  established: false,
};

/** What every holder of a broadcast's key could forge, and what an unconfirmed peer must not be given. */
const has: {
  readonly broadcastRecords: Has<BroadcastLink, "seal" | "open">;
  readonly broadcastExporter: Has<BroadcastLink, "exportKey">;
  readonly broadcastSeries: Has<BroadcastLink, "series">;
  readonly unconfirmedSeal: Has<UnconfirmedLink, "seal">;
  readonly unconfirmedWrap: Has<UnconfirmedLink, "wrap">;
  readonly unconfirmedExporter: Has<UnconfirmedLink, "exportKey">;
} = {
  broadcastRecords: false,
  broadcastExporter: false,
  broadcastSeries: false,
  unconfirmedSeal: false,
  unconfirmedWrap: false,
  unconfirmedExporter: false,
};

test("EQ3 EQ4: a public link, a group's and an unconfirmed one do not fit where a confidential link is asked for", () => {
  assert.deepEqual(
    Object.entries(fits).filter(([, answer]) => answer),
    [["confidential", true]],
  );
});

test("EQ3 EQ4: a broadcast has no records and no keys to export, an unconfirmed link nothing but its first record", () => {
  assert.deepEqual(
    Object.values(has).filter((answer) => answer),
    [],
  );
});
