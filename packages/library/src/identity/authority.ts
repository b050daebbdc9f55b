import { type AgreementKey, type DecryptionKey, type PublicKey, type SigningKey, SoftwareKey } from "@sealane/crypto";
import { type Purpose, type TrustAnchor, trustAnchor, type VerifiedCertificate, verifyCertificate } from "@sealane/pki";
import type { Environment } from "../environment.ts";
import type { Role } from "../mechanism.ts";
import { nameArgument, requireSeconds } from "../own-arguments.ts";
import type { CertifiedKey, Identity } from "./identity.ts";
import type { PartyKeys } from "./keys.ts";

const daySeconds = 86_400;
const defaultAuthorityLifeSeconds: number = 3_650 * daySeconds;
const defaultLifeSeconds: number = 365 * daySeconds;

/** How a new authority is made. */
export interface AuthorityOptions {
  /** 1 to 128 of `a-z 0-9 . _ : -`. */
  readonly name: string;
  /** The authority's own key, in a store or a token; unless told, a new one in memory, which is gone when the process ends. */
  readonly key?: SigningKey;
  /** Ten years unless told. */
  readonly lifeSeconds?: number;
  readonly environment: Environment;
}

/** An authority that was made before: its certificate (DER), and the key that belongs to it. */
export interface LoadAuthorityInput {
  readonly certificate: Uint8Array;
  readonly key: SigningKey;
  readonly environment: Environment;
}

/** A certificate that is to be issued. */
export interface IssueInput {
  /** Of the party: 1 to 128 of `a-z 0-9 . _ : -`. */
  readonly name: string;
  /** The one thing that the key may do. */
  readonly purpose: Purpose;
  readonly publicKey: PublicKey;
  /** A year unless told; never longer than the authority's own certificate. */
  readonly lifeSeconds?: number;
}

/**
 * A certificate authority for tests and small deployments. It issues what it is asked for: that the one who asks is who he says
 * and holds the private key, the caller has checked before. It does not revoke.
 */
export class Authority {
  /** What parties that trust this authority are given. */
  readonly anchor: TrustAnchor;
  readonly #key: SigningKey;
  readonly #environment: Environment;

  private constructor(anchor: TrustAnchor, key: SigningKey, environment: Environment) {
    this.anchor = anchor;
    this.#key = key;
    this.#environment = environment;
  }

  /** Makes a new authority with a self-signed certificate. Errors: LIBRARY_ARGUMENT_WRONG, PKI_VALIDITY_WRONG, PKI_AUTHORITY_KEY_WRONG. */
  static async create(options: AuthorityOptions): Promise<Authority> {
    const { environment, lifeSeconds = defaultAuthorityLifeSeconds } = options;
    const { key = SoftwareKey.generate("ed25519").signingKey() } = options;
    requireSeconds("lifeSeconds", lifeSeconds, 1);
    const { createAuthority } = await import("@sealane/pki/issue");
    const notBeforeSeconds = environment.clock.nowSeconds();
    const certificate = await createAuthority({
      name: nameArgument("name", options.name),
      key,
      notBeforeSeconds,
      notAfterSeconds: notBeforeSeconds + lifeSeconds,
      random: environment.random,
    });
    return new Authority(trustAnchor(certificate), key, environment);
  }

  /** Takes up an authority that was made before. Errors: those of {@link trustAnchor}. */
  static load({ certificate, key, environment }: LoadAuthorityInput): Authority {
    return new Authority(trustAnchor(certificate), key, environment);
  }

  /**
   * Issues a certificate for a public key. Errors: PKI_KEY_WRONG for a key that cannot serve the purpose, PKI_VALIDITY_WRONG,
   * PKI_AUTHORITY_KEY_WRONG, PKI_CERTIFICATE_EXPIRED when the authority's own has, LIBRARY_ARGUMENT_WRONG for a name that no party can have.
   */
  async issue(input: IssueInput): Promise<VerifiedCertificate> {
    const { issueCertificate } = await import("@sealane/pki/issue");
    const { purpose, publicKey, lifeSeconds = defaultLifeSeconds } = input;
    requireSeconds("lifeSeconds", lifeSeconds, 1);
    const nowSeconds = this.#environment.clock.nowSeconds();
    const der = await issueCertificate({
      authority: { certificate: this.anchor.der, key: this.#key },
      subject: { name: nameArgument("name", input.name), purpose, publicKey },
      notBeforeSeconds: nowSeconds,
      notAfterSeconds: nowSeconds + lifeSeconds,
      random: this.#environment.random,
    });
    return verifyCertificate({ chain: [der], anchors: [this.anchor], purpose, nowSeconds });
  }

  /** Issues a certificate for a key that is at hand, and gives both. Errors: those of {@link Authority.issue}. */
  async certify<Key extends SigningKey | DecryptionKey | AgreementKey>(
    key: Key,
    input: Omit<IssueInput, "publicKey">,
  ): Promise<CertifiedKey<Key>> {
    return { key, certificate: await this.issue({ ...input, publicKey: key.publicKey }) };
  }

  /** Issues the certificates of all keys of a party. Errors: those of {@link Authority.issue}. */
  async issueIdentity(
    keys: PartyKeys,
    input: { readonly name: string; readonly role: Role; readonly lifeSeconds?: number },
  ): Promise<Identity> {
    const { role, ...rest } = input;
    const decryption: CertifiedKey<DecryptionKey>[] = [];
    for (const key of keys.decryption) decryption.push(await this.certify(key, { ...rest, purpose: `${role}-decrypt` }));
    const agreement: CertifiedKey<AgreementKey>[] = [];
    for (const key of keys.agreement) agreement.push(await this.certify(key, { ...rest, purpose: `${role}-agree` }));
    const signing: CertifiedKey<SigningKey>[] = [];
    for (const key of keys.signing) signing.push(await this.certify(key, { ...rest, purpose: `${role}-sign` }));
    return { name: nameArgument("name", rest.name), role, signing, decryption, agreement };
  }
}
