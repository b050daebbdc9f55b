import {
  maxEnrolReplyBytes,
  parseEnrolToken,
  proveEnrolment,
  requestEnrolment,
  routes,
  verifyEnrolInfo,
  verifyEnrolReply,
} from "@sealane/api";
import type { TrustAnchor, VerifiedCertificate } from "@sealane/pki";
import type { Name } from "@sealane/wire";
import type { Environment } from "../environment.ts";
import { exchange } from "./exchange.ts";
import type { Identity } from "./identity.ts";
import type { PartyKeys } from "./keys.ts";

/** What an enrolment needs. */
export interface EnrolInput {
  /** The one-time token as the operator of the server handed it over. */
  readonly token: string;
  /** Keys that outlive the process ({@link openKeys}): after a failure the same token and keys go on where it ended. */
  readonly keys: PartyKeys;
  readonly environment: Environment;
  /** Speaks HTTP: the global `fetch` unless told. */
  readonly fetch?: typeof fetch;
  /** Ends the enrolment; its reason is thrown. */
  readonly signal?: AbortSignal;
}

/** The server that a party is enrolled with. */
export interface EnrolledServer {
  readonly name: Name;
  readonly url: string;
  readonly signing: readonly VerifiedCertificate[];
  /** For `Party.originate`. */
  readonly decryption: readonly VerifiedCertificate[];
  /** Its static values for key agreement, one for each suite. */
  readonly agreement: readonly VerifiedCertificate[];
}

/** Who a party is from here on, and whom it trusts. */
export interface Enrolment {
  readonly identity: Identity;
  /** Of the party, as the token says. */
  readonly model: string;
  readonly trust: TrustAnchor;
  readonly server: EnrolledServer;
}

/**
 * Enrols with a Sealane server: checks it against the fingerprint in the token, has the keys certified and proves that it holds
 * them. What comes out is worth keeping: the certificates' `chain`s, the authority's `der`.
 *
 * Errors: ENROL_TOKEN_MALFORMED, ENROL_REFUSED, ENROL_REPLY_WRONG, PKI_FINGERPRINT_WRONG and other PKI_* when the server or what it
 * issued is not to be trusted, CRYPTO_*, COSE_*, WIRE_*; API_SERVER_UNREACHABLE, API_SERVER_BUSY, API_SERVER_FAILED,
 * API_RATE_EXCEEDED, after which the same call may succeed later; API_REPLY_WRONG; what key handles throw.
 */
export async function enrol(input: EnrolInput): Promise<Enrolment> {
  const { keys, environment } = input;
  const token = parseEnrolToken(input.token);
  const server = { url: token.url, fetch: input.fetch ?? fetch, signal: input.signal };
  const nowSeconds = (): number => environment.clock.nowSeconds();
  const info = await exchange(server, { method: "GET", path: routes.enrol, maxBytes: maxEnrolReplyBytes });
  const authority = verifyEnrolInfo(info, { token, nowSeconds: nowSeconds() });
  const { random } = environment;
  using requested = await requestEnrolment({ token, keys, authority, nowSeconds: nowSeconds(), random });
  const { body } = requested;
  const reply = await exchange(server, { method: "POST", path: routes.enrolments, body, maxBytes: maxEnrolReplyBytes });
  const certificates = await verifyEnrolReply(reply, { token, keys, authority, requested, nowSeconds: nowSeconds() });
  const proof = await proveEnrolment({ keys, certificates, authority, random });
  await exchange(server, { method: "POST", path: routes.enrolProof, body: proof, maxBytes: maxEnrolReplyBytes });
  const { signing, decryption, agreement, serverName, serverSigning, serverDecryption, serverAgreement } = certificates;
  return {
    identity: {
      name: token.name,
      role: "terminal",
      signing,
      decryption,
      agreement,
    },
    model: token.model,
    trust: authority.anchor,
    server: {
      name: serverName,
      url: token.url,
      signing: serverSigning,
      decryption: serverDecryption,
      agreement: serverAgreement,
    },
  };
}
