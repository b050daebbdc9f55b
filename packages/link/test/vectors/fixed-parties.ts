import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { type KeyKind, keyKindsOf, SoftwareKey, type Suite, standardSuites, suites } from "@sealane/crypto";
import { type Purpose, trustAnchor, type VerifiedCertificate, verifyCertificate } from "@sealane/pki";
import { certify, MemoryReplayCache, makeAuthority, type Pair, type Party, type TestAuthority, testNowSeconds } from "@sealane/testkit";
import { parseName } from "@sealane/wire";
import type { Role } from "../../src/index.ts";

/** Two parties whose keys and certificates are in a file: what they send depends on nothing but the randomness that they are given. */
interface FixedKey {
  readonly purpose: Purpose;
  readonly kind: KeyKind;
  /** DER in hex: PKCS #8 and X.509. */
  readonly privateKey: string;
  readonly certificate: string;
}

interface FixedParties {
  readonly authority: string;
  readonly server: { readonly name: string; readonly keys: readonly FixedKey[] };
  readonly terminal: { readonly name: string; readonly keys: readonly FixedKey[] };
}

/** The parties of the standard suites, and those of the others, certified by two authorities: neither's key was kept. */
export const partyFiles = ["parties.json", "parties-of-others.json"] as const;
type PartyFile = (typeof partyFiles)[number];

/** Which parties have keys for a suite. */
export function partyFileOf({ name }: Pick<Suite, "name">): PartyFile {
  return standardSuites.some((suite) => suite.name === name) ? "parties.json" : "parties-of-others.json";
}

function placeOf(file: PartyFile): URL {
  return new URL(file, import.meta.url);
}

/** Writes a file anew, where there is none. */
export async function makeFixedParties(file: PartyFile): Promise<void> {
  if (existsSync(placeOf(file))) return;
  const authority = await makeAuthority("vectors");
  const kinds = keyKindsOf(suites.filter((suite) => partyFileOf(suite) === file));
  const keysOf = async (name: string, role: Role): Promise<readonly FixedKey[]> => {
    const wanted: readonly (readonly [Purpose, KeyKind])[] = [
      ...kinds.signing.map((kind) => [`${role}-sign`, kind] as const),
      ...kinds.decryption.map((kind) => [`${role}-decrypt`, kind] as const),
      ...kinds.agreement.map((kind) => [`${role}-agree`, kind] as const),
    ];
    const keys: FixedKey[] = [];
    for (const [purpose, kind] of wanted) {
      const { key, certificate } = await certify(authority, { name, purpose, kind });
      keys.push({ purpose, kind, privateKey: hex(key.toPkcs8()), certificate: hex(certificate.der) });
    }
    return keys;
  };
  const parties: FixedParties = {
    authority: hex(authority.certificate),
    server: { name: "server.vectors", keys: await keysOf("server.vectors", "server") },
    terminal: { name: "terminal.vectors", keys: await keysOf("terminal.vectors", "terminal") },
  };
  writeFileSync(placeOf(file), `${JSON.stringify(parties, null, 2)}\n`);
}

/** Reads the parties of a file. */
export function fixedPair(name: PartyFile): Pair {
  const file = JSON.parse(readFileSync(placeOf(name), "utf8")) as FixedParties;
  const certificate = Uint8Array.fromHex(file.authority);
  // Its key issued the certificates and is not needed any more.
  const authority: TestAuthority = { certificate, key: SoftwareKey.generate("ed25519").signingKey(), anchor: trustAnchor(certificate) };
  const server = partyOf("server", file.server, authority);
  const terminal = partyOf("terminal", file.terminal, authority);
  server.known.push(...terminal.self.signing.map(({ certificate: own }) => own), ...terminal.certificates);
  terminal.known.push(...server.self.signing.map(({ certificate: own }) => own), ...server.certificates);
  return { authority, server, terminal };
}

function partyOf(role: Role, { name, keys }: FixedParties["server"], { anchor }: TestAuthority): Party {
  const read = keys.map(({ purpose, privateKey, certificate }) => ({
    key: SoftwareKey.fromPkcs8(Uint8Array.fromHex(privateKey)),
    certificate: verifyCertificate({ chain: [Uint8Array.fromHex(certificate)], anchors: [anchor], purpose, nowSeconds: testNowSeconds }),
  }));
  const of = (purpose: Purpose): typeof read => read.filter((each) => each.certificate.purpose === purpose);
  const signing = of(`${role}-sign`).map(({ key, certificate }) => ({ key: key.signingKey(), certificate }));
  const [main] = signing;
  if (main === undefined) throw new Error("The party has no signing key.");
  const decryption = of(`${role}-decrypt`).map(({ key, certificate }) => ({ key: key.decryptionKey(), certificate }));
  const agreement = of(`${role}-agree`).map(({ key, certificate }) => ({ key: key.agreementKey(), certificate }));
  const certificates: VerifiedCertificate[] = [...decryption, ...agreement].map((own) => own.certificate);
  return {
    self: {
      name: parseName(name),
      role,
      signing,
      decryption,
      agreement,
    },
    signing: main.certificate,
    certificates,
    known: [],
    replay: new MemoryReplayCache(),
  };
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
