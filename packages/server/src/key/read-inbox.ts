import {
  type InboxAuthorization,
  type InboxMessage,
  inboxStatementCodec,
  inboxStatementSeconds,
  parseInboxAuthorization,
  statementAad,
} from "@sealane/api";
import { verifySign1 } from "@sealane/cose";
import { defaultToleranceSeconds } from "@sealane/link";
import { decodeAs, thumbprint } from "@sealane/wire";
import { serverErrors } from "../errors.ts";
import type { ActiveTerminal } from "../storage/terminals.ts";
import { type KeyRole, signingCertificateOf } from "./key-role.ts";

export interface InboxQuery {
  /** The Authorization header. */
  readonly authorization: string | undefined;
  /** Messages behind this position. */
  readonly after: number;
  readonly waitSeconds: number;
  /** Says that the client went. */
  readonly signal: AbortSignal;
}

/** Bytes of an encoded statement: two names and a time. */
const maxStatementBytes = 512;

/**
 * Gives the messages that wait for a terminal; without any it waits for the first. Reading removes nothing.
 *
 * Errors: SERVER_TERMINAL_INACTIVE, CRYPTO_SIGNATURE_WRONG, COSE_*, SERVER_STATEMENT_WRONG,
 * SERVER_STATEMENT_STALE, PKI_*, STORE_*.
 */
export async function readInbox(role: KeyRole, query: InboxQuery): Promise<readonly InboxMessage[]> {
  const { after, waitSeconds, signal } = query;
  const { name } = await verifyReader(role, query.authorization);
  await role.stores.terminals.seen(name, role.now());
  using waiter = role.waiters.enter(name);
  const messages = await role.stores.inbox.after(name, after, role.now());
  if (messages.length > 0 || waitSeconds === 0) return messages;
  await waiter.wait(waitSeconds, signal);
  return await role.stores.inbox.after(name, after, role.now());
}

/** Proves that an active terminal signed, for this server and just now, that it wants to read its inbox. */
async function verifyReader(role: KeyRole, authorization: string | undefined): Promise<ActiveTerminal> {
  const { signingThumbprint, signature } = parseAuthorization(authorization);
  const terminal = await role.stores.terminals.findBySigner(thumbprint(signingThumbprint));
  if (terminal === null) throw serverErrors.error("SERVER_TERMINAL_INACTIVE");
  const { publicKey } = signingCertificateOf(role, terminal);
  const payload = verifySign1(signature, { publicKey, externalAad: statementAad("inbox") });
  const statement = decodeAs(inboxStatementCodec, payload, { maxBytes: maxStatementBytes, what: "statement" });
  if (statement.terminal !== terminal.name || statement.server !== role.self.name) {
    throw serverErrors.error("SERVER_STATEMENT_WRONG", { terminal: terminal.name });
  }
  const ageSeconds = role.now() - statement.issuedAtSeconds;
  if (ageSeconds > inboxStatementSeconds || ageSeconds < -defaultToleranceSeconds) {
    throw serverErrors.error("SERVER_STATEMENT_STALE", { terminal: terminal.name, ageSeconds });
  }
  return terminal;
}

/** A stranger's header is refused like a stranger's signature. */
function parseAuthorization(header: string | undefined): InboxAuthorization {
  try {
    return parseInboxAuthorization(header);
  } catch (cause) {
    throw serverErrors.error("SERVER_STATEMENT_WRONG", { header: "authorization" }, cause);
  }
}
