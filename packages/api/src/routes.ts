/** The routes of a server; `:x` is a path parameter. */
export const routes = {
  /** GET: 200 while the process serves. */
  health: "/healthz",
  /** GET: what a terminal needs to check before it enrols. POST: an enrolment request. */
  enrol: "/v1/enrol",
  /** POST: proof of possession of the decryption key; completes the enrolment. */
  enrolProof: "/v1/enrol/proof",
  /** POST: a link message; M1 is answered by the answer, an answer by the server's first record. */
  links: "/v1/links",
  /** POST: one record of a link; answered by one record. */
  records: "/v1/links/:id",
  /** GET: messages that wait for a terminal; long-poll. */
  inbox: "/v1/inbox",
  /** POST: upload of a sealed artefact (operator token). */
  artefacts: "/v1/artefacts",
  /** GET, HEAD: a sealed artefact, one Range. */
  artefact: "/v1/artefacts/:id",
  /** POST: a signed release. GET: the releases (operator token). */
  releases: "/v1/releases",
  /** POST: originate links from the server to terminals, with an offer (operator token). */
  offers: "/v1/offers",
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
export const mediaType = {
  /** Link messages, records, enrolment, releases. */
  cbor: "application/cbor",
  artefact: "application/vnd.sealane.artefact",
  json: "application/json",
  /** Errors (RFC 9457). */
  problem: "application/problem+json",
} as const;

/** The path of a route with its parameter filled in. */
export function pathOf(route: string, parameter: string): string {
  return route.replace(/:[a-z]+/, encodeURIComponent(parameter));
}
