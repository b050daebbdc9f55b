/** The routes of a server; `:x` is a path parameter. */
export const routes = {
  /** GET: 200 while the process serves. */
  health: "/healthz",
  /** GET: 200 while it can do its work: the database answers, and it is not stopping. */
  ready: "/readyz",
  /** GET: counters for Prometheus; from the machine itself, or with an operator token. */
  metrics: "/metrics",
  /** GET: what a terminal needs to check before it enrols. */
  enrol: "/v1/enrol",
  /** POST: an enrolment request. Terminals of version 1 post to `enrol`. */
  enrolments: "/v1/enrolments",
  /** POST: proof that the keys are held and the same is seen; completes the enrolment. */
  enrolProof: "/v1/enrolments/proof",
  /** POST: a link message; M1 is answered by the answer, an answer by the server's first record. */
  links: "/v1/links",
  /** POST: M0, a challenge in place of the time, for a terminal without a clock. */
  challenges: "/v1/challenges",
  /** POST: one record of a link; answered by one record. */
  records: "/v1/links/:id",
  /** POST: messages that wait for a terminal; long-poll, or an event stream where `Accept` names one. */
  inbox: "/v1/inbox",
  /** POST: upload of a sealed artefact (operator token). */
  artefacts: "/v1/artefacts",
  /** GET, HEAD: a sealed artefact, one Range. */
  artefact: "/v1/artefacts/:id",
  /** POST: a signed release, with its content key unless it is signed anew. GET: the releases (operator token). */
  releases: "/v1/releases",
  /** GET: one release with its signed statement, by artefact id (operator token). */
  release: "/v1/releases/:id",
  /** POST: originate links from the server to terminals, with an offer (operator token). */
  offers: "/v1/offers",
  /** POST: hand an order on to its terminals. GET: those that are not over (operator token). */
  orders: "/v1/orders",
  /** GET: the broadcast channel, for everybody; long-poll. POST: start a broadcast (operator token). */
  broadcasts: "/v1/broadcasts",
  /** GET: the broadcasts that run, for operators (operator token). */
  runningBroadcasts: "/v1/running-broadcasts",
  /** DELETE: stop a broadcast (operator token). */
  broadcast: "/v1/broadcasts/:id",
  /** POST: make a group. GET: the groups (operator token). */
  groups: "/v1/groups",
  /** POST: add terminals to a group and remove others (operator token). */
  groupMembers: "/v1/groups/:name/members",
  /** POST: begin a new epoch of a group (operator token). */
  groupEpoch: "/v1/groups/:name/epoch",
  /** GET: terminals (operator token). */
  terminals: "/v1/terminals",
  /** GET: one terminal (operator token). */
  terminal: "/v1/terminals/:name",
  /** POST: a one-time enrolment token (operator token). */
  tokens: "/v1/tokens",
  /** GET: public certificates of the server, for publishers (operator token). */
  server: "/v1/server",
} as const;

/** Media types of bodies. */
/** The head of a reply that has the request's reference: 16 hexadecimal digits at random, which stand in the server's log too. */
export const referenceHeader = "sealane-reference";

export const mediaType = {
  /** Link messages, records, enrolment, releases. */
  cbor: "application/cbor",
  artefact: "application/vnd.sealane.artefact",
  /** Server-sent events. */
  events: "text/event-stream",
  json: "application/json",
  /** Errors (RFC 9457). */
  problem: "application/problem+json",
} as const;

/** The path of a route with its parameter filled in. */
export function pathOf(route: string, parameter: string): string {
  return route.replace(/:[a-z]+/, encodeURIComponent(parameter));
}
