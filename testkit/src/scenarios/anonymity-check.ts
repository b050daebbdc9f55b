import { routes } from "@sealane/api";
import type { RowChanges } from "./database-rows.ts";
import { type CapturedExchange, type CapturedMessage, exchangesOf } from "./http-capture.ts";
import type { RecordedConnection } from "./recording-relay.ts";
import { type Trace, tracesIn } from "./terminal-traces.ts";

/** What can be seen of one download: on the wire, in the log, in what the server counts, in its database. */
export interface SeenDownload {
  /** For findings. */
  readonly terminal: string;
  readonly connections: readonly RecordedConnection[];
  readonly log: string;
  readonly metrics: string;
  readonly rows: RowChanges;
}

/** `header`: one that says who asks; `difference`: the two downloads look different; `row`: one that refers to a terminal; `trace`: something of a terminal's. */
export type FindingKind = "difference" | "header" | "row" | "trace";

export interface Finding {
  readonly kind: FindingKind;
  readonly sentence: string;
}

/** Looks for anything in two downloads that tells one terminal from the other. */
export function findingsIn(pair: readonly [SeenDownload, SeenDownload], traces: readonly Trace[]): readonly Finding[] {
  const [first, second] = pair;
  const shapes: [string, readonly string[], readonly string[]][] = [
    ["on the wire", wireShape(first), wireShape(second)],
    ["in the log", logShape(first), logShape(second)],
    ["in the database", rowShape(first), rowShape(second)],
  ];
  return [
    ...shapes.flatMap(([where, one, other]) => differences(where, one, other)),
    ...pair.flatMap((download) => [...oddHeaders(download), ...oddRows(download), ...tracesLeft(download, traces)]),
    ...ownLicences(second),
    ...relatedLinks(linkIdsOf(first), linkIdsOf(second)),
  ];
}

/** Ids of the links that records were posted to. */
export function linkIdsOf(download: SeenDownload): readonly string[] {
  const ids = capturedIn(download).flatMap(({ request }) => request.start.match(linkIdPattern) ?? []);
  return [...new Set(ids)];
}

const linkIdPattern = /(?<=\/v1\/links\/)[0-9a-f]{32}/g;

/** What stands in every request and reply; nothing else is expected there. */
const plainHeaders: readonly string[] = [
  ..."accept-encoding accept-ranges cache-control connection content-length content-type date etag host keep-alive user-agent".split(" "),
];

function capturedIn({ connections }: SeenDownload): readonly CapturedExchange[] {
  return connections.flatMap(exchangesOf);
}

/** Every message without what is random or a time: start line, headers in their order, length of the body. */
function wireShape(download: SeenDownload): readonly string[] {
  return download.connections.flatMap((connection, index) =>
    exchangesOf(connection).flatMap(({ request, reply }) => [request, reply].map((message) => `connection ${index}: ${shapeOf(message)}`)),
  );
}

function shapeOf({ start, headers, body }: CapturedMessage): string {
  const line = start.replaceAll(linkIdPattern, "*");
  const shown = headers.map(([name, value]) => `${name}: ${name.toLowerCase() === "date" ? value.length : value}`);
  return [line, ...shown, `${body.length} bytes`].join(", ");
}

/** Lines of the log without times and the number of the request, which only counts. */
function logShape({ log }: SeenDownload): readonly string[] {
  const lines = log.split("\n").filter((line) => line.includes(`"${routes.links}`) || line.includes(`"${routes.inbox}`));
  return lines.map((line) => {
    const { time: _, reqId: __, milliseconds: ___, ...rest }: Record<string, unknown> = JSON.parse(line);
    return JSON.stringify(rest);
  });
}

/** Rows that came: their tables and the lengths of their values. The licence of all anonymous terminals comes with the first of them. */
function rowShape({ rows }: SeenDownload): readonly string[] {
  const own = rows.added.filter(({ table }) => table !== "licences");
  return own.map(({ table, columns }) => {
    const lengths = Object.entries(columns).map(([column, value]) => `${column} ${value === null ? "null" : value.length}`);
    return [table, ...lengths].join(", ");
  });
}

function differences(where: string, one: readonly string[], other: readonly string[]): readonly Finding[] {
  const at = [...one, ...other].findIndex((_, index) => one[index] !== other[index]);
  if (at === -1 || at >= Math.max(one.length, other.length)) return [];
  return [{ kind: "difference", sentence: `The two differ ${where}:\n${one[at] ?? "nothing"}\n${other[at] ?? "nothing"}` }];
}

function oddHeaders(download: SeenDownload): readonly Finding[] {
  const messages = capturedIn(download).flatMap(({ request, reply }) => [request, reply]);
  const odd = messages.flatMap(({ headers }) => headers.map(([name]) => name.toLowerCase()).filter((name) => !plainHeaders.includes(name)));
  return [...new Set(odd)].map((name) => ({ kind: "header", sentence: `${download.terminal} was sent or sent a header ${name}.` }));
}

/** An anonymous download adds one link without an owner, and at most the licence that all anonymous terminals share. */
function oddRows({ terminal, rows }: SeenDownload): readonly Finding[] {
  const isPlain = ({ table, columns }: RowChanges["added"][number]): boolean =>
    (table === "links" && columns["terminal"] === null && columns["signing_thumbprint"] === null) ||
    (table === "licences" && columns["terminal"] === "anonymous");
  const odd = [...rows.added.filter((row) => !isPlain(row)), ...rows.removed];
  return odd.map(({ table }) => ({ kind: "row", sentence: `The download of ${terminal} changed a row of ${table}.` }));
}

/** The second one is given what the first was given: a licence of its own would have an id of its own. */
function ownLicences({ terminal, rows }: SeenDownload): readonly Finding[] {
  const own = rows.added.filter((row) => row.table === "licences");
  return own.map(() => ({ kind: "row", sentence: `A licence was issued to ${terminal} alone.` }));
}

function tracesLeft(download: SeenDownload, traces: readonly Trace[]): readonly Finding[] {
  const { terminal, connections, log, metrics, rows } = download;
  const links = linkIdsOf(download).map((id) => ({ name: "id of its link", forms: [id] }));
  const places: [string, string, readonly Trace[]][] = [
    ["the capture", connections.map(({ sent, received }) => latin1(sent) + latin1(received)).join("\n"), traces],
    ["the log", log, [...traces, ...links]],
    ["the metrics", metrics, [...traces, ...links]],
    ["the rows", rows.added.flatMap(({ columns }) => Object.values(columns)).join("\n"), traces],
  ];
  return places.flatMap(([place, written, looked]) =>
    tracesIn(written, looked).map(({ name }) => ({ kind: "trace", sentence: `The ${name} stands in ${place} of ${terminal}.` }) as const),
  );
}

/** Two random ids of 16 bytes share no more than six of them; more would happen once in 10^12 times. */
const mostSharedBytes = 6;

function relatedLinks(one: readonly string[], other: readonly string[]): readonly Finding[] {
  if (one.length !== 1 || other.length !== 1) return [{ kind: "difference", sentence: "A download has not one link." }];
  const [a, b] = [Buffer.from(one.join(""), "hex"), Buffer.from(other.join(""), "hex")];
  const shared = a.filter((byte, index) => byte === b[index]).length;
  return shared <= mostSharedBytes ? [] : [{ kind: "difference", sentence: `The ids of two links share ${shared} bytes.` }];
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}
