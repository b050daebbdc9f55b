import { maxMessageBytes } from "@sealane/link";
import {
  anyValue,
  byteString,
  type CborValue,
  type Codec,
  decodeAs,
  encodeAs,
  formatBase64Url,
  listOf,
  type Name,
  nameCodec,
  parseBase64Url,
  tuple,
  uint,
} from "@sealane/wire";
import { apiErrors } from "./errors.ts";
import { maxInboxMessages } from "./limits.ts";

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
export interface InboxAuthorization {
  readonly signingThumbprint: Uint8Array;
  readonly signature: CborValue;
}

const authorizationCodec: Codec<InboxAuthorization> = tuple<InboxAuthorization>({
  signingThumbprint: byteString({ min: 32, max: 32 }),
  signature: anyValue,
});

const scheme = "Sealane ";
/** Bytes of the statement: an ML-DSA-65 signature takes 3,309, the longest names 256; in base64url it stays below the 8 KiB of a proxy. */
const maxAuthorizationBytes = 4_096;

/** The value of the Authorization header. */
export function formatInboxAuthorization(authorization: InboxAuthorization): string {
  return scheme + formatBase64Url(encodeAs(authorizationCodec, authorization));
}

/** Reads an Authorization header. Error: API_REQUEST_WRONG. */
export function parseInboxAuthorization(header: string | undefined): InboxAuthorization {
  try {
    if (header?.startsWith(scheme) !== true) throw apiErrors.error("API_REQUEST_WRONG");
    const bytes = parseBase64Url(header.slice(scheme.length));
    return decodeAs(authorizationCodec, bytes, { maxBytes: maxAuthorizationBytes, what: "authorization" });
  } catch (cause) {
    throw apiErrors.error("API_REQUEST_WRONG", { header: "authorization" }, cause);
  }
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
