import { certificateChainsCodec, maxKeyKinds } from "@sealane/api";
import type { AgreementKey, DecryptionKey, SigningKey, Suite } from "@sealane/crypto";
import { type KeyStore, maxTokenUriLength } from "@sealane/keystore";
import { type CertifiedKey, maxCertificateBytes, maxChainLength, type Self } from "@sealane/link";
import { type Purpose, trustAnchor, type VerifiedCertificate, verifyCertificate } from "@sealane/pki";
import {
  byteString,
  type Codec,
  equalBytes,
  listOf,
  literal,
  type Name,
  nameCodec,
  nullable,
  type Thumbprint,
  text,
  tuple,
  uint,
} from "@sealane/wire";
import { parseBaseUrl } from "./base-url.ts";
import { loadState, type StateFile, saveState } from "./disk.ts";
import { terminalErrors } from "./errors.ts";
import { stateVersion } from "./labels.ts";
import { maxIdentityBytes } from "./limits.ts";
import { loadListener, trustOf } from "./listener.ts";
import { suiteFloorOf } from "./suite-floor.ts";
import type { Terminal } from "./terminal.ts";
import { enrolmentOf, type Holder, type Trust } from "./trust.ts";

/** What an enrolment leaves: who this terminal is, where its server is and whom it trusts. Private keys stay in the key store. */
export interface Identity {
  readonly version: typeof stateVersion;
  readonly name: Name;
  readonly model: string;
  readonly url: string;
  /** DER of the authority, which signed every certificate here and signs licences' issuers. */
  readonly authority: Uint8Array;
  readonly serverName: Name;
  /** `pkcs11:` URI of the token that has the private keys; null where they are files. */
  readonly token: string | null;
  /** One for each kind of key, in the order of the suites; the first signs what belongs to none. */
  readonly signing: readonly KeyIdentity[];
  readonly decryption: readonly KeyIdentity[];
  readonly agreement: readonly KeyIdentity[];
  readonly serverSigningChains: readonly (readonly Uint8Array[])[];
  readonly serverDecryptionChains: readonly (readonly Uint8Array[])[];
  readonly serverAgreementChains: readonly (readonly Uint8Array[])[];
  readonly enrolledAtSeconds: number;
}

/** A key in the key store and its certificate. */
export interface KeyIdentity {
  readonly keyId: string;
  readonly chain: readonly Uint8Array[];
}

const chainCodec = listOf(byteString({ min: 1, max: maxCertificateBytes }), { min: 1, max: maxChainLength });
const keyIdCodec = text(64);
const keyIdentitiesCodec = listOf(tuple<KeyIdentity>({ keyId: keyIdCodec, chain: chainCodec }), { min: 1, max: maxKeyKinds });

const identityCodec: Codec<Identity> = tuple<Identity>({
  version: literal(stateVersion),
  name: nameCodec,
  model: text(64),
  url: text(512),
  authority: byteString({ min: 1, max: maxCertificateBytes }),
  serverName: nameCodec,
  token: nullable(text(maxTokenUriLength)),
  signing: keyIdentitiesCodec,
  decryption: keyIdentitiesCodec,
  agreement: keyIdentitiesCodec,
  serverSigningChains: certificateChainsCodec,
  serverDecryptionChains: certificateChainsCodec,
  serverAgreementChains: certificateChainsCodec,
  enrolledAtSeconds: uint(),
});

const identityFile: StateFile<Identity> = { codec: identityCodec, maxBytes: maxIdentityBytes, what: "identity" };

/** Reads the identity; null before enrolment. Error: TERMINAL_STATE_DAMAGED. */
export async function loadIdentity(terminal: Terminal): Promise<Identity | null> {
  return await loadState(terminal.folder.identity, identityFile);
}

/** Puts the identity in place: from here on the terminal is enrolled. Errors: TERMINAL_DISK_FULL, FILE_WRITE_FAILED. */
export async function saveIdentity(terminal: Terminal, identity: Identity): Promise<void> {
  await saveState(terminal.folder.identity, identityFile, identity);
}

/** The identity with every certificate proven and the keys at hand. */
export interface Enrolment extends Holder {
  readonly name: Name;
  readonly enrolled: Thumbprint;
  readonly self: Self;
  readonly serverName: Name;
  /** One for each kind of key. */
  readonly serverSigning: readonly VerifiedCertificate[];
  readonly serverDecryption: readonly VerifiedCertificate[];
  readonly serverAgreement: readonly VerifiedCertificate[];
  /** What this terminal's own links are on, and the weakest suite of others', unless its user names another. */
  readonly floor: Suite;
}

/** The suite that is asked for, or else the floor. */
export function suiteFor({ floor }: Enrolment, { suite }: { readonly suite: Suite | null }): Suite {
  return suite ?? floor;
}

/** Reads whom this terminal trusts, by its enrolment or as a listener. Errors: TERMINAL_NOT_ENROLLED, TERMINAL_STATE_DAMAGED. */
export async function loadTrust(terminal: Terminal): Promise<Trust> {
  const identity = await loadIdentity(terminal);
  const listener = identity === null ? await loadListener(terminal) : null;
  if (listener !== null) return trustOf(listener);
  if (identity === null) throw notEnrolled(terminal);
  return { name: identity.name, model: identity.model, anchors: [trustAnchor(identity.authority)], standing: "operator" };
}

/**
 * Reads the identity, proves its certificates for now and opens the keys.
 * Errors: TERMINAL_NOT_ENROLLED, TERMINAL_STATE_DAMAGED (also when a key is not the certificate's), PKI_CERTIFICATE_EXPIRED,
 * PKI_CERTIFICATE_NOT_YET_VALID, those of the key store.
 */
export async function loadEnrolment(terminal: Terminal): Promise<Enrolment> {
  const identity = await requireIdentity(terminal);
  const { name, model, serverName } = identity;
  const nowSeconds = terminal.clock.nowSeconds();
  const anchors = [trustAnchor(identity.authority)];
  const prove = (chain: readonly Uint8Array[], purpose: Purpose, owner: Name): VerifiedCertificate =>
    verifyCertificate({ chain, anchors, purpose, name: owner, nowSeconds });
  const keys = keysOf(terminal, identity);
  const signing: CertifiedKey<SigningKey>[] = [];
  for (const { keyId, chain } of identity.signing) {
    signing.push({ key: await keys.signingKey(keyId), certificate: prove(chain, "terminal-sign", name) });
  }
  const decryption: CertifiedKey<DecryptionKey>[] = [];
  for (const { keyId, chain } of identity.decryption) {
    decryption.push({ key: await keys.decryptionKey(keyId), certificate: prove(chain, "terminal-decrypt", name) });
  }
  const agreement: CertifiedKey<AgreementKey>[] = [];
  for (const { keyId, chain } of identity.agreement) {
    agreement.push({ key: await keys.agreementKey(keyId), certificate: prove(chain, "terminal-agree", name) });
  }
  const file = identity.token ?? terminal.folder.keys;
  for (const { key, certificate } of [...signing, ...decryption, ...agreement]) {
    if (!equalBytes(key.publicKey.spki, certificate.publicKey.spki)) {
      throw terminalErrors.error("TERMINAL_STATE_DAMAGED", { file, purpose: certificate.purpose });
    }
  }
  const [keeper] = decryption;
  if (keeper === undefined) throw terminalErrors.error("TERMINAL_STATE_DAMAGED", { file: terminal.folder.identity });
  return {
    name,
    model,
    anchors,
    standing: "operator",
    enrolled: enrolmentOf(identity),
    url: parseBaseUrl(identity.url),
    self: { name, role: "terminal", signing, decryption, agreement },
    keeper: keeper.key,
    serverName,
    serverSigning: identity.serverSigningChains.map((chain) => prove(chain, "server-sign", serverName)),
    serverDecryption: identity.serverDecryptionChains.map((chain) => prove(chain, "server-decrypt", serverName)),
    serverAgreement: identity.serverAgreementChains.map((chain) => prove(chain, "server-agree", serverName)),
    floor: await suiteFloorOf(terminal, identity),
  };
}

/** Where the private keys of an enrolment are. */
export function keysOf(terminal: Terminal, { token }: Pick<Identity, "token">): KeyStore {
  return token === null ? terminal.keys : terminal.token(token);
}

export async function requireIdentity(terminal: Terminal): Promise<Identity> {
  const identity = await loadIdentity(terminal);
  if (identity === null) throw notEnrolled(terminal);
  return identity;
}

function notEnrolled({ folder }: Terminal): Error {
  return terminalErrors.error("TERMINAL_NOT_ENROLLED", { folder: folder.path });
}
