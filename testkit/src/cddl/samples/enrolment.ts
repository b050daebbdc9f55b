import {
  certificateChainCodec,
  type EnrolCertificates,
  enrolInfoCodec,
  enrolRequestCodec,
  inboxStatementCodec,
  maxEnrolReplyBytes,
  parseEnrolToken,
  proveEnrolment,
  requestEnrolment,
  routes,
  verifyEnrolInfo,
  verifyEnrolReply,
} from "@sealane/api";
import { keyKindsOf, PublicKey, SoftwareKey, suites, systemRandom } from "@sealane/crypto";
import type { PeerDirectory, Self } from "@sealane/link";
import { credentialOf, equalCredentials, verifyCertificate } from "@sealane/pki";
import { type Codec, decodeAs, encodeAs, formatBase64Url, parseBase64Url } from "@sealane/wire";
import { testNowSeconds } from "../../parties.ts";
import type { LocalServer } from "./local-server.ts";
import type { Samples } from "./sample.ts";

/** An enrolled terminal: its keys, and whom it deals with. */
export interface EnrolledTerminal {
  readonly self: Self;
  readonly certificates: EnrolCertificates;
}

const nowSeconds = testNowSeconds;
const everyKind = keyKindsOf(suites);
const tokenPrefix = "sealane-enrol-1.";

/** Enrols a terminal at the server: the token, and what goes both ways. */
export async function enrolTerminal(samples: Samples, server: LocalServer): Promise<EnrolledTerminal> {
  const written = await server.token("terminal-1", "m1");
  samples.seeSent("enrol-token", parseBase64Url(written.slice(tokenPrefix.length)), (bytes) =>
    parseEnrolToken(tokenPrefix + formatBase64Url(bytes)),
  );
  const token = parseEnrolToken(written);
  const info = samples.seeSent("enrol-info", await server.get(routes.enrol), reading(enrolInfoCodec));
  const authority = verifyEnrolInfo(info, { token, nowSeconds });
  const signing = everyKind.signing.map((kind) => SoftwareKey.generate(kind).signingKey());
  const decryption = everyKind.decryption.map((kind) => SoftwareKey.generate(kind).decryptionKey());
  const agreement = everyKind.agreement.map((kind) => SoftwareKey.generate(kind).agreementKey());
  const keys = { signing, decryption, agreement };
  using requested = await requestEnrolment({ token, keys, authority, nowSeconds, random: systemRandom });
  const reply = await server.post(routes.enrolments, samples.seeSent("enrol-request", requested.body));
  samples.seeSent("enrol-reply", reply);
  const certificates = await verifyEnrolReply(reply, { token, keys, authority, requested, nowSeconds });
  const proof = await proveEnrolment({ keys, certificates, authority, random: systemRandom });
  await server.post(routes.enrolProof, samples.seeSent("enrol-proof", proof));
  const { name } = token;
  partsOfEnrolment(samples, {
    ...token,
    signing: signing.map(({ publicKey }) => publicKey),
    decryption: decryption.map(({ publicKey }) => publicKey),
    agreement: agreement.map(({ publicKey }) => publicKey),
    certificates,
  });
  const own = { signing: certificates.signing, decryption: certificates.decryption, agreement: certificates.agreement };
  return { self: { name, role: "terminal", ...own }, certificates };
}

/** What is signed or encrypted on the way, by itself: so that its bounds can be compared with the code's. */
function partsOfEnrolment(
  samples: Samples,
  enrolled: ReturnType<typeof parseEnrolToken> & {
    readonly signing: readonly PublicKey[];
    readonly decryption: readonly PublicKey[];
    readonly agreement: readonly PublicKey[];
    readonly certificates: EnrolCertificates;
  },
): void {
  const { tokenId, tokenSecret, name, model, certificates } = enrolled;
  const spkisOf = (keys: readonly PublicKey[]): readonly Uint8Array[] => keys.map(({ spki }) => spki);
  const statement = {
    tokenId,
    tokenSecret,
    name,
    model,
    url: enrolled.url,
    fingerprint: enrolled.fingerprint,
    suiteNumbers: suites.map(({ id }) => id),
    signingSpkis: spkisOf(enrolled.signing),
    decryptionSpkis: spkisOf(enrolled.decryption),
    agreementSpkis: spkisOf(enrolled.agreement),
    issuedAtSeconds: nowSeconds,
    replyKey: systemRandom.bytes(32),
  };
  samples.see("enrol-statement", encodeAs(enrolRequestCodec, statement), (bytes) => {
    const read = reading(enrolRequestCodec)(bytes);
    for (const spki of [...read.signingSpkis, ...read.decryptionSpkis, ...read.agreementSpkis]) PublicKey.fromSpki(spki);
  });
  samples.see("chain", encodeAs(certificateChainCodec, certificates.serverSigning[0]?.chain ?? []), reading(certificateChainCodec));
  const inbox = { terminal: name, server: certificates.serverName, issuedAtSeconds: nowSeconds };
  samples.see("inbox-statement", encodeAs(inboxStatementCodec, inbox), reading(inboxStatementCodec));
}

/** Whom a terminal knows: its server. */
export function peersOf({ serverName, serverSigning }: EnrolCertificates): PeerDirectory {
  const anchors = serverSigning.map(({ anchor }) => anchor);
  return {
    find: (credential) => serverSigning.find((each) => equalCredentials(credential, credentialOf(each))) ?? null,
    verify: (chain) => verifyCertificate({ chain, anchors, purpose: "server-sign", name: serverName, nowSeconds }),
    decryption: () => null,
  };
}

/** What reads a message by its codec. */
export function reading<T>(codec: Codec<T>): (bytes: Uint8Array) => T {
  return (bytes) => decodeAs(codec, bytes, { maxBytes: 4 * maxEnrolReplyBytes, what: "message" });
}
