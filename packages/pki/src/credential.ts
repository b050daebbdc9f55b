import {
  bytesAs,
  type CborValue,
  type Codec,
  type Digest,
  digest,
  equalBytes,
  literal,
  type Thumbprint,
  thumbprint,
  tuple,
} from "@sealane/wire";
import type { VerifiedCertificate } from "./verify.ts";

/** What a link says of a key: the digest of its certificate, or of its SPKI where it is pinned without one (docs/protocol.md, words). */
export type Credential =
  | { readonly kind: "certificate"; readonly thumbprint: Thumbprint }
  | { readonly kind: "pinned"; readonly spkiDigest: Digest };

/** The credential of a proven certificate. */
export function credentialOf(certificate: VerifiedCertificate): Credential {
  return { kind: "certificate", thumbprint: certificate.thumbprint };
}

/** Whether two credentials are of one kind and name the same key. */
export function equalCredentials(a: Credential, b: Credential): boolean {
  return a.kind === b.kind && equalBytes(digestOf(a), digestOf(b));
}

/** [0, SHA-256 of a certificate] or [1, SHA-256 of an SPKI]. */
export const credentialCodec: Codec<Credential> = {
  toCbor: (credential) => [kindNumber[credential.kind], digestOf(credential)],
  fromCbor(value, field) {
    const first: CborValue | undefined = Array.isArray(value) ? value[0] : undefined;
    return first === kindNumber.pinned ? pinned(value, field) : certificate(value, field);
  },
};

const kindNumber = { certificate: 0, pinned: 1 } as const;

const certificateTuple = tuple<{ number: 0; thumbprint: Thumbprint }>({ number: literal(0), thumbprint: bytesAs(thumbprint) });
const pinnedTuple = tuple<{ number: 1; spkiDigest: Digest }>({ number: literal(1), spkiDigest: bytesAs(digest) });

function certificate(value: CborValue, field: string): Credential {
  return { kind: "certificate", thumbprint: certificateTuple.fromCbor(value, field).thumbprint };
}

function pinned(value: CborValue, field: string): Credential {
  return { kind: "pinned", spkiDigest: pinnedTuple.fromCbor(value, field).spkiDigest };
}

function digestOf(credential: Credential): Thumbprint | Digest {
  return credential.kind === "certificate" ? credential.thumbprint : credential.spkiDigest;
}
