import type { DecryptionKey, SigningKey } from "@sealane/crypto";
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
  readonly decryptionKeyId: string;
  readonly signingChain: readonly Uint8Array[];
  readonly decryptionChain: readonly Uint8Array[];
  readonly serverSigningChain: readonly Uint8Array[];
  readonly serverDecryptionChain: readonly Uint8Array[];
  readonly enrolledAtSeconds: number;
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
  decryptionKeyId: keyIdCodec,
  signingChain: chainCodec,
  decryptionChain: chainCodec,
  serverSigningChain: chainCodec,
  serverDecryptionChain: chainCodec,
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
  readonly decryption: CertifiedKey<DecryptionKey>;
  readonly serverSigning: VerifiedCertificate;
  readonly serverDecryption: VerifiedCertificate;
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
  const decryption: CertifiedKey<DecryptionKey> = {
    key: await terminal.keys.decryptionKey(identity.decryptionKeyId),
    certificate: prove(identity.decryptionChain, "terminal-decrypt", name),
  };
  for (const { key, certificate } of [signing, decryption]) {
    if (!equalBytes(key.publicKey.spki, certificate.publicKey.spki)) {
      throw terminalErrors.error("TERMINAL_STATE_DAMAGED", { file: terminal.folder.keys, purpose: certificate.purpose });
    }
  }
  return {
    name,
    model,
    anchors,
    url: parseBaseUrl(identity.url),
    self: { name, role: "terminal", signing, decryption: [decryption] },
    decryption,
    serverSigning: prove(identity.serverSigningChain, "server-sign", serverName),
    serverDecryption: prove(identity.serverDecryptionChain, "server-decrypt", serverName),
  };
}

async function requireIdentity(terminal: Terminal): Promise<Identity> {
  const identity = await loadIdentity(terminal);
  if (identity === null) throw terminalErrors.error("TERMINAL_NOT_ENROLLED", { folder: terminal.folder.path });
  return identity;
}
