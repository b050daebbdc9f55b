import { openWithPrivateKey, sealToPublicKey } from "@sealane/cose";
import { type DecryptionKey, encryptionFor, type Randomness } from "@sealane/crypto";
import { type CertifiedKey, keyHintBytes, linkErrors } from "@sealane/link";
import type { VerifiedCertificate } from "@sealane/pki";
import { anyValue, byteString, type CborValue, type Codec, decode, decodeAs, encodeAs, equalBytes, literal, tuple } from "@sealane/wire";
import { apiErrors } from "./errors.ts";
import { type StatementLabel, statementAad } from "./labels.ts";

/**
 * Requests outside a link that would name a terminal: enrolment, its proof, the inbox. They are encrypted to the server as a whole, anew each
 * time, so that nobody on the way can tell whose they are.
 */

/** The form of these requests; 1 was the one of version 1.0 of the software, which named the terminal in clear. */
const requestVersion = 2;

interface EncryptedRequest {
  readonly version: typeof requestVersion;
  /** The first bytes of the thumbprint of the certificate that it is encrypted to. */
  readonly keyHint: Uint8Array;
  readonly encrypted: CborValue;
}

const encryptedRequestCodec: Codec<EncryptedRequest> = tuple<EncryptedRequest>({
  version: literal(requestVersion),
  keyHint: byteString({ min: keyHintBytes, max: keyHintBytes }),
  encrypted: anyValue,
});

/** Which request it is, so that none passes for another. */
export type RequestLabel = Extract<StatementLabel, "enrol request" | "enrol proof" | "inbox request">;

/** Encrypts a request to a certificate of the server, and wipes `plaintext`. */
export function sealRequestTo(
  { publicKey, thumbprint }: VerifiedCertificate,
  request: { readonly label: RequestLabel; readonly plaintext: Uint8Array; readonly random: Randomness },
): Uint8Array {
  const { label, plaintext, random } = request;
  const input = { plaintext, externalAad: statementAad(label) };
  const encrypted = sealToPublicKey(encryptionFor(publicKey), { publicKey, random }, input);
  plaintext.fill(0);
  return encodeAs(encryptedRequestCodec, { version: requestVersion, keyHint: thumbprint.subarray(0, keyHintBytes), encrypted });
}

/**
 * Opens a request with the one of our keys that it is for; the caller wipes what it gets. Everything that costs nothing is looked at first.
 * Errors: API_VERSION_UNSUPPORTED for the form of another version; WIRE_*, LINK_RECIPIENT_WRONG (for a key that is not ours), COSE_*, CRYPTO_*.
 */
export async function openRequestFor(
  keys: readonly CertifiedKey<DecryptionKey>[],
  request: { readonly label: RequestLabel; readonly body: Uint8Array; readonly maxBytes: number },
): Promise<Uint8Array> {
  const { label, body, maxBytes } = request;
  requireVersion(decode(body, maxBytes));
  const { keyHint, encrypted: value } = decodeAs(encryptedRequestCodec, body, { maxBytes, what: label });
  const own = keys.find(({ certificate }) => equalBytes(certificate.thumbprint.subarray(0, keyHintBytes), keyHint));
  if (own === undefined) throw linkErrors.error("LINK_RECIPIENT_WRONG");
  return await openWithPrivateKey(encryptionFor(own.key.publicKey), own.key, { value, externalAad: statementAad(label) });
}

/** Requests of version 1 are arrays that begin with bytes: a COSE structure, or a thumbprint. */
function requireVersion(value: CborValue): void {
  const first = Array.isArray(value) ? (value[0] as CborValue | undefined) : undefined;
  if (first instanceof Uint8Array || (typeof first === "number" && first !== requestVersion)) {
    throw apiErrors.error("API_VERSION_UNSUPPORTED", { version: typeof first === "number" ? first : 1 });
  }
}
