import {
  type AgreementKey,
  type DecryptionKey,
  decryptionKindOf,
  defaultSuite,
  type KeyKind,
  keyKindsOf,
  type Randomness,
  type SigningKey,
  SoftwareKey,
  type Suite,
  standardSuites,
  systemRandom,
} from "@sealane/crypto";
import {
  type CertifiedKey,
  type OriginatorContext,
  otherRole,
  type PeerDirectory,
  type RecipientContext,
  type Role,
  type Self,
} from "@sealane/link";
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
import { testKey } from "./keys/fixed-keys.ts";
import { MemoryReplayCache } from "./memory-replay-cache.ts";

/** The second at which all certificates of the testkit are valid. */
export const testNowSeconds = 1_800_000_000;

const daySeconds = 86_400;

/** A certification authority for tests. */
export interface TestAuthority extends Authority {
  readonly anchor: TrustAnchor;
}

export async function makeAuthority(name = "test-authority", kind: KeyKind = "ed25519"): Promise<TestAuthority> {
  const key = SoftwareKey.generate(kind).signingKey();
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
  /** Kind of the key; the default suite's unless told. */
  readonly kind?: KeyKind;
  readonly notBeforeSeconds?: number;
  readonly notAfterSeconds?: number;
}

/** Issues and verifies a certificate for a new key, or of the RSA kinds for a fixed one. */
export async function certify(
  authority: TestAuthority,
  wish: CertificateWish,
): Promise<{ readonly key: SoftwareKey; readonly certificate: VerifiedCertificate }> {
  const key = testKey(wish.kind ?? kindFor(wish.purpose));
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

function kindFor(purpose: Purpose): KeyKind {
  if (purpose.endsWith("-agree")) return defaultSuite.agreement.keyKind;
  return purpose.endsWith("-decrypt") ? decryptionKindOf(defaultSuite) : defaultSuite.signingKind;
}

/** Who a party is. */
export interface PartyWish {
  readonly name: string;
  readonly role: Role;
  /** The standard ones unless told. */
  readonly suites?: readonly Suite[];
}

/** One party of a link with all that it needs to originate and to accept. */
export interface Party {
  readonly self: Self;
  /** That of its first signing key. */
  readonly signing: VerifiedCertificate;
  /** Decryption and agreement certificates of all suites: what an originator needs of a recipient. */
  readonly certificates: readonly VerifiedCertificate[];
  readonly known: VerifiedCertificate[];
  readonly replay: MemoryReplayCache;
}

export async function makeParty(authority: TestAuthority, wish: PartyWish): Promise<Party> {
  const { role } = wish;
  const kinds = keyKindsOf(wish.suites ?? standardSuites);
  const signing: CertifiedKey<SigningKey>[] = [];
  for (const kind of kinds.signing) {
    const { key, certificate } = await certify(authority, { name: wish.name, purpose: `${role}-sign`, kind });
    signing.push({ key: key.signingKey(), certificate });
  }
  const decryption: CertifiedKey<DecryptionKey>[] = [];
  for (const kind of kinds.decryption) {
    const { key, certificate } = await certify(authority, { name: wish.name, purpose: `${role}-decrypt`, kind });
    decryption.push({ key: key.decryptionKey(), certificate });
  }
  const agreement: CertifiedKey<AgreementKey>[] = [];
  for (const kind of kinds.agreement) {
    const { key, certificate } = await certify(authority, { name: wish.name, purpose: `${role}-agree`, kind });
    agreement.push({ key: key.agreementKey(), certificate });
  }
  const name: Name = parseName(wish.name);
  const [main] = signing;
  if (main === undefined) throw new Error("a party has a key that signs");
  return {
    self: {
      name,
      role,
      signing,
      decryption,
      agreement,
    },
    signing: main.certificate,
    certificates: [...decryption, ...agreement].map(({ certificate }) => certificate),
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

export async function makePair(suites?: readonly Suite[]): Promise<Pair> {
  const authority = await makeAuthority();
  const wish = suites === undefined ? {} : { suites };
  const server = await makeParty(authority, { name: "server.test", role: "server", ...wish });
  const terminal = await makeParty(authority, { name: "terminal-1", role: "terminal", ...wish });
  server.known.push(...signingOf(terminal), ...terminal.certificates);
  terminal.known.push(...signingOf(server), ...server.certificates);
  return { authority, server, terminal };
}

function signingOf({ self }: Party): readonly VerifiedCertificate[] {
  return self.signing.map(({ certificate }) => certificate);
}

export interface Moment {
  readonly nowSeconds?: number;
  readonly random?: Randomness;
}

export function originatorContext(from: Party, to: Party, moment: Moment = {}): OriginatorContext {
  const { nowSeconds = testNowSeconds, random = systemRandom } = moment;
  return { self: from.self, recipient: to.certificates, nowSeconds, random };
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
    decryption({ name, suite, chain }) {
      const purpose: Purpose = `${otherRole(party.self.role)}-decrypt`;
      if (chain !== null) {
        return verifyCertificate({ chain, anchors: [given.authority.anchor], purpose, name, nowSeconds: given.nowSeconds });
      }
      const kind = decryptionKindOf(suite);
      const fits = (each: VerifiedCertificate): boolean => each.name === name && each.purpose === purpose && each.publicKey.kind === kind;
      return party.known.find(fits) ?? null;
    },
  };
}
