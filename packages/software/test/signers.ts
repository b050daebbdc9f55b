import { type KeyKind, type SigningKey, SoftwareKey, systemRandom } from "@sealane/crypto";
import { type Purpose, type TrustAnchor, trustAnchor, type VerifiedCertificate, verifyCertificate } from "@sealane/pki";
import { type Authority, createAuthority, issueCertificate } from "@sealane/pki/issue";
import { artefactId, digest, parseName } from "@sealane/wire";
import { type Licence, licenceId } from "../src/licence.ts";
import type { SoftwareDescription } from "../src/software-description.ts";

/** The second at which everything in these tests is valid. */
export const nowSeconds = 1_800_000_000;
export const daySeconds = 86_400;

export interface TestAuthority extends Authority {
  readonly anchor: TrustAnchor;
}

export async function makeAuthority(): Promise<TestAuthority> {
  const key = SoftwareKey.generate("ed25519").signingKey();
  const validity = { notBeforeSeconds: nowSeconds - 100 * daySeconds, notAfterSeconds: nowSeconds + 1000 * daySeconds };
  const certificate = await createAuthority({ name: parseName("test-authority"), key, ...validity, random: systemRandom });
  return { certificate, key, anchor: trustAnchor(certificate) };
}

export interface Signer {
  readonly key: SigningKey;
  readonly chain: readonly Uint8Array[];
}

/** A key with a certificate; of a year unless told. */
export async function makeSigner(authority: TestAuthority, name: string, purpose: Purpose, lifeDays = 365): Promise<Signer> {
  const key = SoftwareKey.generate("ed25519").signingKey();
  const der = await issueCertificate({
    authority,
    subject: { name: parseName(name), purpose, publicKey: key.publicKey },
    notBeforeSeconds: nowSeconds - daySeconds,
    notAfterSeconds: nowSeconds + lifeDays * daySeconds,
    random: systemRandom,
  });
  return { key, chain: [der] };
}

/** A server's decryption key with its verified certificate. */
export async function makeKeyRole(
  authority: TestAuthority,
  wish: { readonly purpose?: Purpose; readonly kind?: KeyKind } = {},
): Promise<{ readonly key: SoftwareKey; readonly certificate: VerifiedCertificate }> {
  const { purpose = "server-decrypt", kind = "x-wing" } = wish;
  const key = SoftwareKey.generate(kind);
  const der = await issueCertificate({
    authority,
    subject: { name: parseName("server"), purpose, publicKey: key.publicKey },
    notBeforeSeconds: nowSeconds - daySeconds,
    notAfterSeconds: nowSeconds + 365 * daySeconds,
    random: systemRandom,
  });
  return { key, certificate: verifyCertificate({ chain: [der], anchors: [authority.anchor], purpose, nowSeconds }) };
}

export const description: SoftwareDescription = {
  module: "hmi",
  version: "2.4.0",
  sequence: 17,
  models: ["panel-7", "panel-10"],
  softwareClass: "application",
  format: "tar",
  entry: "bin/hmi",
  artefactId: artefactId(new Uint8Array(32).fill(1)),
  listDigest: digest(new Uint8Array(32).fill(2)),
  sha256: digest(new Uint8Array(32).fill(3)),
  plaintextBytes: 5_000_000,
  segmentBytes: 1_048_576,
};

export const licence: Licence = {
  ...description,
  issuer: parseName("licence-server"),
  recipient: parseName("gateway-7"),
  licenceId: licenceId(new Uint8Array(16).fill(9)),
  issuedAtSeconds: nowSeconds - 100,
  notBeforeSeconds: nowSeconds - 50,
  expiresAtSeconds: nowSeconds + 30 * daySeconds,
  keyExpiresAtSeconds: nowSeconds + daySeconds,
  keyRetention: "discard",
  rights: ["install", "run"],
  copyright: "© 2026 Example Works",
};
