import { timingSafeEqual } from "node:crypto";
import {
  certificateChainCodec,
  type EnrolReply,
  type EnrolRequest,
  enrolReplyCodec,
  enrolRequestCodec,
  maxEnrolRequestBytes,
  openRequestFor,
  signedEnrolRequestCodec,
  statementAad,
} from "@sealane/api";
import { parseSign1, requireBytes, sealToPublicKey, sealUnderKey, verifySign1 } from "@sealane/cose";
import { encryptionFor, type KeyPurpose, PublicKey, sha256, suitesOfKeys } from "@sealane/crypto";
import { defaultToleranceSeconds, defaultWindowSeconds } from "@sealane/link";
import { parseCertificate } from "@sealane/pki";
import { issueCertificate } from "@sealane/pki/issue";
import { type Digest, decodeAs, digest, encode, encodeAs, equalBytes, type Name, thumbprint } from "@sealane/wire";
import { serverErrors } from "../errors.ts";
import { backdateSeconds, certificateLifeSeconds } from "../limits.ts";
import type { Enrolment, EnrolmentToken } from "../storage/enrolment-tokens.ts";
import type { TerminalKey, TerminalKeyPurpose } from "../storage/terminals.ts";
import type { CaRole } from "./ca-role.ts";
import { confirm, viewOf } from "./view.ts";

/** A request whose signatures are right: whoever sent it holds the signing keys. */
interface SignedRequest extends EnrolRequest {
  /** By which the terminal is known. */
  readonly signingKey: PublicKey;
  /** All others, in the order of the request. */
  readonly keys: readonly RequestedKey[];
  /** SHA-256 of the request as it was signed. */
  readonly requestDigest: Digest;
}

/** What is sent to a terminal that has enrolled. */
export interface Enrolled {
  readonly terminal: Name;
  readonly reply: Uint8Array;
}

interface RequestedKey {
  readonly purpose: TerminalKeyPurpose;
  readonly publicKey: PublicKey;
}

/**
 * Enrols a terminal's keys: one encrypted request, signed by the new signing key and authorised by a one-time token. The token is
 * bound to the keys of the first request; the same request again gets the same certificates, which are active only when the
 * terminal has proved that it can read every certificate that was encrypted to its own key ({@link proveEnrolment}).
 *
 * Errors: API_VERSION_UNSUPPORTED, LINK_RECIPIENT_WRONG, COSE_*, CRYPTO_*, WIRE_*, SERVER_STATEMENT_STALE, SERVER_TOKEN_UNKNOWN, SERVER_TOKEN_MISUSED, SERVER_TOKEN_EXPIRED,
 * SERVER_TOKEN_BOUND, SERVER_KEYS_WRONG, SERVER_KEY_TAKEN, PKI_KEY_WRONG, STORE_*.
 */
export async function enrol(role: CaRole, body: Uint8Array): Promise<Enrolled> {
  const request = await openRequest(role, body);
  requireFresh(role, request);
  requireTrust(role, request);
  const token = await findToken(role, request);
  const enrolment = token.enrolment ?? (await bind(role, { request, token }));
  requireBoundTo(enrolment, request);
  const plaintext = encodeAs(enrolReplyCodec, await replyOf(role, { request, enrolment }));
  const reply = encode(sealUnderKey(request.replyKey, role.random, { plaintext, externalAad: statementAad("enrol reply") }));
  return { terminal: token.name, reply };
}

async function openRequest(role: CaRole, body: Uint8Array): Promise<SignedRequest> {
  const externalAad = statementAad("enrol request");
  const plaintext = await openRequestFor([role.enrolment], { label: "enrol request", body, maxBytes: maxEnrolRequestBytes });
  const { signed, alsoSigned } = decodeAs(signedEnrolRequestCodec, plaintext, { maxBytes: maxEnrolRequestBytes, what: "enrol request" });
  plaintext.fill(0);
  // The keys that sign stand in what they sign: to hold them is what the signatures prove.
  const unproven = decodeRequest(requireBytes(parseSign1(signed).rest[0]));
  const [signingKey, ...others] = requestedKeys("sign", unproven.signingSpkis);
  if (signingKey === undefined || alsoSigned.length !== others.length) throw serverErrors.error("SERVER_KEYS_WRONG", { purpose: "sign" });
  const payload = verifySign1(signed, { publicKey: signingKey.publicKey, externalAad });
  for (const [position, { publicKey }] of others.entries()) {
    verifySign1(alsoSigned[position] ?? null, { publicKey, externalAad, detachedPayload: payload });
  }
  const request = decodeRequest(payload);
  const keys = [...others, ...requestedKeys("decrypt", request.decryptionSpkis), ...requestedKeys("agree", request.agreementSpkis)];
  const spkis = new Set([signingKey, ...keys].map(({ publicKey }) => publicKey.spki.toHex()));
  if (spkis.size !== keys.length + 1) throw serverErrors.error("SERVER_KEYS_WRONG", { key: "for two purposes" });
  requireSuites(request, [signingKey, ...keys]);
  return { ...request, signingKey: signingKey.publicKey, keys, requestDigest: digest(sha256(payload)) };
}

/** The suites that a terminal says it can take part in are those that its keys are for. */
function requireSuites({ suiteNumbers }: EnrolRequest, keys: readonly RequestedKey[]): void {
  const of = (wanted: TerminalKeyPurpose): readonly RequestedKey[] => keys.filter(({ purpose }) => purpose === wanted);
  const suites = suitesOfKeys({ signing: of("sign"), decryption: of("decrypt"), agreement: of("agree") });
  if (!equalBytes(encode(suiteNumbers), encode(suites.map(({ id }) => id)))) {
    throw serverErrors.error("SERVER_KEYS_WRONG", { suites: suiteNumbers.join(" ") });
  }
}

/** The terminal trusts this authority, and no other that was put in its place. */
function requireTrust(role: CaRole, { fingerprint, name }: EnrolRequest): void {
  if (!equalBytes(fingerprint, role.anchor.thumbprint)) throw serverErrors.error("SERVER_TOKEN_MISUSED", { name });
}

/** The keys for one purpose, of which no two are of one kind. */
function requestedKeys(purpose: TerminalKeyPurpose, spkis: readonly Uint8Array[]): readonly RequestedKey[] {
  const keys = spkis.map((spki) => ({ purpose, publicKey: PublicKey.fromSpki(spki) }));
  const kinds = new Set(keys.map(({ publicKey }) => publicKey.kind));
  if (kinds.size !== keys.length) throw serverErrors.error("SERVER_KEYS_WRONG", { purpose });
  return keys;
}

function decodeRequest(payload: Uint8Array): EnrolRequest {
  return decodeAs(enrolRequestCodec, payload, { maxBytes: maxEnrolRequestBytes, what: "enrol request" });
}

function requireFresh(role: CaRole, { issuedAtSeconds }: EnrolRequest): void {
  const ageSeconds = role.now() - issuedAtSeconds;
  if (ageSeconds > defaultWindowSeconds + defaultToleranceSeconds || ageSeconds < -defaultToleranceSeconds) {
    throw serverErrors.error("SERVER_STATEMENT_STALE", { ageSeconds });
  }
}

/** The secret first: without it nobody learns anything of a token, not even whether it has expired. */
async function findToken(role: CaRole, request: EnrolRequest): Promise<EnrolmentToken> {
  const token = await role.stores.enrolmentTokens.find(request.tokenId);
  if (token === null) throw serverErrors.error("SERVER_TOKEN_UNKNOWN");
  const { name, model, expiresAtSeconds } = token;
  const details = { name };
  if (!timingSafeEqual(sha256(request.tokenSecret), token.secretDigest)) throw serverErrors.error("SERVER_TOKEN_MISUSED", details);
  if (request.name !== name || request.model !== model) throw serverErrors.error("SERVER_TOKEN_MISUSED", details);
  if (role.now() > expiresAtSeconds) throw serverErrors.error("SERVER_TOKEN_EXPIRED", details);
  return token;
}

/** Issues the certificates and binds the token to them; when another request was quicker, its enrolment counts. */
async function bind(role: CaRole, given: { readonly request: SignedRequest; readonly token: EnrolmentToken }): Promise<Enrolment> {
  const { request, token } = given;
  const enrolment = await issueEnrolment(role, request);
  return await role.atomically(async ({ enrolmentTokens, terminals }) => {
    if (await terminals.areKeysTaken(token.name, enrolment)) throw serverErrors.error("SERVER_KEY_TAKEN", { name: token.name });
    if (await enrolmentTokens.bind(token.id, enrolment)) return enrolment;
    const current = await enrolmentTokens.find(token.id);
    if (current === null || current.enrolment === null) throw serverErrors.error("SERVER_TOKEN_UNKNOWN");
    return current.enrolment;
  });
}

async function issueEnrolment(role: CaRole, request: SignedRequest): Promise<Enrolment> {
  const { authority, random } = role;
  const { name, signingKey } = request;
  const nowSeconds = role.now();
  const validity = { notBeforeSeconds: nowSeconds - backdateSeconds, notAfterSeconds: nowSeconds + certificateLifeSeconds };
  const issue = async (purpose: KeyPurpose, publicKey: PublicKey): Promise<Uint8Array> =>
    await issueCertificate({ authority, subject: { name, purpose: `terminal-${purpose}`, publicKey }, ...validity, random });
  const signing = await issue("sign", signingKey);
  const keys: TerminalKey[] = [];
  for (const { purpose, publicKey } of request.keys) {
    const { kind, spki } = publicKey;
    keys.push({ purpose, kind, keyDigest: sha256(spki), chain: [await issue(purpose, publicKey), authority.certificate] });
  }
  const all = [signing, ...keys.flatMap(({ chain }) => chain)];
  return {
    signingKeyDigest: sha256(signingKey.spki),
    signingThumbprint: thumbprint(sha256(signing)),
    signingChain: [signing, authority.certificate],
    keys,
    certificateExpiresAtSeconds: Math.min(...all.map((der) => parseCertificate(der).notAfterSeconds)),
    boundAtSeconds: nowSeconds,
  };
}

function requireBoundTo(enrolment: Enrolment, request: SignedRequest): void {
  const bound = [enrolment.signingKeyDigest, ...enrolment.keys.flatMap(({ purpose, keyDigest }) => [purpose, keyDigest])];
  const asked = [sha256(request.signingKey.spki), ...request.keys.flatMap(({ purpose, publicKey }) => [purpose, sha256(publicKey.spki)])];
  if (!equalBytes(encode(bound), encode(asked))) throw serverErrors.error("SERVER_TOKEN_BOUND", { name: request.name });
}

/** The certificates, all but those of the signing keys encrypted to their own keys, and what the server signs of all that both see. */
async function replyOf(role: CaRole, given: { readonly request: SignedRequest; readonly enrolment: Enrolment }): Promise<EnrolReply> {
  const { request, enrolment } = given;
  const { random } = role;
  const externalAad = statementAad("enrol certificate");
  const issued = request.keys.map((key, position) => ({ ...key, chain: enrolment.keys[position]?.chain ?? [] }));
  const sealedFor = (wanted: TerminalKeyPurpose): readonly Uint8Array[] =>
    issued
      .filter(({ purpose }) => purpose === wanted)
      .map(({ publicKey, chain }) => {
        const plaintext = encodeAs(certificateChainCodec, chain);
        return encode(sealToPublicKey(encryptionFor(publicKey), { publicKey, random }, { plaintext, externalAad }));
      });
  const view = viewOf(role, { requestDigest: request.requestDigest, signingChain: enrolment.signingChain, keys: enrolment.keys });
  return {
    signingChains: view.terminalChains.signingChains,
    sealedDecryptionChains: sealedFor("decrypt"),
    sealedAgreementChains: sealedFor("agree"),
    serverSuiteNumbers: view.serverSuiteNumbers,
    serverChains: view.serverChains,
    confirmation: await confirm(role, view),
  };
}
