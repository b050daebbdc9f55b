import { type Credential, credentialOf, equalCredentials, type VerifiedCertificate } from "@sealane/pki";
import { type CborValue, type Codec, decodeAs, encodeAs } from "@sealane/wire";
import { signAttached, signerHeader, signerIn, signerLabels, verifyAttached } from "./attached-signature.ts";
import { findSigner } from "./claims.ts";
import { externalAad, type MessageHeader } from "./envelope.ts";
import { linkErrors } from "./errors.ts";
import { maxMessageBytes } from "./limits.ts";
import { ownSigning, type RecipientContext, type Self } from "./parties.ts";

/**
 * S_X(content) of an M1: a signature that brings its message. The signer's certificates, or the digest of the one that the recipient
 * knows, stand in the protected header, and so are signed: where nobody encrypts the message, anybody could take them away, and both
 * ends would see another M1.
 */

/**
 * Signs a content for a message of this header. Where the content is secret the caller wipes the signature, which brings it
 * (`wipeSignature`). Errors: CRYPTO_SUITE_UNKNOWN, what the key handle throws.
 */
export async function signBody<T>(
  by: { readonly self: Self; readonly header: MessageHeader; readonly sendCertificate: boolean },
  codec: Codec<T>,
  content: T,
): Promise<CborValue> {
  const { self, header, sendCertificate } = by;
  const { suite } = header;
  const { certificate } = ownSigning(self, suite);
  const payload = encodeAs(codec, content);
  const protectedAlso = signerHeader(certificate, { withChain: sendCertificate });
  try {
    const signature = await signAttached({ self, suite }, { payload, externalAad: externalAad(header), protectedAlso });
    if (suite.recovery !== null) payload.fill(0); // otherwise it is a part of the signature
    return signature;
  } catch (error) {
    payload.fill(0);
    throw error;
  }
}

/**
 * Proves who signed a message, and gives what was signed: first the certificate, then the signature, then that the content names the
 * same certificate.
 * Errors: COSE_*, WIRE_*, LINK_FIELD_WRONG, LINK_PEER_UNKNOWN, LINK_PEER_WRONG, PKI_*, CRYPTO_SIGNATURE_WRONG.
 */
export async function verifyBody<T extends { readonly originatorCredential: Credential }>(
  context: Pick<RecipientContext, "peers">,
  header: MessageHeader,
  given: { readonly signature: CborValue; readonly codec: Codec<T> },
): Promise<{ readonly signed: T; readonly signer: VerifiedCertificate }> {
  const { signature, codec } = given;
  const { suite, sender: role } = header;
  const signer = await findSigner(context, { ...signerIn(signature), role, suite });
  const expected = { suite, signer, externalAad: externalAad(header), protectedAlso: signerLabels };
  const signed = readSigned(codec, verifyAttached(signature, expected));
  if (!equalCredentials(signed.originatorCredential, credentialOf(signer)))
    throw linkErrors.error("LINK_PEER_WRONG", { field: "credential" });
  return { signed, signer };
}

/** Reads what was signed, which is wiped. Errors: WIRE_*. */
function readSigned<T>(codec: Codec<T>, payload: Uint8Array): T {
  try {
    return decodeAs(codec, payload, { maxBytes: maxMessageBytes, what: "signed" });
  } finally {
    payload.fill(0);
  }
}
