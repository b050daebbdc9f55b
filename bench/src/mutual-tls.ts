import "reflect-metadata";
import { constants, webcrypto } from "node:crypto";
import { type Duplex, duplexPair } from "node:stream";
import { connect, createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";

/**
 * The peer of the link benchmarks: mutual TLS 1.3 as a fleet has it, with certificates that one CA issued to both sides, each side
 * proving the other's chain, the client the server's name too; in memory, both ends in this thread. Contexts are made once;
 * there is no resumption, and the server is spared its session tickets.
 */
export interface TlsPeer {
  /** One full mutual handshake: both sides have proven the other. */
  handshake(): Promise<void>;
  /** Bytes of all its flights together. */
  readonly wireBytes: number;
}

/** Kinds of certificates, all of one handshake. */
export type TlsCertificates = "Ed25519" | "P-256" | "RSA-2048" | "RSA-3072" | "RSA-4096" | "ML-DSA-65";

/** What is signed with, as WebCrypto calls it. */
type Algorithm = { readonly name: string } & Partial<webcrypto.EcKeyGenParams & webcrypto.RsaHashedKeyGenParams>;

const algorithms: Readonly<Record<TlsCertificates, Algorithm>> = {
  Ed25519: { name: "Ed25519" },
  "P-256": { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  "RSA-2048": rsa(2048),
  "RSA-3072": rsa(3072),
  "RSA-4096": rsa(4096),
  "ML-DSA-65": { name: "ML-DSA-65" },
};

function rsa(modulusLength: number): Algorithm {
  return { name: "RSASSA-PKCS1-v1_5", modulusLength, publicExponent: Uint8Array.of(1, 0, 1), hash: "SHA-256" };
}

const serverName = "server.example";

export async function makeTlsPeer(wish: { readonly group: string; readonly certificates: TlsCertificates }): Promise<TlsPeer> {
  const { group } = wish;
  const algorithm = algorithms[wish.certificates];
  const authority = await makeAuthority(algorithm);
  const server = await contextOf(authority, { name: serverName, usage: ExtendedKeyUsage.serverAuth, group });
  const client = await contextOf(authority, { name: "terminal-1", usage: ExtendedKeyUsage.clientAuth, group });
  let wireBytes = 0;
  const handshake = async (): Promise<void> => {
    const [near, far] = duplexPair();
    if (wireBytes === 0) for (const side of [near, far]) countWritten(side, (bytes) => (wireBytes += bytes));
    const accepted = new TLSSocket(far, { isServer: true, secureContext: server, requestCert: true, rejectUnauthorized: true });
    const connected = connect({ socket: near, secureContext: client, servername: serverName });
    await Promise.all([once(accepted, "secure"), once(connected, "secureConnect")]);
    connected.destroy();
    accepted.destroy();
  };
  await handshake();
  return { handshake, wireBytes };
}

/** Counts what is written to a stream; it stays as it is otherwise. */
function countWritten(stream: Duplex, count: (bytes: number) => void): void {
  const write = stream._write.bind(stream);
  stream._write = (chunk: Buffer, encoding, done) => {
    count(chunk.length);
    write(chunk, encoding, done);
  };
}

interface Issued {
  readonly algorithm: Algorithm;
  readonly keys: webcrypto.CryptoKeyPair;
  readonly certificate: X509Certificate;
}

const dayMilliseconds = 86_400_000;
const validity = { notBefore: new Date(Date.now() - dayMilliseconds), notAfter: new Date(Date.now() + dayMilliseconds) };

async function makeKeys(algorithm: Algorithm): Promise<webcrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
}

async function makeAuthority(algorithm: Algorithm): Promise<Issued> {
  const keys = await makeKeys(algorithm);
  const extensions = [new BasicConstraintsExtension(true, undefined, true)];
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: "CN=bench authority",
    keys,
    signingAlgorithm: algorithm,
    extensions,
    ...validity,
  });
  return { algorithm, keys, certificate };
}

async function contextOf(
  authority: Issued,
  wish: { readonly name: string; readonly usage: string; readonly group: string },
): Promise<SecureContext> {
  const { algorithm } = authority;
  const keys = await makeKeys(algorithm);
  const leaf = await X509CertificateGenerator.create({
    subject: `CN=${wish.name}`,
    issuer: authority.certificate.subject,
    publicKey: keys.publicKey,
    signingKey: authority.keys.privateKey,
    signingAlgorithm: algorithm,
    extensions: [new ExtendedKeyUsageExtension([wish.usage]), new SubjectAlternativeNameExtension([{ type: "dns", value: wish.name }])],
    ...validity,
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  return createSecureContext({
    key: `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`,
    cert: leaf.toString("pem"),
    ca: authority.certificate.toString("pem"),
    minVersion: "TLSv1.3",
    ecdhCurve: wish.group,
    secureOptions: constants.SSL_OP_NO_TICKET,
  });
}

async function once(socket: TLSSocket, event: "secure" | "secureConnect"): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    socket.once(event, () => resolve());
    socket.once("error", reject);
  });
}
