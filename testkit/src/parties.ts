import { type Randomness, SoftwareKey, systemRandom } from "@sealane/crypto";
import type { OriginatorContext, PeerDirectory, RecipientContext, Role, Self } from "@sealane/link";
import {
  credentialOf,
  equalCredentials,
  type Purpose,
  type TrustAnchor,
  trustAnchor,
  type VerifiedCertificate,
  verifyCertificate,
} from "@sealane/pki";
import { type Authority, createAuthority, issueCertificate } from "@sealane/pki/issue";
import { type Name, parseName } from "@sealane/wire";
import { MemoryReplayCache } from "./memory-replay-cache.ts";

/** The second at which all certificates of the testkit are valid. */
export const testNowSeconds = 1_800_000_000;

const daySeconds = 86_400;

/** A certification authority for tests. */
export interface TestAuthority extends Authority {
  readonly anchor: TrustAnchor;
}

export async function makeAuthority(name = "test-authority"): Promise<TestAuthority> {
  const key = SoftwareKey.generate("ed25519").signingKey();
  const certificate = await createAuthority({
    name: parseName(name),
    key,
    notBeforeSeconds: testNowSeconds - 100 * daySeconds,
    notAfterSeconds: testNowSeconds + 3_650 * daySeconds,
    random: systemRandom,
  });
  return { certificate, key, anchor: trustAnchor(certificate) };
}

export interface CertificateWish {
  readonly name: string;
  readonly purpose: Purpose;
  readonly notBeforeSeconds?: number;
  readonly notAfterSeconds?: number;
}

/** Issues and verifies a certificate for a new key. */
export async function certify(
  authority: TestAuthority,
  wish: CertificateWish,
): Promise<{ readonly key: SoftwareKey; readonly certificate: VerifiedCertificate }> {
  const key = SoftwareKey.generate(wish.purpose.endsWith("-decrypt") ? "x25519" : "ed25519");
  const notBeforeSeconds = wish.notBeforeSeconds ?? testNowSeconds - daySeconds;
  const der = await issueCertificate({
    authority,
    subject: { name: parseName(wish.name), purpose: wish.purpose, publicKey: key.publicKey },
    notBeforeSeconds,
    notAfterSeconds: wish.notAfterSeconds ?? testNowSeconds + 365 * daySeconds,
    random: systemRandom,
  });
  const nowSeconds = Math.max(notBeforeSeconds, Math.min(testNowSeconds, wish.notAfterSeconds ?? testNowSeconds));
  const certificate = verifyCertificate({ chain: [der], anchors: [authority.anchor], purpose: wish.purpose, nowSeconds });
  return { key, certificate };
}

/** One party of a link with all that it needs to originate and to accept. */
export interface Party {
  readonly self: Self;
  readonly signing: VerifiedCertificate;
  readonly decryption: VerifiedCertificate;
  readonly known: VerifiedCertificate[];
  readonly replay: MemoryReplayCache;
}

export async function makeParty(authority: TestAuthority, wish: { readonly name: string; readonly role: Role }): Promise<Party> {
  const { role } = wish;
  const signing = await certify(authority, { name: wish.name, purpose: `${role}-sign` });
  const decryption = await certify(authority, { name: wish.name, purpose: `${role}-decrypt` });
  const name: Name = parseName(wish.name);
  return {
    self: {
      name,
      role,
      signing: { key: signing.key.signingKey(), certificate: signing.certificate },
      decryption: [{ key: decryption.key.decryptionKey(), certificate: decryption.certificate }],
    },
    signing: signing.certificate,
    decryption: decryption.certificate,
    known: [],
    replay: new MemoryReplayCache(),
  };
}

/** A server and a terminal that know each other. */
export interface Pair {
  readonly authority: TestAuthority;
  readonly server: Party;
  readonly terminal: Party;
}

export async function makePair(): Promise<Pair> {
  const authority = await makeAuthority();
  const server = await makeParty(authority, { name: "server.test", role: "server" });
  const terminal = await makeParty(authority, { name: "terminal-1", role: "terminal" });
  server.known.push(terminal.signing);
  terminal.known.push(server.signing);
  return { authority, server, terminal };
}

export interface Moment {
  readonly nowSeconds?: number;
  readonly random?: Randomness;
}

export function originatorContext(from: Party, to: Party, moment: Moment = {}): OriginatorContext {
  const { nowSeconds = testNowSeconds, random = systemRandom } = moment;
  return { self: from.self, recipient: to.decryption, nowSeconds, random };
}

export function recipientContext(party: Party, authority: TestAuthority, moment: Moment = {}): RecipientContext {
  const { nowSeconds = testNowSeconds, random = systemRandom } = moment;
  return {
    self: party.self,
    peers: directoryOf(party, { authority, nowSeconds }),
    replay: party.replay,
    freshness: { nowSeconds },
    random,
  };
}

function directoryOf(party: Party, given: { readonly authority: TestAuthority; readonly nowSeconds: number }): PeerDirectory {
  return {
    find: (credential) => party.known.find((certificate) => equalCredentials(credentialOf(certificate), credential)) ?? null,
    verify: (chain, role) =>
      verifyCertificate({ chain, anchors: [given.authority.anchor], purpose: `${role}-sign`, nowSeconds: given.nowSeconds }),
  };
}
