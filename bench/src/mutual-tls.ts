import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { duplexPair } from "node:stream";
import { connect, createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import { X509CertificateGenerator } from "@peculiar/x509";

/** The peer of the link benchmark: TLS 1.3 with Ed25519 certificates on both sides, in memory, both ends in this thread. */
export interface TlsPeer {
  /** One full mutual handshake without resumption. */
  handshake(): Promise<void>;
}

const algorithm = { name: "Ed25519" };

export async function makeTlsPeer(group: string): Promise<TlsPeer> {
  const { key, cert } = await selfSigned();
  const secureContext: SecureContext = createSecureContext({ key, cert, ca: cert, minVersion: "TLSv1.3", ecdhCurve: group });
  return {
    async handshake() {
      const [near, far] = duplexPair();
      const server = new TLSSocket(far, { isServer: true, secureContext, requestCert: true, rejectUnauthorized: true });
      const client = connect({ socket: near, secureContext, checkServerIdentity: () => undefined });
      await Promise.all([once(server, "secure"), once(client, "secureConnect")]);
      client.destroy();
      server.destroy();
    },
  };
}

async function selfSigned(): Promise<{ readonly key: string; readonly cert: string }> {
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: "CN=bench",
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(Date.now() - 86_400_000),
    notAfter: new Date(Date.now() + 86_400_000),
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  return { key: `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`, cert: certificate.toString("pem") };
}

async function once(socket: TLSSocket, event: "secure" | "secureConnect"): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    socket.once(event, () => resolve());
    socket.once("error", reject);
  });
}
