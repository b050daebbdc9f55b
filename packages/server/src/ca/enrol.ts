import { timingSafeEqual } from "node:crypto";
import {
  certificateChainCodec,
  type EnrolReply,
  type EnrolRequest,
  enrolReplyCodec,
  enrolRequestCodec,
  maxEnrolBytes,
  statementAad,
} from "@sealane/api";
import { openWithPrivateKey, parseSign1, requireBytes, sealToPublicKey, verifySign1 } from "@sealane/cose";
import { encryptionFor, PublicKey, sha256 } from "@sealane/crypto";
import { defaultToleranceSeconds, defaultWindowSeconds } from "@sealane/link";
import { parseCertificate } from "@sealane/pki";
import { issueCertificate } from "@sealane/pki/issue";
import { decode, decodeAs, encode, encodeAs, equalBytes, thumbprint } from "@sealane/wire";
import { serverErrors } from "../errors.ts";
import { backdateSeconds, certificateLifeSeconds } from "../limits.ts";
import type { Enrolment, EnrolmentToken } from "../storage/enrolment-tokens.ts";
import type { CertifiedDecryptionKey } from "../storage/terminals.ts";
import type { CaRole } from "./ca-role.ts";

/** A request whose signature is right: whoever sent it holds the signing key. */
interface SignedRequest extends EnrolRequest {
  readonly signingKey: PublicKey;
  /** In the order of the request. */
  readonly decryptionKeys: readonly PublicKey[];
}

/**
 * Enrols a terminal's keys: one encrypted request, signed by the new signing key and authorised by a one-time token. The token is
 * bound to the keys of the first request; the same request again gets the same certificates, which are active only when the
 * terminal has proved that it can read every decryption certificate ({@link proveEnrolment}).
 *
 * Errors: COSE_*, CRYPTO_*, WIRE_*, SERVER_STATEMENT_STALE, SERVER_TOKEN_UNKNOWN, SERVER_TOKEN_MISUSED, SERVER_TOKEN_EXPIRED,
 * SERVER_TOKEN_BOUND, SERVER_KEYS_WRONG, SERVER_KEY_TAKEN, PKI_KEY_WRONG, STORE_*.
 */
export async function enrol(role: CaRole, body: Uint8Array): Promise<Uint8Array> {
  const request = await openRequest(role, body);
  requireFresh(role, request);
  const token = await findToken(role, request);
  const enrolment = token.enrolment ?? (await bind(role, { request, token }));
  requireBoundTo(enrolment, request);
  return encodeAs(enrolReplyCodec, replyOf(role, { request, enrolment }));
}

async function openRequest(role: CaRole, body: Uint8Array): Promise<SignedRequest> {
  const { key } = role.enrolment;
  const externalAad = statementAad("enrol request");
  const plaintext = await openWithPrivateKey(encryptionFor(key.publicKey), key, { value: decode(body, maxEnrolBytes), externalAad });
  const signed = decode(plaintext, maxEnrolBytes);
  plaintext.fill(0);
  // The key that signs stands in what it signs: to hold it is what the signature proves.
  const unproven = decodeRequest(requireBytes(parseSign1(signed).rest[0]));
  const signingKey = PublicKey.fromSpki(unproven.signingSpki);
  const request = decodeRequest(verifySign1(signed, { publicKey: signingKey, externalAad }));
  const decryptionKeys = request.decryptionSpkis.map((spki) => PublicKey.fromSpki(spki));
  if (new Set(decryptionKeys.map(({ kind }) => kind)).size !== decryptionKeys.length) throw serverErrors.error("SERVER_KEYS_WRONG");
  return { ...request, signingKey, decryptionKeys };
}

function decodeRequest(payload: Uint8Array): EnrolRequest {
  return decodeAs(enrolRequestCodec, payload, { maxBytes: maxEnrolBytes, what: "enrol request" });
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
  const issue = async (purpose: "terminal-sign" | "terminal-decrypt", publicKey: PublicKey): Promise<Uint8Array> =>
    await issueCertificate({ authority, subject: { name, purpose, publicKey }, ...validity, random });
  const signing = await issue("terminal-sign", signingKey);
  const decryptionKeys: CertifiedDecryptionKey[] = [];
  for (const key of request.decryptionKeys) {
    decryptionKeys.push({ kind: key.kind, keyDigest: sha256(key.spki), chain: [await issue("terminal-decrypt", key)] });
  }
  const all = [signing, ...decryptionKeys.flatMap(({ chain }) => chain)];
  return {
    signingKeyDigest: sha256(signingKey.spki),
    signingThumbprint: thumbprint(sha256(signing)),
    signingChain: [signing],
    decryptionKeys,
    certificateExpiresAtSeconds: Math.min(...all.map((der) => parseCertificate(der).notAfterSeconds)),
    boundAtSeconds: nowSeconds,
  };
}

function requireBoundTo(enrolment: Enrolment, request: SignedRequest): void {
  const bound = [enrolment.signingKeyDigest, ...enrolment.decryptionKeys.map(({ keyDigest }) => keyDigest)];
  const asked = [request.signingKey, ...request.decryptionKeys].map(({ spki }) => sha256(spki));
  if (!equalBytes(encode(bound), encode(asked))) throw serverErrors.error("SERVER_TOKEN_BOUND", { name: request.name });
}

/** The certificates; each of decryption encrypted to its own key. */
function replyOf(role: CaRole, given: { readonly request: SignedRequest; readonly enrolment: Enrolment }): EnrolReply {
  const { request, enrolment } = given;
  const { random } = role;
  const externalAad = statementAad("enrol reply");
  const sealedDecryptionChains = request.decryptionKeys.map((publicKey, position) => {
    const plaintext = encodeAs(certificateChainCodec, enrolment.decryptionKeys[position]?.chain ?? []);
    return encode(sealToPublicKey(encryptionFor(publicKey), { publicKey, random }, { plaintext, externalAad }));
  });
  return {
    signingChain: enrolment.signingChain,
    sealedDecryptionChains,
    serverSigningChain: role.signing.chain,
    serverDecryptionChains: role.decryption.map(({ chain }) => chain),
  };
}
