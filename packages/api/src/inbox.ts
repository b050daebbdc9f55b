import type { DecryptionKey, Randomness } from "@sealane/crypto";
import { type CertifiedKey, maxMessageBytes } from "@sealane/link";
import type { VerifiedCertificate } from "@sealane/pki";
import {
  anyValue,
  byteString,
  type CborValue,
  type Codec,
  decodeAs,
  encodeAs,
  listOf,
  type Name,
  nameCodec,
  tuple,
  uint,
} from "@sealane/wire";
import { openRequestFor, sealRequestTo } from "./encrypted-request.ts";
import { maxInboxMessages, maxInboxRequestBytes } from "./limits.ts";

/** The inbox of a terminal: link messages that the server originated. Reading it removes nothing; an answer or expiry does. */

/** What a terminal signs (COSE_Sign1, attached) to read its inbox. */
export interface InboxStatement {
  readonly terminal: Name;
  readonly server: Name;
  readonly issuedAtSeconds: number;
}

export const inboxStatementCodec: Codec<InboxStatement> = tuple<InboxStatement>({
  terminal: nameCodec,
  server: nameCodec,
  issuedAtSeconds: uint(),
});

/** The signed statement with the certificate that its key belongs to. */
export interface InboxRequest {
  readonly signingThumbprint: Uint8Array;
  readonly signature: CborValue;
}

const inboxRequestCodec: Codec<InboxRequest> = tuple<InboxRequest>({
  signingThumbprint: byteString({ min: 32, max: 32 }),
  signature: anyValue,
});

/** The body of a request, encrypted to a certificate of the server: nobody else learns whose inbox is asked for. */
export function sealInboxRequest(
  request: InboxRequest,
  to: { readonly server: VerifiedCertificate; readonly random: Randomness },
): Uint8Array {
  const { server, random } = to;
  return sealRequestTo(server, { label: "inbox request", plaintext: encodeAs(inboxRequestCodec, request), random });
}

/** Reads a body. Errors: those of `openRequestFor`. */
export async function openInboxRequest(keys: readonly CertifiedKey<DecryptionKey>[], body: Uint8Array): Promise<InboxRequest> {
  const opened = await openRequestFor(keys, { label: "inbox request", body, maxBytes: maxInboxRequestBytes });
  return decodeAs(inboxRequestCodec, opened, { maxBytes: maxInboxRequestBytes, what: "inbox request" });
}

/** One waiting message; `position` grows, so that a terminal asks for what came after the last it has seen. */
export interface InboxMessage {
  readonly position: number;
  readonly message: Uint8Array;
}

export const inboxMessagesCodec: Codec<readonly InboxMessage[]> = listOf(
  tuple<InboxMessage>({ position: uint(), message: byteString({ min: 1, max: maxMessageBytes }) }),
  { max: maxInboxMessages },
);
