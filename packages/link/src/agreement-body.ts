import type { Randomness } from "@sealane/crypto";
import type { VerifiedCertificate } from "@sealane/pki";
import { anyValue, type CborValue, type Codec, encode, oneOf, tuple } from "@sealane/wire";
import { encryptBody, firstBodyCodec, hintAt, hintCodec, openBody } from "./encrypted-body.ts";
import { encodeMessage, type Message, type MessageHeader, otherRole } from "./envelope.ts";
import { linkErrors } from "./errors.ts";
import { certificateFor, type OriginateOptions, type OriginatorContext, type Self } from "./parties.ts";

/** How M1 of an agreement is sent: g^y in clear, or encrypted to the recipient's decryption key. */
const agreementModes = ["plain", "encrypted"] as const;
export type AgreementMode = (typeof agreementModes)[number];

/** M1: [hint at the recipient's agreement key or null, mode, content or [hint, P_X(content)]]. */
interface AgreementBody {
  readonly keyHint: Uint8Array | null;
  readonly mode: AgreementMode;
  readonly inner: CborValue;
}

const bodyCodec: Codec<AgreementBody> = tuple<AgreementBody>({ keyHint: hintCodec, mode: oneOf(agreementModes), inner: anyValue });

/** The recipient's certificates that M1 of an agreement is made for; `decrypt` is null where M1 is plain. */
export interface AgreementPeer {
  readonly agree: VerifiedCertificate;
  readonly decrypt: VerifiedCertificate | null;
}

/**
 * Chooses the recipient's certificates.
 * Errors: CRYPTO_SUITE_UNKNOWN when it has none for the suite, LINK_FIELD_WRONG when they are of two parties.
 */
export function agreementPeer(
  { self, recipient }: Pick<OriginatorContext, "self" | "recipient">,
  options: OriginateOptions,
): AgreementPeer {
  const wanted = { suite: options.suite, role: otherRole(self.role) };
  const agree = certificateFor({ ...wanted, purpose: "agree" }, recipient);
  const decrypt = options.encrypted === true ? certificateFor({ ...wanted, purpose: "decrypt" }, recipient) : null;
  if (decrypt !== null && decrypt.name !== agree.name) throw linkErrors.error("LINK_FIELD_WRONG", { field: "recipient" });
  return { agree, decrypt };
}

/** Encodes M1; `padded` concerns the encrypted form. Error: LINK_MESSAGE_TOO_LARGE. */
export function encodeAgreement(
  header: MessageHeader,
  to: { readonly peer: AgreementPeer; readonly random: Randomness; readonly padded: boolean },
  content: CborValue,
): Uint8Array {
  const { peer, random, padded } = to;
  const { agree, decrypt } = peer;
  const encrypted =
    decrypt === null ? null : encryptBody(header, { recipient: decrypt, random, ...padding(header, padded) }, encode(content));
  return encodeMessage(
    header,
    bodyCodec.toCbor({
      keyHint: hintAt(agree, otherRole(header.sender)),
      mode: modeOf(peer),
      inner: encrypted === null ? content : firstBodyCodec.toCbor(encrypted),
    }),
  );
}

/** M1 as it was opened; `decrypt` is the own certificate that it was encrypted to. */
export interface OpenedAgreement {
  readonly keyHint: Uint8Array | null;
  readonly mode: AgreementMode;
  readonly content: CborValue;
  readonly decrypt: VerifiedCertificate | null;
}

/** Reads M1. Errors: WIRE_*, LINK_FIELD_WRONG, LINK_RECIPIENT_WRONG, COSE_*. */
export async function decodeAgreement(self: Self, message: Message, { padded }: { readonly padded: boolean }): Promise<OpenedAgreement> {
  const { keyHint, mode, inner } = bodyCodec.fromCbor(message.body, "M1");
  if (mode === "plain") return { keyHint, mode, content: inner, decrypt: null };
  const body = firstBodyCodec.fromCbor(inner, "M1");
  const { content, recipient } = await openBody(self, message.header, { body, codec: anyValue, ...padding(message.header, padded) });
  return { keyHint, mode, content, decrypt: recipient };
}

function padding({ suite }: MessageHeader, padded: boolean): { readonly paddedFor?: number } {
  return padded ? { paddedFor: suite.agreement.valueBytes } : {};
}

/** The mode that stands in th. */
export function modeOf({ decrypt }: { readonly decrypt: VerifiedCertificate | null }): AgreementMode {
  return decrypt === null ? "plain" : "encrypted";
}

/** The first of some, which there must be. Error: LINK_RECIPIENT_WRONG. */
export function firstOf<T>(candidates: readonly T[]): T {
  const [first] = candidates;
  if (first === undefined) throw linkErrors.error("LINK_RECIPIENT_WRONG");
  return first;
}
