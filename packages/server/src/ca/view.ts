import { type ChainList, type EnrolView, encodeConfirmed, enrolViewDigest, statementAad } from "@sealane/api";
import { sign1, verifySign1 } from "@sealane/cose";
import { suitesOfKeys } from "@sealane/crypto";
import type { CborValue, Digest } from "@sealane/wire";
import type { TerminalKey, TerminalKeyPurpose } from "../storage/terminals.ts";
import type { CaRole } from "./ca-role.ts";

/** What of an enrolment this server has: whatever the terminal says later is compared with it. */
export interface EnrolmentSeen {
  readonly requestDigest: Digest;
  /** Of the key by which the terminal is known. */
  readonly signingChain: readonly Uint8Array[];
  readonly keys: readonly Pick<TerminalKey, "purpose" | "chain">[];
}

/** The view of both (docs/protocol.md, enrolment) as this server has it. */
export function viewOf(role: CaRole, { requestDigest, signingChain, keys }: EnrolmentSeen): EnrolView {
  const of = (wanted: TerminalKeyPurpose): ChainList => keys.filter(({ purpose }) => purpose === wanted).map(({ chain }) => chain);
  const chainsOf = (certificates: CaRole["signing"]): ChainList => certificates.map(({ chain }) => chain);
  const { name, signing, decryption, agreement } = role;
  return {
    requestDigest,
    terminalChains: { signingChains: [signingChain, ...of("sign")], decryptionChains: of("decrypt"), agreementChains: of("agree") },
    serverName: name,
    serverSuiteNumbers: suitesOfKeys({ signing, decryption, agreement }).map(({ id }) => id),
    serverChains: { signingChains: chainsOf(signing), decryptionChains: chainsOf(decryption), agreementChains: chainsOf(agreement) },
  };
}

/** Signs a view. Errors: what the handle throws. */
export async function confirm({ confirming }: CaRole, view: EnrolView): Promise<CborValue> {
  return await sign1(confirming.key, {
    payload: encodeConfirmed(enrolViewDigest(view)),
    detached: true,
    externalAad: statementAad("enrol view"),
  });
}

/** This server has signed this very view. Errors: COSE_*, CRYPTO_SIGNATURE_WRONG. */
export function requireConfirmed({ confirming }: CaRole, confirmation: CborValue, viewDigest: Digest): void {
  const { publicKey } = confirming.certificate;
  verifySign1(confirmation, { publicKey, externalAad: statementAad("enrol view"), detachedPayload: encodeConfirmed(viewDigest) });
}
