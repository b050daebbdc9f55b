import { encodeProven, enrolProofCodec, enrolViewDigest, maxEnrolRequestBytes, openRequestFor, statementAad } from "@sealane/api";
import { verifySign1 } from "@sealane/cose";
import { type VerifiedCertificate, verifyCertificate } from "@sealane/pki";
import { decodeAs, type Name, thumbprint } from "@sealane/wire";
import { serverErrors } from "../errors.ts";
import type { Enrolment, EnrolmentToken } from "../storage/enrolment-tokens.ts";
import type { Stores } from "../storage/stores.ts";
import type { SigningCertificate } from "../storage/terminals.ts";
import type { CaRole } from "./ca-role.ts";
import { requireConfirmed, viewOf } from "./view.ts";

/** A used token with what it issued. */
type UsedToken = EnrolmentToken & { readonly enrolment: Enrolment };

/**
 * Completes an enrolment: the terminal signed the view that this server had signed for it, with all certificates of both; its own for
 * decryption and agreement only the holders of their keys could read. That view is compared with what this server has now. The terminal takes
 * the place of the one that had its name before, whose messages go. The same proof again is right again and changes nothing. Gives
 * the terminal.
 *
 * Errors: API_VERSION_UNSUPPORTED, LINK_RECIPIENT_WRONG, WIRE_*, COSE_*, CRYPTO_*, SERVER_TOKEN_UNKNOWN, SERVER_TOKEN_EXPIRED,
 * SERVER_PROOF_WRONG, SERVER_KEY_TAKEN, PKI_*, STORE_*.
 */
export async function proveEnrolment(role: CaRole, body: Uint8Array): Promise<Name> {
  const opened = await openRequestFor([role.enrolment], { label: "enrol proof", body, maxBytes: maxEnrolRequestBytes });
  const proof = decodeAs(enrolProofCodec, opened, { maxBytes: maxEnrolRequestBytes, what: "proof" });
  const signer = thumbprint(proof.signingThumbprint);
  const token = await role.stores.enrolmentTokens.findBySigner(signer);
  const active = await role.stores.terminals.findBySigner(signer);
  const certificates = active ?? token?.enrolment ?? null;
  const name = active?.name ?? token?.name;
  if (certificates === null || name === undefined) throw serverErrors.error("SERVER_TOKEN_UNKNOWN");
  const keys = active === null ? (token?.enrolment?.keys ?? []) : await role.stores.terminals.keyChains(name);
  const { requestDigest, confirmation, signature } = proof;
  const viewDigest = enrolViewDigest(viewOf(role, { requestDigest, signingChain: certificates.signingChain, keys }));
  const { publicKey } = signerOf(role, certificates, name);
  try {
    requireConfirmed(role, confirmation, viewDigest);
    const detachedPayload = encodeProven(viewDigest, confirmation);
    verifySign1(signature, { publicKey, externalAad: statementAad("enrol proof"), detachedPayload });
  } catch (cause) {
    throw serverErrors.error("SERVER_PROOF_WRONG", { name }, cause);
  }
  if (active === null && isUsed(token)) await activate(role, token);
  return name;
}

function signerOf(role: CaRole, { signingChain: chain }: SigningCertificate, name: Name): VerifiedCertificate {
  return verifyCertificate({ chain, name, anchors: [role.anchor], purpose: "terminal-sign", nowSeconds: role.now() });
}

function isUsed(token: EnrolmentToken | null): token is UsedToken {
  return token !== null && token.enrolment !== null;
}

async function activate(role: CaRole, { id, name, model, expiresAtSeconds, enrolment }: UsedToken): Promise<void> {
  const nowSeconds = role.now();
  if (nowSeconds > expiresAtSeconds) throw serverErrors.error("SERVER_TOKEN_EXPIRED", { name });
  await role.atomically(async (stores) => {
    // A newer token for the name, made in the meantime, takes this one's place.
    if ((await stores.enrolmentTokens.find(id)) === null) throw serverErrors.error("SERVER_TOKEN_UNKNOWN", { name });
    if (await stores.terminals.areKeysTaken(name, enrolment)) throw serverErrors.error("SERVER_KEY_TAKEN", { name });
    await stores.terminals.activate({ ...enrolment, name, model, enrolledAtSeconds: nowSeconds });
    await forgetOther(stores, name);
  });
}

/** What was encrypted to the certificate before cannot be read any more; what its device holds of groups must not be used any more. */
async function forgetOther({ inbox, groups }: Stores, name: Name): Promise<void> {
  await inbox.clear(name);
  await groups.distrust(name);
}
