import {
  type EnrolAuthority,
  type EnrolCertificates,
  type EnrollingKeys,
  type EnrolToken,
  maxEnrolReplyBytes,
  mediaType,
  parseEnrolToken,
  proveEnrolment,
  requestEnrolment,
  routes,
  verifyEnrolInfo,
  verifyEnrolReply,
} from "@sealane/api";
import {
  type AgreementKey,
  type DecryptionKey,
  type KeyKind,
  type KeyPurpose,
  keyKindsOf,
  type SigningKey,
  type Suite,
  standardSuites,
  suitesNamed,
} from "@sealane/crypto";
import { type HttpClient, urlOf } from "@sealane/http";
import type { CertifiedKey } from "@sealane/link";
import { type TrustAnchor, trustAnchor } from "@sealane/pki";
import { equalBytes, hasCode, type Name, SealaneError } from "@sealane/wire";
import { parseBaseUrl } from "./base-url.ts";
import { changing, removeTemporary } from "./disk.ts";
import { terminalErrors } from "./errors.ts";
import { type Identity, type KeyIdentity, keysOf, loadIdentity, saveIdentity } from "./identity.ts";
import { agreementKeyPrefix, decryptionKeyPrefix, signingKeyPrefix, stateVersion } from "./labels.ts";
import { openHttp } from "./least-rate.ts";
import { finishOrder } from "./orders.ts";
import { retrying } from "./retry.ts";
import { StateLock } from "./state-lock.ts";
import { requireNoWeaker, suiteFloorOf } from "./suite-floor.ts";
import type { Terminal } from "./terminal.ts";

export interface EnrolInput {
  /** The token as the operator handed it over. */
  readonly token: string;
  /** Names of the suites that the terminal is to have keys for, and may be enrolled with if all are weaker than before. Default: the standard suites. */
  readonly suites?: readonly string[];
  /** `pkcs11:` URI of a token that is to make and keep the keys; `object=NAME` begins their labels. Files unless told. */
  readonly key?: string;
  /** Leave the server that this terminal is enrolled with; software under licences of another authority will not run any more. */
  readonly replace?: boolean;
}

export interface Enrolled {
  readonly name: Name;
  readonly model: string;
  readonly url: string;
  readonly serverName: Name;
  /** SHA-256 of the authority's certificate, hex. */
  readonly fingerprint: string;
  readonly certificateExpiresAtSeconds: number;
}

/**
 * Enrols this terminal: checks the server against the token's fingerprint, makes keys, has them certified, proves that it holds
 * them, and writes its identity last (docs/protocol.md, enrolment). After a crash at any point the same call with the same token
 * goes on with the same keys; until the identity is written the terminal is what it was before. Other commands may run meanwhile: one
 * that began under an enrolment that this one replaces ends with TERMINAL_ENROLMENT_CHANGED and leaves the new one alone.
 *
 * Errors: ENROL_TOKEN_MALFORMED, CRYPTO_SUITE_UNKNOWN, TERMINAL_ADDRESS_WRONG, TERMINAL_ALREADY_ENROLLED, TERMINAL_ENROLLED_OTHERWISE, TERMINAL_STATE_LOCKED, PKI_FINGERPRINT_WRONG
 * and other PKI_* when the server or what it issued is not to be trusted, ENROL_REPLY_WRONG, ENROL_REFUSED, TERMINAL_SUITE_WEAKER, CRYPTO_*, COSE_*,
 * WIRE_*, KEYSTORE_*, those of the HTTP client, TERMINAL_DISK_FULL, FILE_WRITE_FAILED.
 */
export async function enroll(terminal: Terminal, input: EnrolInput): Promise<Enrolled> {
  const token = parseEnrolToken(input.token);
  const url = parseBaseUrl(token.url);
  const suites = input.suites === undefined ? standardSuites : suitesNamed(input.suites);
  await finishOrder(terminal);
  using _enrolling = await StateLock.take(terminal.folder, "enrolment");
  const former = await loadIdentity(terminal);
  if (input.replace !== true && former !== null) throw enrolledAlready(former, token);
  const place = { token: input.key ?? null };
  if (place.token !== null) await terminal.token(place.token).requireSuites(suites);
  await tidy(terminal);
  using http = openHttp(terminal);
  stage(terminal, "check server");
  const connection = { terminal, token, url, http };
  const { authority, nowSeconds } = await fetchAuthority(connection);
  const session: Session = { ...connection, nowSeconds };
  stage(terminal, "make keys");
  const keys = await makeKeys(session, { place, suites });
  stage(terminal, "request certificates");
  const certificates = await requestCertificates(session, { keys, authority });
  requireNoWeaker(certificates.commonSuites, { floor: former === null ? null : await suiteFloorOf(terminal, former), named: input.suites });
  stage(terminal, "prove keys");
  await sendProof(session, { keys, certificates, authority });
  const { anchor } = authority;
  const identity = identityOf(session, { keys, anchor, certificates, place });
  // Whoever gave the token may set the time right: the floor begins anew, at what the authority says.
  const all = [...certificates.signing, ...certificates.decryption, ...certificates.agreement].map(({ certificate }) => certificate);
  {
    using _lock = await StateLock.takeSoon(terminal, "downloads");
    await terminal.clock.restart(Math.max(...all.map(({ notBeforeSeconds }) => notBeforeSeconds)));
    await saveIdentity(terminal, identity);
    await removeOtherKeys(terminal, { own: keys, place, former });
  }
  return {
    name: token.name,
    model: token.model,
    url: identity.url,
    serverName: identity.serverName,
    fingerprint: anchor.thumbprint.toHex(),
    certificateExpiresAtSeconds: Math.min(...all.map(({ notAfterSeconds }) => notAfterSeconds)),
  };
}

/** A token for what this terminal is already asks for nothing; any other asks for what was not done. */
function enrolledAlready(former: Identity, token: EnrolToken): Error {
  const isOfItsRoot = equalBytes(trustAnchor(former.authority).thumbprint, token.fingerprint);
  const isSame = isOfItsRoot && former.name === token.name && former.model === token.model;
  const { name, serverName } = former;
  return isSame
    ? terminalErrors.error("TERMINAL_ALREADY_ENROLLED", { name, server: serverName })
    : terminalErrors.error("TERMINAL_ENROLLED_OTHERWISE", { name, server: serverName, token: token.name });
}

/** What a killed process has left half-written. */
async function tidy(terminal: Terminal): Promise<void> {
  using _lock = await StateLock.takeSoon(terminal, "downloads");
  for (const folder of [terminal.folder.path, terminal.folder.keys]) await removeTemporary(folder);
}

interface Connection {
  readonly terminal: Terminal;
  readonly token: EnrolToken;
  readonly url: URL;
  readonly http: HttpClient;
}

interface Session extends Connection {
  /** The clock by which this enrolment is judged. */
  readonly nowSeconds: () => number;
}

/** Where the keys are: a token, or files. */
type KeyPlace = Pick<Identity, "token">;

interface Keys {
  /** One for each kind that the suites use, in their order. */
  readonly signing: readonly StoredKey<SigningKey>[];
  readonly decryption: readonly StoredKey<DecryptionKey>[];
  readonly agreement: readonly StoredKey<AgreementKey>[];
}

interface StoredKey<Key> {
  readonly id: string;
  readonly key: Key;
}

/**
 * Whoever gave the token may set the time right, so the machine's clock counts, and a floor that is too high refuses nothing. Only a
 * machine that has no clock, and says a time before the server's certificates, is judged by its floor.
 */
async function fetchAuthority({ terminal, token, url, http }: Connection): Promise<{
  readonly authority: EnrolAuthority;
  readonly nowSeconds: () => number;
}> {
  const request = { method: "GET", url: urlOf(url, routes.enrol) } as const;
  const bytes = await retrying(terminal, () => http.exchange(request, { type: mediaType.cbor, maxBytes: maxEnrolReplyBytes }));
  const judgedBy = (nowSeconds: () => number): { readonly authority: EnrolAuthority; readonly nowSeconds: () => number } => ({
    authority: verifyEnrolInfo(bytes, { token, nowSeconds: nowSeconds() }),
    nowSeconds,
  });
  try {
    return judgedBy(() => terminal.clock.machineSeconds());
  } catch (error) {
    if (!hasCode(error, "PKI_CERTIFICATE_NOT_YET_VALID")) throw error;
    return judgedBy(() => terminal.clock.nowSeconds());
  }
}

/** The keys of this token: those of a former attempt, or new ones. Their ids name the token, so that no two enrolments share keys. */
async function makeKeys(
  { terminal, token }: Session,
  wish: { readonly place: KeyPlace; readonly suites: readonly Suite[] },
): Promise<Keys> {
  const keys = keysOf(terminal, wish.place);
  const suffix = token.tokenId.toHex();
  const kinds = keyKindsOf(wish.suites);
  const ensure = async <Key>(
    prefix: string,
    wanted: { readonly kinds: readonly KeyKind[]; readonly purpose: KeyPurpose; readonly open: (id: string) => Promise<Key> },
  ): Promise<readonly StoredKey<Key>[]> => {
    const stored: StoredKey<Key>[] = [];
    for (const kind of wanted.kinds) {
      const id = `${prefix}${kind}-${suffix}`;
      if (!(await keys.has(id))) await changing(terminal.folder.keys, () => keys.generate(id, kind, wanted.purpose));
      stored.push({ id, key: await wanted.open(id) });
    }
    return stored;
  };
  return {
    signing: await ensure(signingKeyPrefix, { kinds: kinds.signing, purpose: "sign", open: (id) => keys.signingKey(id) }),
    decryption: await ensure(decryptionKeyPrefix, { kinds: kinds.decryption, purpose: "decrypt", open: (id) => keys.decryptionKey(id) }),
    agreement: await ensure(agreementKeyPrefix, { kinds: kinds.agreement, purpose: "agree", open: (id) => keys.agreementKey(id) }),
  };
}

async function requestCertificates(
  session: Session,
  given: { readonly keys: Keys; readonly authority: EnrolAuthority },
): Promise<EnrolCertificates> {
  const { terminal, token, url, http } = session;
  const { authority } = given;
  const keys = enrollingKeys(given.keys);
  const nowSeconds = session.nowSeconds();
  using requested = await requestEnrolment({ token, keys, authority, nowSeconds, random: terminal.random });
  const { body } = requested;
  const request = { method: "POST", url: urlOf(url, routes.enrolments), body, headers: { "content-type": mediaType.cbor } } as const;
  const reply = await retrying(terminal, () => http.exchange(request, { type: mediaType.cbor, maxBytes: maxEnrolReplyBytes }));
  return await verifyEnrolReply(reply, { token, keys, authority, requested, nowSeconds: session.nowSeconds() });
}

async function sendProof(
  session: Session,
  given: { readonly keys: Keys; readonly certificates: EnrolCertificates; readonly authority: EnrolAuthority },
): Promise<void> {
  const { terminal, url, http } = session;
  const { certificates, authority } = given;
  const body = await proveEnrolment({ keys: enrollingKeys(given.keys), certificates, authority, random: terminal.random });
  const headers = { "content-type": mediaType.cbor };
  await retrying(terminal, () => http.command({ method: "POST", url: urlOf(url, routes.enrolProof), body, headers }));
}

function enrollingKeys({ signing, decryption, agreement }: Keys): EnrollingKeys {
  return {
    signing: signing.map(({ key }) => key),
    decryption: decryption.map(({ key }) => key),
    agreement: agreement.map(({ key }) => key),
  };
}

function identityOf(
  session: Session,
  given: { readonly keys: Keys; readonly anchor: TrustAnchor; readonly certificates: EnrolCertificates; readonly place: KeyPlace },
): Identity {
  const { token, url } = session;
  const { keys, anchor, certificates, place } = given;
  return {
    version: stateVersion,
    name: token.name,
    model: token.model,
    url: url.href,
    authority: anchor.der,
    serverName: certificates.serverName,
    ...place,
    signing: keyIdentities(keys.signing, certificates.signing),
    decryption: keyIdentities(keys.decryption, certificates.decryption),
    agreement: keyIdentities(keys.agreement, certificates.agreement),
    serverSigningChains: certificates.serverSigning.map(({ chain }) => chain),
    serverDecryptionChains: certificates.serverDecryption.map(({ chain }) => chain),
    serverAgreementChains: certificates.serverAgreement.map(({ chain }) => chain),
    enrolledAtSeconds: session.nowSeconds(),
  };
}

function keyIdentities<Key>(stored: readonly StoredKey<Key>[], certified: readonly CertifiedKey<Key>[]): readonly KeyIdentity[] {
  return certified.flatMap(({ key, certificate }) =>
    stored.filter((own) => own.key === key).map(({ id }) => ({ keyId: id, chain: certificate.chain })),
  );
}

/**
 * Keys of the enrolment that was replaced, and of attempts that came to nothing. A token may have keys of other terminals, so that only
 * those that the former identity names are destroyed there, and while it is away none: what is left of them nobody certifies any more.
 */
async function removeOtherKeys(
  terminal: Terminal,
  { own, place, former }: { readonly own: Keys; readonly place: KeyPlace; readonly former: Identity | null },
): Promise<void> {
  const current = new Set([...own.signing, ...own.decryption, ...own.agreement].map(({ id }) => id));
  const prefixes = [signingKeyPrefix, decryptionKeyPrefix, agreementKeyPrefix];
  for (const id of await terminal.keys.list()) {
    const isOurs = prefixes.some((prefix) => id.startsWith(prefix));
    if (isOurs && (place.token !== null || !current.has(id))) await terminal.keys.remove(id);
  }
  if (former === null || former.token === null) return;
  for (const { keyId } of [...former.signing, ...former.decryption, ...former.agreement]) {
    if (current.has(keyId)) continue; // enrolled once more with the same token, whose URI may be spelled otherwise
    try {
      await terminal.token(former.token).remove(keyId);
    } catch (error) {
      if (!(error instanceof SealaneError)) throw error;
    }
  }
}

function stage(terminal: Terminal, name: string): void {
  terminal.onEvent({ kind: "stage", command: "enroll", stage: name });
}
