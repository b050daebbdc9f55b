import {
  type ApiCode,
  apiErrors,
  maxOffers,
  type ServerReply,
  serverReplyCodec,
  type TerminalRequest,
  terminalRequestCodec,
} from "@sealane/api";
import { type ConfidentialLink, maxRecordBytes } from "@sealane/link";
import type { SoftwareDescription } from "@sealane/software";
import { type ArtefactId, decodeAs, encodeAs, SealaneError } from "@sealane/wire";
import type { StoredRelease } from "../storage/releases.ts";
import type { KeyStores } from "../storage/stores.ts";
import type { ActiveTerminal } from "../storage/terminals.ts";
import { membershipsOf } from "./groups.ts";
import type { KeyRole } from "./key-role.ts";
import { licenceFor } from "./licence.ts";

/** A record that was opened: from whom, on which link, what it says. */
export interface OpenedRecord {
  readonly link: ConfidentialLink;
  /** Null where it is anonymous. */
  readonly terminal: ActiveTerminal | null;
  /** What the server began the link for. */
  readonly offered: ArtefactId | null;
  readonly payload: Uint8Array;
}

export interface Response {
  readonly reply: ServerReply;
  /** What is to be written together with the link's next state. */
  readonly effect: (stores: KeyStores) => Promise<void>;
  /** Why the request was refused, for the log. */
  readonly refusal: SealaneError | null;
  /** What was asked for, for the log. */
  readonly asked: Asked;
}

interface Asked {
  readonly asked: TerminalRequest["kind"] | "unreadable";
  readonly module?: string;
}

/** Carries out a terminal's request. What is wrong with it is told inside the link, which goes on; only the store's errors are thrown. */
export async function respond(role: KeyRole, record: OpenedRecord): Promise<Response> {
  let asked: Asked = { asked: "unreadable" };
  try {
    const request = parseRequest(record.payload);
    asked = { asked: request.kind, ...(await moduleOf(role, request)) };
    return { ...(await carryOut(role, record, request)), asked };
  } catch (error) {
    if (!(error instanceof SealaneError) || error.entry.blame === "system") throw error;
    return { reply: { kind: "refused", code: outwardCode(error) }, effect: async () => {}, refusal: error, asked };
  }
}

async function moduleOf({ stores }: KeyRole, request: TerminalRequest): Promise<Pick<Asked, "module">> {
  if (request.kind === "offers") return request.module === null ? {} : { module: request.module };
  if (request.kind !== "authorise") return {};
  const release = await stores.releases.find(request.artefactId);
  return release === null ? {} : { module: release.description.module };
}

async function carryOut(role: KeyRole, record: OpenedRecord, request: TerminalRequest): Promise<Omit<Response, "asked">> {
  const { terminal, link, offered } = record;
  switch (request.kind) {
    case "offers": {
      const { module, installed } = request;
      const effect = async (stores: KeyStores): Promise<void> => {
        if (terminal !== null) await stores.terminals.report(terminal.name, installed);
      };
      return { reply: await offersFor(role, { terminal, module, offered }), effect, refusal: null };
    }
    case "authorise": {
      const { issued, ...granted } = await licenceFor(role, { link, terminal, artefactId: request.artefactId });
      return { reply: { kind: "authorised", ...granted }, effect: (stores) => stores.licences.add(issued), refusal: null };
    }
    case "licence":
      throw apiErrors.error("API_TERMINAL_OLD", { kind: "licence" });
    case "groups": {
      if (terminal === null) throw apiErrors.error("API_REQUEST_WRONG", { kind: "groups" }); // who has no name is in no group
      return { reply: { kind: "groups", memberships: await membershipsOf(role, terminal) }, effect: async () => {}, refusal: null };
    }
    case "order": {
      if (terminal === null) throw apiErrors.error("API_REQUEST_WRONG", { kind: "order" }); // an order is for a name
      const next = await role.stores.orders.next(terminal.name, request.after, role.now());
      const reply = { kind: "order", number: next?.number ?? 0, order: next?.statement ?? null } as const;
      return { reply, effect: async () => {}, refusal: null };
    }
  }
}

/**
 * What is on offer: for a terminal the newest releases for its model, of any module or of one; for an anonymous one the newest of the
 * module that it names, whatever the model. On a link that the server began it is what that was for, unless a module is named.
 * Errors: API_REQUEST_WRONG, STORE_*.
 */
export async function offersFor(
  role: KeyRole,
  wanted: Pick<OpenedRecord, "terminal" | "offered"> & { readonly module: string | null },
): Promise<Extract<ServerReply, { kind: "offers" }>> {
  const { terminal, module, offered } = wanted;
  const { releases } = role.stores;
  if (module === null && offered !== null) {
    const release = await releases.find(offered);
    return await asOffers(role, release === null ? [] : [release], terminal);
  }
  if (terminal !== null) return await asOffers(role, await releases.newest(terminal.model, { module, max: maxOffers }), terminal);
  if (module === null) throw apiErrors.error("API_REQUEST_WRONG", { field: "module" });
  return await asOffers(role, await releases.newestOf(module, maxOffers), null);
}

/** The reply with these releases, and the number of the newest order for the terminal. Error: STORE_*. */
export async function asOffers(
  { now, stores }: KeyRole,
  releases: readonly StoredRelease[],
  terminal: Pick<ActiveTerminal, "name"> | null,
): Promise<Extract<ServerReply, { kind: "offers" }>> {
  const nowSeconds = now();
  const newestOrder = terminal === null ? 0 : await stores.orders.newest(terminal.name, nowSeconds);
  return { kind: "offers", offers: thatFit(releases.map(({ description }) => description)), nowSeconds, newestOrder };
}

/** Bytes of a request: 64 installed modules. */
const maxRequestBytes = 16_384;

function parseRequest(payload: Uint8Array): TerminalRequest {
  try {
    return decodeAs(terminalRequestCodec, payload, { maxBytes: maxRequestBytes, what: "request" });
  } catch (cause) {
    throw apiErrors.error("API_REQUEST_WRONG", {}, cause);
  }
}

/** As many as one record holds; a terminal asks for the others by module. */
function thatFit(offers: readonly SoftwareDescription[]): readonly SoftwareDescription[] {
  const most = Number.MAX_SAFE_INTEGER;
  for (let count = offers.length; ; count--) {
    const some = offers.slice(0, count);
    if (
      count === 0 ||
      encodeAs(serverReplyCodec, { kind: "offers", offers: some, nowSeconds: most, newestOrder: most }).length <= maxRecordBytes
    )
      return some;
  }
}

/** Codes of package api are told as they are; others are the server's own affair. */
function outwardCode(error: SealaneError): ApiCode {
  const codes = Object.keys(apiErrors.entries) as ApiCode[];
  return codes.find((code) => code === error.code) ?? "API_SERVER_FAILED";
}
