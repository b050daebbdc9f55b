import { headerLabel, parseSign1, recoverSign1, sign1, signRecoverably, verifySign1 } from "@sealane/cose";
import { type Suite, sha256 } from "@sealane/crypto";
import type { Credential, VerifiedCertificate } from "@sealane/pki";
import { byteString, type CborMap, type CborValue, type Codec, listOf, literal, thumbprint, tuple } from "@sealane/wire";
import { linkErrors } from "./errors.ts";
import { maxCertificateBytes, maxChainLength } from "./limits.ts";
import { ownSigning, type Self } from "./parties.ts";

/**
 * S_X(message): a signature that brings its message, as a COSE_Sign1. On the RSA suites the signature itself gives back what it has
 * room for (`Suite.recovery`), on the others the payload is attached.
 */

interface Attached {
  readonly payload: Uint8Array;
  readonly externalAad: Uint8Array;
  readonly protectedAlso?: CborMap;
}

/** Signs with the own key of a suite. Errors: CRYPTO_SUITE_UNKNOWN, what the key handle throws. */
export async function signAttached(by: { readonly self: Self; readonly suite: Suite }, input: Attached): Promise<CborValue> {
  const { key } = ownSigning(by.self, by.suite);
  const { recovery } = by.suite;
  return recovery === null ? await sign1(key, input) : await signRecoverably(recovery, key, input);
}

/** Checks a signature of the suite and gives the message. Errors: COSE_*, CRYPTO_SIGNATURE_WRONG. */
export function verifyAttached(
  value: CborValue,
  expected: {
    readonly suite: Suite;
    readonly signer: VerifiedCertificate;
    readonly externalAad: Uint8Array;
    readonly protectedAlso?: readonly number[];
  },
): Uint8Array {
  const { suite, signer, ...rest } = expected;
  const given = { publicKey: signer.publicKey, ...rest };
  return suite.recovery === null ? verifySign1(value, given) : recoverSign1(suite.recovery, value, given);
}

/** Wipes what brings a message that is secret: with the signer's public key anybody has the message from it. */
export function wipeSignature(value: CborValue): void {
  if (!Array.isArray(value)) return;
  for (const part of value as readonly CborValue[]) if (part instanceof Uint8Array) part.fill(0);
}

/** Who signed: by the certificates themselves (`x5chain`), or by the digest of the one that the reader knows (`x5t`; RFC 9360). */
export function signerHeader(certificate: VerifiedCertificate, { withChain }: { readonly withChain: boolean }): CborMap {
  if (!withChain) return new Map([[headerLabel.x5t, [sha256CoseId, certificate.thumbprint]]]);
  const [leaf, ...more] = certificate.chain;
  return new Map([[headerLabel.x5chain, more.length === 0 && leaf !== undefined ? leaf : certificate.chain]]);
}

/** The parameters that {@link signerHeader} may give. */
export const signerLabels: readonly number[] = [headerLabel.x5chain, headerLabel.x5t];

/**
 * Who is said to have signed: nothing of it is proven. Errors: COSE_STRUCTURE_WRONG, WIRE_SHAPE_WRONG, LINK_FIELD_WRONG for a header
 * with both parameters or none.
 */
export function signerIn(value: CborValue): { readonly credential: Credential; readonly chain: readonly Uint8Array[] | null } {
  const { protectedHeader } = parseSign1(value);
  const chainValue = protectedHeader.get(headerLabel.x5chain);
  const digestValue = protectedHeader.get(headerLabel.x5t);
  if ((chainValue === undefined) === (digestValue === undefined)) throw linkErrors.error("LINK_FIELD_WRONG", { field: "signer" });
  if (chainValue === undefined) {
    const { digest } = digestCodec.fromCbor(digestValue ?? null, "x5t");
    return { credential: { kind: "certificate", thumbprint: thumbprint(digest) }, chain: null };
  }
  const chain =
    chainValue instanceof Uint8Array ? [certificateCodec.fromCbor(chainValue, "x5chain")] : manyCodec.fromCbor(chainValue, "x5chain");
  return { credential: { kind: "certificate", thumbprint: thumbprint(sha256(chain[0] ?? new Uint8Array(0))) }, chain };
}

/** SHA-256 (RFC 9054, section 2.1). */
const sha256CoseId = -16;

const digestCodec = tuple<{ readonly algorithm: -16; readonly digest: Uint8Array }>({
  algorithm: literal(sha256CoseId),
  digest: byteString({ min: 32, max: 32 }),
});

const certificateCodec: Codec<Uint8Array> = byteString({ min: 1, max: maxCertificateBytes });
const manyCodec: Codec<readonly Uint8Array[]> = listOf(certificateCodec, { min: 2, max: maxChainLength });
