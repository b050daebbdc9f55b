import {
  trustAnchor as makeAnchor,
  type Purpose,
  type TrustAnchor,
  type VerifiedCertificate,
  verifyCertificate as verify,
} from "@sealane/pki";
import { thumbprint } from "@sealane/wire";
import type { Environment } from "../environment.ts";
import { argumentWrong, nameArgument, requireBytes, requireTrust } from "../own-arguments.ts";

/** Of SHA-256. */
const fingerprintBytes = 32;

/**
 * Makes a trust anchor of an authority's self-signed certificate (DER). Whoever calls it decides that the authority is trusted.
 *
 * `fingerprint` is the certificate's SHA-256 as it came by another way, and is compared before anything is read.
 * Errors: PKI_FINGERPRINT_WRONG, PKI_ISSUER_NOT_CA, PKI_ANCHOR_NOT_SELF_SIGNED, PKI_CERTIFICATE_TOO_LARGE,
 * PKI_CERTIFICATE_MALFORMED, PKI_ALGORITHM_UNKNOWN, PKI_EXTENSION_UNKNOWN, PKI_KEY_WRONG, PKI_NAME_WRONG, PKI_PURPOSE_WRONG;
 * LIBRARY_ARGUMENT_WRONG for a fingerprint that is not 32 bytes.
 */
export function trustAnchor(certificate: Uint8Array, options: { readonly fingerprint?: Uint8Array } = {}): TrustAnchor {
  requireBytes("certificate", certificate);
  if (options.fingerprint !== undefined && options.fingerprint.length !== fingerprintBytes)
    throw argumentWrong("fingerprint", `${fingerprintBytes} bytes`);
  return makeAnchor(certificate, options.fingerprint === undefined ? {} : { fingerprint: thumbprint(options.fingerprint) });
}

/** What a certificate is verified for. */
export interface VerifyInput {
  /** The authorities of which one must have issued it. */
  readonly trust: readonly TrustAnchor[];
  readonly purpose: Purpose;
  /** The party that is expected, where that is known. */
  readonly name?: string;
  readonly environment: Environment;
}

/**
 * Proves that a certificate is what it says: its chain (DER, the leaf first, without the root) leads to a trusted authority, is
 * valid now, and is for this purpose. Revocation is not decided here.
 *
 * Errors: PKI_CHAIN_LENGTH_WRONG, PKI_CHAIN_UNTRUSTED, PKI_ISSUER_NOT_CA, PKI_PATH_TOO_LONG, PKI_SIGNATURE_WRONG,
 * PKI_CERTIFICATE_NOT_YET_VALID, PKI_CERTIFICATE_EXPIRED, PKI_PURPOSE_WRONG, PKI_NAME_WRONG, PKI_CERTIFICATE_TOO_LARGE,
 * PKI_CERTIFICATE_MALFORMED, PKI_ALGORITHM_UNKNOWN, PKI_EXTENSION_UNKNOWN, PKI_KEY_WRONG; LIBRARY_ARGUMENT_WRONG for
 * a name that no party can have, and for trust in nobody.
 */
export function verifyCertificate(chain: readonly Uint8Array[], input: VerifyInput): VerifiedCertificate {
  const { trust, purpose, name, environment } = input;
  requireTrust(trust);
  const expected = { chain, anchors: trust, purpose, nowSeconds: environment.clock.nowSeconds() };
  return verify(name === undefined ? expected : { ...expected, name: nameArgument("name", name) });
}
