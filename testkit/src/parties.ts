import {
  type DecryptionKey,
  decryptionKindOf,
  decryptionKinds,
  defaultSuite,
  type KeyKind,
  type Randomness,
  SoftwareKey,
  type Suite,
  systemRandom,
} from "@sealane/crypto";
import {
  type CertifiedKey,
  certificateFor,
  type OriginatorContext,
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
  /** Kind of the key; the default suite's unless told. */
  readonly kind?: KeyKind;
  readonly notBeforeSeconds?: number;
  readonly notAfterSeconds?: number;
}

/** Issues and verifies a certificate for a new key. */
export async function certify(
  authority: TestAuthority,
  wish: CertificateWish,
): Promise<{ readonly key: SoftwareKey; readonly certificate: VerifiedCertificate }> {
  const key = SoftwareKey.generate(wish.kind ?? (wish.purpose.endsWith("-decrypt") ? decryptionKindOf(defaultSuite) : "ed25519"));
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

/** Who a party is, and the suite on which others send to it: the default unless told. */
export interface PartyWish {
  readonly name: string;
  readonly role: Role;
  readonly suite?: Suite;
}

/** One party of a link with all that it needs to originate and to accept. */
export interface Party {
  readonly self: Self;
  readonly signing: VerifiedCertificate;
  /** That of the party's suite; it has one for every other suite too. */
  readonly decryption: VerifiedCertificate;
  readonly known: VerifiedCertificate[];
  readonly replay: MemoryReplayCache;
}

export async function makeParty(authority: TestAuthority, wish: PartyWish): Promise<Party> {
  const { role, suite = defaultSuite } = wish;
  const signing = await certify(authority, { name: wish.name, purpose: `${role}-sign` });
  const decryption: CertifiedKey<DecryptionKey>[] = [];
  for (const kind of decryptionKinds) {
    const { key, certificate } = await certify(authority, { name: wish.name, purpose: `${role}-decrypt`, kind });
    decryption.push({ key: key.decryptionKey(), certificate });
  }
  const name: Name = parseName(wish.name);
  return {
    self: {
      name,
      role,
      signing: { key: signing.key.signingKey(), certificate: signing.certificate },
      decryption,
    },
    signing: signing.certificate,
    decryption: certificateFor(
      suite,
      decryption.map(({ certificate }) => certificate),
    ),
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

export async function makePair(suite: Suite = defaultSuite): Promise<Pair> {
  const authority = await makeAuthority();
  const server = await makeParty(authority, { name: "server.test", role: "server", suite });
  const terminal = await makeParty(authority, { name: "terminal-1", role: "terminal", suite });
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
