import {
  type AgreementKey,
  type DecryptionKey,
  type KeyKind,
  keyKindsOf,
  type PublicKey,
  type SigningKey,
  SoftwareKey,
  type Suite,
  standardSuites,
  systemRandom,
} from "@sealane/crypto";
import type { CertifiedKey } from "@sealane/link";
import { type Purpose, type TrustAnchor, trustAnchor, verifyCertificate } from "@sealane/pki";
import { createAuthority, issueCertificate } from "@sealane/pki/issue";
import { type Name, parseName } from "@sealane/wire";

const dayFifty = 50 * 86_400;

/** An authority of the test with the keys of one server. */
export class TestAuthority {
  readonly anchor: TrustAnchor;
  readonly #key: SigningKey;
  readonly #nowSeconds: number;

  private constructor(anchor: TrustAnchor, key: SigningKey, nowSeconds: number) {
    this.anchor = anchor;
    this.#key = key;
    this.#nowSeconds = nowSeconds;
  }

  static async create(nowSeconds: number): Promise<TestAuthority> {
    const key = SoftwareKey.generate("ed25519").signingKey();
    const validity = { notBeforeSeconds: nowSeconds - dayFifty, notAfterSeconds: nowSeconds + 20 * dayFifty };
    const der = await createAuthority({ name: parseName("authority"), key, ...validity, random: systemRandom });
    return new TestAuthority(trustAnchor(der), key, nowSeconds);
  }

  /** Certificates live for 500 days unless told. */
  async issue(
    name: string,
    purpose: Purpose,
    publicKey: PublicKey,
    { lifeDays = 500 }: { readonly lifeDays?: number } = {},
  ): Promise<readonly Uint8Array[]> {
    const certificate = await issueCertificate({
      authority: { certificate: this.anchor.der, key: this.#key },
      subject: { name: parseName(name), purpose, publicKey },
      notBeforeSeconds: this.#nowSeconds - dayFifty,
      notAfterSeconds: this.#nowSeconds + lifeDays * 86_400,
      random: systemRandom,
    });
    return [certificate];
  }

  async signer(name: string, purpose: Purpose, kind: KeyKind = "ed25519"): Promise<CertifiedKey<SigningKey>> {
    const key = SoftwareKey.generate(kind).signingKey();
    return { key, certificate: this.verify(await this.issue(name, purpose, key.publicKey), purpose) };
  }

  /** A key whose certificate ended a day ago. */
  async formerSigner(name: string, purpose: Purpose): Promise<CertifiedKey<SigningKey>> {
    const key = SoftwareKey.generate("ed25519").signingKey();
    const chain = await this.issue(name, purpose, key.publicKey, { lifeDays: -1 });
    const nowSeconds = this.#nowSeconds - 2 * 86_400;
    return { key, certificate: verifyCertificate({ chain, anchors: [this.anchor], purpose, nowSeconds }) };
  }

  /** Keys of every kind that the suites use. */
  async signers(name: string, purpose: Purpose, suites: readonly Suite[]): Promise<readonly CertifiedKey<SigningKey>[]> {
    return await Promise.all(keyKindsOf(suites).signing.map(async (kind) => await this.signer(name, purpose, kind)));
  }

  async opener(name: string, purpose: Purpose, kind: KeyKind = "x-wing"): Promise<CertifiedKey<DecryptionKey>> {
    const key = SoftwareKey.generate(kind).decryptionKey();
    return { key, certificate: this.verify(await this.issue(name, purpose, key.publicKey), purpose) };
  }

  /** The same. */
  async openers(
    name: string,
    purpose: Purpose,
    suites: readonly Suite[] = standardSuites,
  ): Promise<readonly CertifiedKey<DecryptionKey>[]> {
    return await Promise.all(keyKindsOf(suites).decryption.map(async (kind) => await this.opener(name, purpose, kind)));
  }

  async agreer(name: string, purpose: Purpose, kind: KeyKind = "x-wing"): Promise<CertifiedKey<AgreementKey>> {
    const key = SoftwareKey.generate(kind).agreementKey();
    return { key, certificate: this.verify(await this.issue(name, purpose, key.publicKey), purpose) };
  }

  /** The same. */
  async agreers(name: string, purpose: Purpose, suites: readonly Suite[] = standardSuites): Promise<readonly CertifiedKey<AgreementKey>[]> {
    return await Promise.all(keyKindsOf(suites).agreement.map(async (kind) => await this.agreer(name, purpose, kind)));
  }

  verify(chain: readonly Uint8Array[], purpose: Purpose, name?: Name): CertifiedKey<unknown>["certificate"] {
    const input = { chain, anchors: [this.anchor], purpose, nowSeconds: this.#nowSeconds };
    return verifyCertificate(name === undefined ? input : { ...input, name });
  }
}
