import type { ContinueContext, PeerDirectory } from "@sealane/link";
import { credentialOf, equalCredentials, verifyCertificate } from "@sealane/pki";
import type { Session } from "./link-client.ts";

/** What this terminal receives link messages with: its keys, and its server's certificates as enrolment left them. */
export function linkContext({ terminal, enrolment }: Session): ContinueContext {
  const nowSeconds = terminal.clock.nowSeconds();
  return { self: enrolment.self, peers: serverDirectory({ enrolment, nowSeconds }), freshness: { nowSeconds }, random: terminal.random };
}

/** Where certificates of the peer come from (KDIR): it is the server, and no other. */
function serverDirectory(given: { readonly enrolment: Session["enrolment"]; readonly nowSeconds: number }): PeerDirectory {
  const { enrolment, nowSeconds } = given;
  const { serverName, serverSigning, serverDecryption, anchors } = enrolment;
  return {
    find: (credential) => serverSigning.find((each) => equalCredentials(credential, credentialOf(each))) ?? null,
    verify: (chain) => verifyCertificate({ chain, anchors, purpose: "server-sign", name: serverName, nowSeconds }),
    decryption({ name, suite }) {
      const kind = suite.encryption.keyKind;
      return serverDecryption.find((certificate) => certificate.name === name && certificate.publicKey.kind === kind) ?? null;
    },
  };
}
