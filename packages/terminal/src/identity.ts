import { certificateChainsCodec, maxDecryptionKinds } from "@sealane/api";
import { type DecryptionKey, decryptionKindOf, defaultSuite, type SigningKey } from "@sealane/crypto";
import { type CertifiedKey, maxCertificateBytes, maxChainLength, type Self } from "@sealane/link";
import { type Purpose, type TrustAnchor, trustAnchor, type VerifiedCertificate, verifyCertificate } from "@sealane/pki";
import { byteString, type Codec, equalBytes, listOf, literal, type Name, nameCodec, text, tuple, uint } from "@sealane/wire";
import { loadState, type StateFile, saveState } from "./disk.ts";
import { terminalErrors } from "./errors.ts";
import { parseBaseUrl } from "./http-client.ts";
import { stateVersion } from "./labels.ts";
import { maxIdentityBytes } from "./limits.ts";
import type { Terminal } from "./terminal.ts";

/** What an enrolment leaves: who this terminal is, where its server is and whom it trusts. Private keys stay in the key store. */
export interface Identity {
  readonly version: typeof stateVersion;
  readonly name: Name;
  readonly model: string;
  readonly url: string;
  /** DER of the authority, which signed every certificate here and signs licences' issuers. */
  readonly authority: Uint8Array;
  readonly serverName: Name;
  /** Ids in the key store. */
  readonly signingKeyId: string;
  readonly signingChain: readonly Uint8Array[];
  /** One for each kind of key. */
  readonly decryption: readonly DecryptionIdentity[];
  readonly serverSigningChain: readonly Uint8Array[];
  readonly serverDecryptionChains: readonly (readonly Uint8Array[])[];
  readonly enrolledAtSeconds: number;
}

/** A decryption key and its certificate. */
export interface DecryptionIdentity {
  readonly keyId: string;
  readonly chain: readonly Uint8Array[];
}

const chainCodec = listOf(byteString({ min: 1, max: maxCertificateBytes }), { min: 1, max: maxChainLength });
const keyIdCodec = text(64);

const identityCodec: Codec<Identity> = tuple<Identity>({
  version: literal(stateVersion),
  name: nameCodec,
  model: text(64),
  url: text(512),
  authority: byteString({ min: 1, max: maxCertificateBytes }),
  serverName: nameCodec,
  signingKeyId: keyIdCodec,
  signingChain: chainCodec,
  decryption: listOf(tuple<DecryptionIdentity>({ keyId: keyIdCodec, chain: chainCodec }), { min: 1, max: maxDecryptionKinds }),
  serverSigningChain: chainCodec,
  serverDecryptionChains: certificateChainsCodec,
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

/** What checking licences needs: no private key. */
export interface Trust {
  readonly name: Name;
  readonly model: string;
  readonly anchors: readonly TrustAnchor[];
}

/** The identity with every certificate proven and the keys at hand. */
export interface Enrolment extends Trust {
  readonly url: URL;
  readonly self: Self;
  /** The key that this terminal's own secrets are kept under: that of the default suite. */
  readonly keeper: DecryptionKey;
  readonly serverSigning: VerifiedCertificate;
  /** One for each kind of key. */
  readonly serverDecryption: readonly VerifiedCertificate[];
}

/** Reads whom this terminal trusts. Errors: TERMINAL_NOT_ENROLLED, TERMINAL_STATE_DAMAGED. */
export async function loadTrust(terminal: Terminal): Promise<Trust> {
  const identity = await requireIdentity(terminal);
  return { name: identity.name, model: identity.model, anchors: [trustAnchor(identity.authority)] };
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
  const signing: CertifiedKey<SigningKey> = {
    key: await terminal.keys.signingKey(identity.signingKeyId),
    certificate: prove(identity.signingChain, "terminal-sign", name),
  };
  const decryption: CertifiedKey<DecryptionKey>[] = [];
  for (const { keyId, chain } of identity.decryption) {
    decryption.push({ key: await terminal.keys.decryptionKey(keyId), certificate: prove(chain, "terminal-decrypt", name) });
  }
  const file = terminal.folder.keys;
  for (const { key, certificate } of [signing, ...decryption]) {
    if (!equalBytes(key.publicKey.spki, certificate.publicKey.spki)) {
      throw terminalErrors.error("TERMINAL_STATE_DAMAGED", { file, purpose: certificate.purpose });
    }
  }
  const keeper = decryption.find(({ key }) => key.publicKey.kind === decryptionKindOf(defaultSuite));
  if (keeper === undefined) throw terminalErrors.error("TERMINAL_STATE_DAMAGED", { file: terminal.folder.identity });
  return {
    name,
    model,
    anchors,
    url: parseBaseUrl(identity.url),
    self: { name, role: "terminal", signing, decryption },
    keeper: keeper.key,
    serverSigning: prove(identity.serverSigningChain, "server-sign", serverName),
    serverDecryption: identity.serverDecryptionChains.map((chain) => prove(chain, "server-decrypt", serverName)),
  };
}

async function requireIdentity(terminal: Terminal): Promise<Identity> {
  const identity = await loadIdentity(terminal);
  if (identity === null) throw terminalErrors.error("TERMINAL_NOT_ENROLLED", { folder: terminal.folder.path });
  return identity;
}
