import { type SuiteName, sha256, suites } from "@sealane/crypto";
import type { VerifiedCertificate } from "@sealane/pki";
import {
  type Codec,
  type Digest,
  decodeAs,
  encodeAs,
  listOf,
  literal,
  type Name,
  nameCodec,
  oneOf,
  text,
  tuple,
  uint,
  variants,
  wireErrors,
} from "@sealane/wire";
import { softwareErrors } from "./errors.ts";
import { everyRecipient, statementContext } from "./labels.ts";
import {
  defaultToleranceSeconds,
  maxOrderActions,
  maxOrderBytes,
  maxOrderLifeSeconds,
  maxOrderRecipients,
  maxWordBytes,
} from "./limits.ts";
import {
  orMalformed,
  parseStatement,
  requireContent,
  type StatementKind,
  type StatementSigner,
  type StatementTrust,
  signStatement,
  verifyStatement,
} from "./signed-statement.ts";

/**
 * Orders: an operator's word that takes terminals a step back (tagged COSE_Sign1 with an `order-sign` certificate). No server has the
 * key. An action that a terminal does not know makes the whole order malformed to it: nothing of it is done.
 */
export type OrderAction =
  /** Puts the clock's floor to a time; not behind the order's end. */
  | { readonly kind: "reset-clock"; readonly toSeconds: number }
  /** Lets everything above `toSequence` be installed again. */
  | { readonly kind: "reset-sequence"; readonly module: string; readonly toSequence: number }
  /** Lets the terminal take this suite without being told, though it is not the strongest that it shares with its server. */
  | { readonly kind: "reset-suite"; readonly suite: SuiteName };

/** What an order says. */
export interface Order {
  readonly issuer: Name;
  /** Above that of every order before; in milliseconds since the epoch it is so by itself. At most those of the end of issuedAt's second. */
  readonly number: number;
  readonly issuedAtSeconds: number;
  /** The first second at which it is over; at most 14 days after issuedAt. */
  readonly expiresAtSeconds: number;
  /** Terminals by name, or "*" for all. */
  readonly recipients: typeof everyRecipient | readonly Name[];
  readonly actions: readonly OrderAction[];
}

declare const verified: unique symbol;

/** An order that was proven for this terminal at this time; made by {@link verifyOrder} only. */
export interface VerifiedOrder extends Order {
  readonly [verified]: true;
  /** SHA-256 of the encoded order. */
  readonly digest: Digest;
  readonly certificate: VerifiedCertificate;
}

/**
 * Signs an order: its encoded form.
 * Errors: STATEMENT_CONTENT_WRONG, STATEMENT_SIGNER_WRONG, those of `parseCertificate`; what the key handle throws.
 */
export async function signOrder(input: StatementSigner & { readonly order: Order }): Promise<Uint8Array> {
  requireContent(orderCodec, input.order);
  return await signStatement(orderKind, input, { name: input.order.issuer, payload: encodeAs(orderCodec, input.order) });
}

/** What an order says, with nothing proven: to show it, or to go on with what was proven before. Error: ORDER_MALFORMED. */
export function parseOrder(bytes: Uint8Array): Order {
  return decodeOrder(parseStatement(orderKind, bytes).payload);
}

/**
 * Proves an order as of `nowSeconds`, for one terminal, or for whoever it is for (null): whoever hands it on. Checks in this order: size,
 * encoding, certificate, signature, content, issuer, recipient, time. Whether its number was there before, the terminal knows.
 * Errors: ORDER_MALFORMED, ORDER_UNTRUSTED, ORDER_SIGNATURE_WRONG, ORDER_ISSUER_WRONG, ORDER_RECIPIENT_WRONG, ORDER_NOT_YET_VALID,
 * ORDER_EXPIRED.
 */
export function verifyOrder(bytes: Uint8Array, input: StatementTrust & { readonly recipient: Name | null }): VerifiedOrder {
  const { nowSeconds, recipient } = input;
  const { payload, certificate } = verifyStatement(orderKind, bytes, input);
  const order = decodeOrder(payload);
  const { issuer, recipients, issuedAtSeconds, expiresAtSeconds } = order;
  if (issuer !== certificate.name) throw softwareErrors.error("ORDER_ISSUER_WRONG", { issuer, certificate: certificate.name });
  if (recipient !== null && recipients !== everyRecipient && !recipients.includes(recipient))
    throw softwareErrors.error("ORDER_RECIPIENT_WRONG", { recipient });
  // Written so that a time that is no number is refused.
  if (!(nowSeconds >= issuedAtSeconds - defaultToleranceSeconds))
    throw softwareErrors.error("ORDER_NOT_YET_VALID", { issuedAtSeconds, nowSeconds });
  if (!(nowSeconds < expiresAtSeconds + defaultToleranceSeconds))
    throw softwareErrors.error("ORDER_EXPIRED", { expiresAtSeconds, nowSeconds });
  return Object.freeze({ ...order, digest: sha256(bytes), certificate }) as VerifiedOrder;
}

const orderKind: StatementKind = {
  context: statementContext.order,
  purpose: "order-sign",
  isCwt: false,
  maxBytes: maxOrderBytes,
  codes: {
    malformed: "ORDER_MALFORMED",
    untrusted: "ORDER_UNTRUSTED",
    signature: "ORDER_SIGNATURE_WRONG",
    early: "ORDER_NOT_YET_VALID",
    expired: "ORDER_EXPIRED",
  },
};

const everybody = literal(everyRecipient);
const names = listOf(nameCodec, { min: 1, max: maxOrderRecipients });
const recipientsCodec: Codec<Order["recipients"]> = {
  toCbor: (recipients) => (recipients === everyRecipient ? everybody.toCbor(recipients) : names.toCbor(recipients)),
  fromCbor: (value, field) => (Array.isArray(value) ? names.fromCbor(value, field) : everybody.fromCbor(value, field)),
};

const actionCodec: Codec<OrderAction> = variants<OrderAction>({
  "reset-clock": { toSeconds: uint() },
  "reset-sequence": { module: text(maxWordBytes), toSequence: uint() },
  "reset-suite": { suite: oneOf(suites.map(({ name }) => name)) },
});

const fields: Codec<Order> = tuple<Order>({
  issuer: nameCodec,
  number: uint(),
  issuedAtSeconds: uint(),
  expiresAtSeconds: uint(),
  recipients: recipientsCodec,
  actions: listOf(actionCodec, { min: 1, max: maxOrderActions }),
});

const orderCodec: Codec<Order> = {
  toCbor: (order) => fields.toCbor(order),
  fromCbor(value, field) {
    const order = fields.fromCbor(value, field);
    const { number, issuedAtSeconds, expiresAtSeconds, actions } = order;
    const wrong = (name: string, expected: string): Error => wireErrors.error("WIRE_SHAPE_WRONG", { field: `${field}.${name}`, expected });
    // Nobody can use up the numbers, nor put a clock further ahead than the order itself lives.
    if (number >= (issuedAtSeconds + 1) * 1000) throw wrong("number", "at most the milliseconds of issuedAt");
    if (expiresAtSeconds <= issuedAtSeconds || expiresAtSeconds > issuedAtSeconds + maxOrderLifeSeconds)
      throw wrong("expiresAtSeconds", "within 14 days of issuedAt");
    if (actions.some((action) => action.kind === "reset-clock" && action.toSeconds > expiresAtSeconds))
      throw wrong("actions", "no time behind the order's end");
    return order;
  },
};

function decodeOrder(payload: Uint8Array): Order {
  return orMalformed(orderKind, () => decodeAs(orderCodec, payload, { maxBytes: maxOrderBytes, what: "order" }));
}
