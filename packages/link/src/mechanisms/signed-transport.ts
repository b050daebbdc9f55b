import { openWithPrivateKey, sealToPublicKey, sign1, verifySign1 } from "@sealane/cose";
import { decryptionKindOf, Secret, type Suite, sha256 } from "@sealane/crypto";
import { type Credential, credentialCodec, credentialOf, equalCredentials, type VerifiedCertificate } from "@sealane/pki";
import {
  byteString,
  bytesAs,
  type CborValue,
  type Codec,
  decodeAs,
  encode,
  encodeAs,
  equalBytes,
  flag,
  hasCode,
  listOf,
  type Name,
  type Nonce,
  nameCodec,
  nonce,
  nullable,
  tuple,
  uint,
} from "@sealane/wire";
import { type AwaitedAnswer, answerTransport, awaitAnswer, type TransportedSecret } from "../answer.ts";
import { encodeMessage, externalAad, type Message, type MessageHeader, otherRole, referenceOf } from "../envelope.ts";
import { linkErrors } from "../errors.ts";
import { type Freshness, verifyFreshness } from "../freshness.ts";
import { hashTranscript } from "../key-schedule.ts";
import { type Role, secretDigestLabel } from "../labels.ts";
import {
  challengeBytes,
  defaultKeyLifeSeconds,
  keyHintBytes,
  maxCertificateBytes,
  maxChainLength,
  maxDecryptionKeys,
  maxLicenceBytes,
  maxMessageBytes,
  secretBytes,
} from "../limits.ts";
import type { UnconfirmedLink } from "../link.ts";
import type { CertifiedKey, OriginatorContext, RecipientContext } from "../parties.ts";

/**
 * signed-transport: a signed secret number, encrypted to its recipient.
 *
 * ```text
 * EQ1  server   -> terminal  M1 = P_B(k, B, T_A, S_A(k, B, T_A, LC))
 * EQ5  terminal -> server    M1 = P_A(k, A, T_B, S_B(k, A, T_B, LC))
 * ```
 *
 * Repairs of the printed form (docs/protocol.md): the recipient's name and both credentials are always signed, so that a
 * recipient cannot forward the signature under a new encryption; LC is sent as well as signed; a digest of k is signed in its
 * place (claim 5), so that showing the signature reveals nothing; the answer makes every link's key fresh.
 *
 * Properties: confidential, both parties named and authenticated, not anonymous, not a broadcast, not forward secret.
 */

/** How M1 is to be made. */
export interface SignedTransportOptions {
  readonly suite: Suite;
  /** For a recipient that stores messages: until when it may accept this one. */
  readonly expiresAtSeconds?: number;
  /** The recipient's challenge, in place of a time stamp. */
  readonly challenge?: Uint8Array;
  readonly keyLifeSeconds?: number;
  /** LC: an encoded licence. */
  readonly licence?: Uint8Array;
  /** Send the signing certificate's chain: the recipient may not know it yet. */
  readonly sendCertificate?: boolean;
}

/** What the signature covers: everything but k, of which it covers a digest. */
interface Claims extends Freshness {
  readonly originator: Name;
  readonly originatorCredential: Credential;
  readonly recipient: Name;
  readonly nonce: Nonce;
  readonly keyExpiresAtSeconds: number;
  readonly receiveOnly: boolean;
  readonly licence: Uint8Array | null;
}

/** The plaintext of P_X. */
interface Content extends Claims {
  readonly secret: Uint8Array;
  readonly chain: readonly Uint8Array[] | null;
  readonly signature: CborValue;
}

const anyValue: Codec<CborValue> = { toCbor: (value) => value, fromCbor: (value) => value };

const claimsFields = {
  originator: nameCodec,
  originatorCredential: credentialCodec,
  recipient: nameCodec,
  issuedAtSeconds: nullable(uint()),
  challenge: nullable(byteString({ min: challengeBytes, max: challengeBytes })),
  expiresAtSeconds: nullable(uint()),
  nonce: bytesAs(nonce),
  keyExpiresAtSeconds: uint(),
  receiveOnly: flag,
  licence: nullable(byteString({ min: 1, max: maxLicenceBytes })),
};

const claimsCodec: Codec<Claims> = tuple<Claims>(claimsFields);

const contentCodec: Codec<Content> = tuple<Content>({
  secret: byteString({ min: secretBytes, max: secretBytes }),
  ...claimsFields,
  chain: nullable(listOf(byteString({ max: maxCertificateBytes }), { min: 1, max: maxChainLength })),
  signature: anyValue,
});

/** [key hint or null, P_X]: only a server's key may be hinted at, a terminal's would name it. */
interface Body {
  readonly keyHint: Uint8Array | null;
  readonly encrypted: CborValue;
}

const bodyCodec: Codec<Body> = tuple<Body>({
  keyHint: nullable(byteString({ min: keyHintBytes, max: keyHintBytes })),
  encrypted: anyValue,
});

/**
 * Makes M1 and the wait for its answer.
 * Errors: LINK_FIELD_WRONG (sender and recipient are the same, or the recipient's certificate is of another purpose),
 * CRYPTO_PUBLIC_KEY_WRONG (it is for another suite), what the key handle throws.
 */
export async function originateSignedTransport(
  context: OriginatorContext,
  options: SignedTransportOptions,
): Promise<{ readonly message: Uint8Array; readonly awaited: AwaitedAnswer }> {
  const { self, recipient, nowSeconds, random } = context;
  const { suite } = options;
  if (recipient.purpose !== `${otherRole(self.role)}-decrypt`) throw linkErrors.error("LINK_FIELD_WRONG", { field: "recipient" });
  if (recipient.name === self.name) throw linkErrors.error("LINK_FIELD_WRONG", { field: "recipient", name: self.name });
  const header = firstHeader(suite, self.role);
  const aad = externalAad(header);
  const secret = Secret.take("transported secret", random.bytes(secretBytes));
  const claims: Claims = {
    originator: self.name,
    originatorCredential: credentialOf(self.signing.certificate),
    recipient: recipient.name,
    issuedAtSeconds: options.challenge === undefined ? nowSeconds : null,
    challenge: options.challenge ?? null,
    expiresAtSeconds: options.expiresAtSeconds ?? null,
    nonce: nonce(random.bytes(16)),
    keyExpiresAtSeconds: Math.min(
      nowSeconds + (options.keyLifeSeconds ?? defaultKeyLifeSeconds),
      self.signing.certificate.notAfterSeconds,
      recipient.notAfterSeconds,
    ),
    receiveOnly: false,
    licence: options.licence ?? null,
  };
  const payload = secret.use((bytes) => signedPayload(bytes, claims, recipient));
  const signature = await sign1(self.signing.key, { payload, detached: true, externalAad: aad });
  const chain = options.sendCertificate === true ? self.signing.certificate.chain : null;
  const plaintext = secret.use((bytes) => encodeAs(contentCodec, { ...claims, secret: bytes, chain, signature }));
  const encrypted = sealToPublicKey(suite.encryption, { publicKey: recipient.publicKey, random }, { plaintext, externalAad: aad });
  plaintext.fill(0);
  const keyHint = self.role === "terminal" ? recipient.thumbprint.subarray(0, keyHintBytes) : null;
  const message = encodeMessage(header, bodyCodec.toCbor({ keyHint, encrypted }));
  return { message, awaited: awaitAnswer(transported({ header, claims, recipient, message, secret })) };
}

/**
 * Accepts M1 at its recipient: opens it, checks certificate, signature, names, time and replay in this order, and answers.
 *
 * Errors: LINK_MESSAGE_UNEXPECTED, CRYPTO_OPEN_FAILED, COSE_*, WIRE_*, LINK_PEER_UNKNOWN, LINK_PEER_WRONG, PKI_*,
 * CRYPTO_SIGNATURE_WRONG, LINK_RECIPIENT_WRONG, LINK_FIELD_WRONG, those of `verifyFreshness`, LINK_MESSAGE_EXPIRED,
 * LINK_MESSAGE_REPLAYED, LINK_REPLAY_CACHE_FULL.
 */
export async function acceptSignedTransport(
  context: RecipientContext,
  message: Message,
): Promise<{ readonly answer: Uint8Array; readonly link: UnconfirmedLink; readonly licence: Uint8Array | null }> {
  const { self, random } = context;
  const { header } = message;
  const expected = firstHeader(header.suite, otherRole(self.role));
  if (header.number !== expected.number || header.sender !== expected.sender) throw linkErrors.error("LINK_MESSAGE_UNEXPECTED");
  const { plaintext, recipient } = await openBody(context, message);
  const content = decodeAs(contentCodec, plaintext, { maxBytes: maxMessageBytes, what: "content" });
  using secret = Secret.copy("transported secret", content.secret);
  plaintext.fill(0);
  const { chain, signature, secret: _, ...claims } = content;
  const signer = await findSigner(context, { credential: claims.originatorCredential, chain, role: header.sender });
  const payload = secret.use((bytes) => signedPayload(bytes, claims, recipient));
  verifySign1(signature, { publicKey: signer.publicKey, externalAad: externalAad(header), detachedPayload: payload });
  requireIdentities(claims, { self: self.name, signer });
  const rememberUntilSeconds = verifyFreshness(claims, context.freshness);
  requireValidKey(claims, { signer, recipient, nowSeconds: context.freshness.nowSeconds });
  await rememberOnce(context, claims, rememberUntilSeconds);
  const accepted = transported({ header, claims, recipient, message: message.bytes, secret });
  return { ...answerTransport(accepted, random), licence: claims.licence };
}

function firstHeader(suite: Suite, sender: Role): MessageHeader {
  return { mechanism: "signed-transport", number: 1, sender, suite };
}

/** The signed bytes: a digest of k, the claims, and the credential of the key that M1 is encrypted to, which M1 does not carry. */
function signedPayload(secret: Uint8Array, claims: Claims, recipient: VerifiedCertificate): Uint8Array {
  const secretDigest = sha256(encode([secretDigestLabel, secret]));
  return encode([secretDigest, claimsCodec.toCbor(claims), credentialCodec.toCbor(credentialOf(recipient))]);
}

function transported(input: {
  readonly header: MessageHeader;
  readonly claims: Claims;
  readonly recipient: VerifiedCertificate;
  readonly message: Uint8Array;
  readonly secret: Secret<"transported secret">;
}): TransportedSecret {
  const { header, claims, recipient, message, secret } = input;
  const common = {
    mechanism: header.mechanism,
    suite: header.suite,
    originatorRole: header.sender,
    originator: claims.originator,
    recipient: claims.recipient,
  };
  const th = hashTranscript({
    ...common,
    mode: null,
    originatorCredentials: { sign: claims.originatorCredential },
    recipientCredentials: { decrypt: credentialOf(recipient) },
    messages: [sha256(message)],
  });
  return { ...common, th, secret, keyExpiresAtSeconds: claims.keyExpiresAtSeconds, reference: referenceOf(message) };
}

/** Opens P_X with the key that is hinted at, or else with each of the few keys this party holds. */
async function openBody(
  context: RecipientContext,
  message: Message,
): Promise<{ readonly plaintext: Uint8Array; readonly recipient: VerifiedCertificate }> {
  const { keyHint, encrypted } = bodyCodec.fromCbor(message.body, "M1");
  if ((keyHint === null) !== (context.self.role === "terminal")) throw linkErrors.error("LINK_FIELD_WRONG", { field: "keyHint" });
  const input = { value: encrypted, externalAad: externalAad(message.header) };
  const kind = decryptionKindOf(message.header.suite);
  const ofSuite = context.self.decryption.filter(({ key }) => key.publicKey.kind === kind).slice(0, maxDecryptionKeys);
  const candidates = ofSuite.filter((own) => keyHint === null || isHinted(own, keyHint));
  for (const { key, certificate } of candidates) {
    try {
      return { plaintext: await openWithPrivateKey(message.header.suite.encryption, key, input), recipient: certificate };
    } catch (error) {
      if (!hasCode(error, "CRYPTO_OPEN_FAILED")) throw error;
    }
  }
  throw linkErrors.error("LINK_RECIPIENT_WRONG");
}

function isHinted(own: CertifiedKey<unknown>, hint: Uint8Array): boolean {
  return equalBytes(own.certificate.thumbprint.subarray(0, keyHintBytes), hint);
}

async function findSigner(
  context: RecipientContext,
  named: { readonly credential: Credential; readonly chain: readonly Uint8Array[] | null; readonly role: Role },
): Promise<VerifiedCertificate> {
  const { credential, chain, role } = named;
  const found = chain === null ? await context.peers.find(credential) : await context.peers.verify(chain, role);
  if (found === null) throw linkErrors.error("LINK_PEER_UNKNOWN");
  if (!equalCredentials(credentialOf(found), credential)) throw linkErrors.error("LINK_PEER_WRONG", { field: "credential" });
  if (found.purpose !== `${role}-sign`) throw linkErrors.error("LINK_PEER_WRONG", { purpose: found.purpose });
  return found;
}

function requireIdentities(claims: Claims, parties: { readonly self: Name; readonly signer: VerifiedCertificate }): void {
  if (claims.recipient !== parties.self) throw linkErrors.error("LINK_RECIPIENT_WRONG");
  if (claims.originator !== parties.signer.name) throw linkErrors.error("LINK_PEER_WRONG", { field: "originator" });
  if (claims.originator === claims.recipient) throw linkErrors.error("LINK_FIELD_WRONG", { field: "recipient" });
  if (claims.receiveOnly) throw linkErrors.error("LINK_FIELD_WRONG", { field: "receiveOnly" });
}

function requireValidKey(
  claims: Claims,
  given: { readonly signer: VerifiedCertificate; readonly recipient: VerifiedCertificate; readonly nowSeconds: number },
): void {
  const { signer, recipient, nowSeconds } = given;
  if (nowSeconds < signer.notBeforeSeconds || nowSeconds > signer.notAfterSeconds) {
    throw linkErrors.error("LINK_PEER_WRONG", { field: "validity" });
  }
  const latest = Math.min(signer.notAfterSeconds, recipient.notAfterSeconds);
  if (claims.keyExpiresAtSeconds > latest) throw linkErrors.error("LINK_FIELD_WRONG", { field: "keyExpiresAt" });
  if (nowSeconds > claims.keyExpiresAtSeconds) throw linkErrors.error("LINK_MESSAGE_EXPIRED");
}

async function rememberOnce(context: RecipientContext, claims: Claims, rememberUntilSeconds: number): Promise<void> {
  const inserted = await context.replay.insert({
    mechanism: "signed-transport",
    originator: claims.originatorCredential,
    nonce: claims.nonce,
    rememberUntilSeconds,
  });
  if (inserted === "seen") throw linkErrors.error("LINK_MESSAGE_REPLAYED");
  if (inserted === "full") throw linkErrors.error("LINK_REPLAY_CACHE_FULL");
}
