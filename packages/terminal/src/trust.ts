import { type DecryptionKey, sha256 } from "@sealane/crypto";
import type { TrustAnchor } from "@sealane/pki";
import { type Name, type Thumbprint, thumbprint } from "@sealane/wire";

/** What checking licences needs: no private key. */
export interface Trust {
  /** Null for a listener, which has none. */
  readonly name: Name | null;
  readonly model: string;
  readonly anchors: readonly TrustAnchor[];
  readonly standing: Standing;
}

/** A terminal that downloads: an enrolled one, or one that only listens. */
export interface Holder extends Trust {
  /** The enrolment that it acts under: the thumbprint of the first signing certificate. Null for a listener. */
  readonly enrolled: Thumbprint | null;
  /** Where its server is. */
  readonly url: URL;
  /** The key that this terminal's own secrets are kept under: that of the default suite. */
  readonly keeper: DecryptionKey;
}

/** What tells an enrolment from any other: the thumbprint of its first signing certificate. */
export function enrolmentOf({ signing }: { readonly signing: readonly { readonly chain: readonly Uint8Array[] }[] }): Thumbprint {
  return thumbprint(sha256(signing[0]?.chain[0] ?? new Uint8Array(0)));
}

/**
 * Who stands behind a server (TRUST): the operator that this terminal is enrolled with, or whom its user named when it began to listen.
 * A server without a certificate has nobody.
 */
export const standings = ["operator", "manufacturer", "third-party"] as const;
export type Standing = (typeof standings)[number];

const words: Readonly<Record<Standing, string>> = {
  operator: "the operator of this terminal",
  manufacturer: "its manufacturer",
  "third-party": "a third party that its user trusts",
};

/** Says in words who signed, and who vouches for that. */
export function describeTrust(by: { readonly signer: Name; readonly standing: Standing; readonly fingerprint: string }): string {
  return `Signed by ${by.signer}, for which the authority of ${words[by.standing]} vouches (CA fingerprint ${by.fingerprint})`;
}

/** Who stands behind the server of a link; nobody where it proved nothing of itself. */
export type ServerTrust = Standing | "untrusted";

const serverWords: Readonly<Record<Standing, (server: Name) => string>> = {
  operator: (server) => `operator's server ${server}`,
  manufacturer: (server) => `manufacturer's server ${server}`,
  "third-party": (server) => `server ${server} of a third party that the user of this terminal trusts`,
};

/** Says who the server of a link is, and who stands behind it; null for one that proved nothing of itself. */
export function describeServer(server: Name | null, standing: Standing): { readonly trust: ServerTrust; readonly server: string } {
  if (server === null) return { trust: "untrusted", server: "untrusted: this server proved nothing of itself" };
  return { trust: standing, server: `${serverWords[standing](server)}, proven by its certificate` };
}
