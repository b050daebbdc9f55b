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
import { decodeAs, encodeAs, SealaneError } from "@sealane/wire";
import type { KeyStores } from "../storage/stores.ts";
import type { ActiveTerminal } from "../storage/terminals.ts";
import type { KeyRole } from "./key-role.ts";
import { licenceFor } from "./licence.ts";

/** A record that was opened: from whom, on which link, what it says. */
export interface OpenedRecord {
  readonly link: ConfidentialLink;
  readonly terminal: ActiveTerminal;
  readonly payload: Uint8Array;
}

export interface Response {
  readonly reply: ServerReply;
  /** What is to be written together with the link's next state. */
  readonly effect: (stores: KeyStores) => Promise<void>;
  /** Why the request was refused, for the log. */
  readonly refusal: SealaneError | null;
}

/** Carries out a terminal's request. What is wrong with it is told inside the link, which goes on; only the store's errors are thrown. */
export async function respond(role: KeyRole, record: OpenedRecord): Promise<Response> {
  try {
    return await carryOut(role, record, parseRequest(record.payload));
  } catch (error) {
    if (!(error instanceof SealaneError) || error.entry.blame === "system") throw error;
    return { reply: { kind: "refused", code: outwardCode(error) }, effect: async () => {}, refusal: error };
  }
}

async function carryOut(role: KeyRole, record: OpenedRecord, request: TerminalRequest): Promise<Response> {
  const { terminal, link } = record;
  switch (request.kind) {
    case "offers": {
      const { module, installed } = request;
      const releases = await role.stores.releases.newest(terminal.model, { module, max: maxOffers });
      return {
        reply: { kind: "offers", offers: thatFit(releases.map(({ description }) => description)) },
        effect: (stores) => stores.terminals.report(terminal.name, installed),
        refusal: null,
      };
    }
    case "licence": {
      const { licence, wrap, issued } = await licenceFor(role, { link, terminal, artefactId: request.artefactId });
      return { reply: { kind: "licence", licence, wrap }, effect: (stores) => stores.licences.add(issued), refusal: null };
    }
  }
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
  for (let count = offers.length; ; count--) {
    const some = offers.slice(0, count);
    if (count === 0 || encodeAs(serverReplyCodec, { kind: "offers", offers: some }).length <= maxRecordBytes) return some;
  }
}

/** Codes of package api are told as they are; others are the server's own affair. */
function outwardCode(error: SealaneError): ApiCode {
  const codes = Object.keys(apiErrors.entries) as ApiCode[];
  return codes.find((code) => code === error.code) ?? "API_SERVER_FAILED";
}
