import { type InboxMessage, inboxStatementCodec, inboxStatementSeconds, openInboxRequest, statementAad } from "@sealane/api";
import { verifySign1 } from "@sealane/cose";
import { defaultToleranceSeconds } from "@sealane/link";
import { decodeAs, thumbprint } from "@sealane/wire";
import { serverErrors } from "../errors.ts";
import type { Inbox } from "../storage/inbox.ts";
import type { ActiveTerminal } from "../storage/terminals.ts";
import { requireActive } from "./establish.ts";
import type { Waiter } from "./inbox-waiters.ts";
import { type KeyRole, signingCertificateOf } from "./key-role.ts";

/** A terminal that has proven that it may read its inbox. */
export interface InboxReader extends Pick<ActiveTerminal, "name" | "signingThumbprint"> {
  /** For how long its statement would still be accepted. */
  readonly acceptedSeconds: number;
}

/** How a long poll, or a stream, asks. */
export interface InboxQuery {
  /** Messages behind this position. */
  readonly after: number;
  /** How long to wait for a message. */
  readonly waitSeconds: number;
  readonly waiter: Waiter;
  /** Says that the client went. */
  readonly gone: AbortSignal;
}

/** Bytes of an encoded statement: two names and a time. */
const maxStatementBytes = 512;

/**
 * Proves that an active terminal signed, for this server and just now, that it wants to read its inbox, and notes that it was heard of.
 *
 * Errors: API_VERSION_UNSUPPORTED, LINK_RECIPIENT_WRONG, SERVER_TERMINAL_INACTIVE, CRYPTO_*, COSE_*, WIRE_*, SERVER_STATEMENT_WRONG, SERVER_STATEMENT_STALE, PKI_*, STORE_*.
 */
export async function proveReader(role: KeyRole, body: Uint8Array): Promise<InboxReader> {
  const { signingThumbprint, signature } = await openInboxRequest(role.self.decryption, body);
  const terminal = await role.stores.terminals.findBySigner(thumbprint(signingThumbprint));
  if (terminal === null) throw serverErrors.error("SERVER_TERMINAL_INACTIVE");
  const { publicKey } = signingCertificateOf(role, terminal);
  const payload = verifySign1(signature, { publicKey, externalAad: statementAad("inbox") });
  const statement = decodeAs(inboxStatementCodec, payload, { maxBytes: maxStatementBytes, what: "statement" });
  if (statement.terminal !== terminal.name || statement.server !== role.self.name) {
    throw serverErrors.error("SERVER_STATEMENT_WRONG", { terminal: terminal.name });
  }
  const nowSeconds = role.now();
  const ageSeconds = nowSeconds - statement.issuedAtSeconds;
  if (ageSeconds > inboxStatementSeconds || ageSeconds < -defaultToleranceSeconds) {
    throw serverErrors.error("SERVER_STATEMENT_STALE", { terminal: terminal.name, ageSeconds });
  }
  await role.stores.terminals.seen(terminal.name, nowSeconds);
  const acceptedSeconds = inboxStatementSeconds - ageSeconds + 1; // its last second is one of them
  return { name: terminal.name, signingThumbprint: terminal.signingThumbprint, acceptedSeconds };
}

/**
 * Gives the messages that wait for a terminal, at most 16; without any it waits for the first. Reading removes nothing.
 * Errors: SERVER_TERMINAL_INACTIVE when the terminal was enrolled anew meanwhile; STORE_*.
 */
export async function readInbox(role: KeyRole, reader: InboxReader, query: InboxQuery): Promise<readonly InboxMessage[]> {
  const { after, waitSeconds, waiter, gone } = query;
  const messages = await waitingFor(role, reader, after);
  if (messages.length > 0 || waitSeconds === 0) return messages;
  await waiter.wait(waitSeconds, gone);
  return await waitingFor(role, reader, after);
}

async function waitingFor(role: KeyRole, reader: InboxReader, after: number): Promise<readonly InboxMessage[]> {
  return await readFor(role, reader, async (inbox, nowSeconds) => await inbox.after(reader.name, after, nowSeconds));
}

/**
 * Reads the inbox and then looks whether the reader's terminal is still the one that has it: an enrolment empties the inbox, so that
 * what was read before it is for the keys before it. Errors: SERVER_TERMINAL_INACTIVE, STORE_*.
 */
export async function readFor<T>(
  { stores, now }: KeyRole,
  reader: InboxReader,
  read: (inbox: Inbox, nowSeconds: number) => Promise<T>,
): Promise<T> {
  const found = await read(stores.inbox, now());
  await requireActive(stores, reader);
  return found;
}
