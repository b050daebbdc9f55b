import { serverReplyCodec } from "@sealane/api";
import { sha256 } from "@sealane/crypto";
import { type ConfidentialLink, linkErrors, UnconfirmedLink } from "@sealane/link";
import { encodeAs, equalBytes, type SealaneError } from "@sealane/wire";
import { serverErrors } from "../errors.ts";
import { linkReference, type Note } from "../http/subject.ts";
import type { StoredLink } from "../storage/links.ts";
import { requireActive } from "./establish.ts";
import type { KeyRole } from "./key-role.ts";
import { respond } from "./respond.ts";

export interface ExchangeInput {
  readonly linkId: Uint8Array;
  readonly record: Uint8Array;
}

/** The record to send back; `refusal` is why the request inside was refused, for the log. */
export interface ExchangeResult {
  readonly response: Uint8Array;
  readonly refusal: SealaneError | null;
  /** The terminal that the record has proven; null of a record that came before, which anybody can send again. */
  readonly proven: string | null;
}

/**
 * Takes one record of a link and gives one back. State, effects and response are written in one transaction before anything leaves;
 * a record that fails changes nothing; the last record again gets the same bytes again and has no second effect.
 *
 * Errors: SERVER_LINK_UNKNOWN, SERVER_TERMINAL_INACTIVE, LINK_RECORD_WRONG, LINK_RECORD_OUT_OF_ORDER, LINK_CONFIRMATION_WRONG,
 * LINK_EXPIRED, LINK_EXHAUSTED, those of `decode`, STORE_*.
 */
export async function exchangeRecord(role: KeyRole, { linkId, record }: ExchangeInput, note: Note): Promise<ExchangeResult> {
  const nowSeconds = role.now();
  const requestDigest = sha256(record);
  const found = await findLink(role, linkId);
  using before = found.link;
  const about = { link: linkReference(linkId) };
  note(found.owner === null ? "anonymous" : about);
  const terminal = found.owner === null ? null : await requireActive(role.stores, found.owner);
  const sent = responseTo(found, requestDigest);
  if (sent !== null) return { response: sent, refusal: null, proven: null };
  const { link, payload } = openRecord(before, record, nowSeconds);
  using after = link;
  if (terminal !== null) note({ ...about, terminal: terminal.name });
  const { reply, effect, refusal, asked } = await respond(role, { link: after, terminal, offered: found.offered, payload });
  if (terminal !== null) note({ ...about, terminal: terminal.name, ...asked });
  role.metrics.countAsked({ asked: asked.asked, code: refusal?.code ?? null });
  const response = after.seal(encodeAs(serverReplyCodec, reply), nowSeconds);
  const isSaved = await role.atomically(async (stores) => {
    if (!(await stores.links.advance({ ...found, link: after, requestDigest, response }))) return false;
    await effect(stores);
    if (terminal !== null) await stores.terminals.seen(terminal.name, nowSeconds);
    return true;
  });
  return isSaved ? { response, refusal, proven: terminal?.name ?? null } : await afterLoss(role, { linkId, requestDigest });
}

/** Another request was quicker: with the same record its response counts, with another one this record came too late. */
async function afterLoss(
  role: KeyRole,
  lost: { readonly linkId: Uint8Array; readonly requestDigest: Uint8Array },
): Promise<ExchangeResult> {
  const found = await findLink(role, lost.linkId);
  using _link = found.link;
  const response = responseTo(found, lost.requestDigest);
  if (response === null) throw linkErrors.error("LINK_RECORD_OUT_OF_ORDER");
  return { response, refusal: null, proven: null };
}

async function findLink(role: KeyRole, linkId: Uint8Array): Promise<StoredLink> {
  const found = await role.stores.links.find(linkId, role.now());
  if (found === null) throw serverErrors.error("SERVER_LINK_UNKNOWN");
  return found;
}

function responseTo({ last }: StoredLink, requestDigest: Uint8Array): Uint8Array | null {
  return equalBytes(last.requestDigest, requestDigest) ? last.response : null;
}

/** The first record confirms a link that awaits it; every other one is opened on it. */
function openRecord(
  link: StoredLink["link"],
  record: Uint8Array,
  nowSeconds: number,
): { readonly link: ConfidentialLink; readonly payload: Uint8Array } {
  if (link instanceof UnconfirmedLink) return link.confirm(record, nowSeconds);
  return { link, payload: link.open(record, nowSeconds) };
}
