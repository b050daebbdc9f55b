import { type Secret, sha256 } from "@sealane/crypto";
import { type Credential, credentialCodec, credentialOf, type VerifiedCertificate } from "@sealane/pki";
import { byteString, bytesAs, type Fields, type Name, type Nonce, nameCodec, nonce, uint } from "@sealane/wire";
import type { BroadcastState } from "./broadcast-link.ts";
import { acceptOnce, freshnessFields, keyExpiryOf, licenceOf } from "./claims.ts";
import type { MessageHeader } from "./envelope.ts";
import { linkErrors } from "./errors.ts";
import type { Freshness } from "./freshness.ts";
import { type GroupReference, groupReferenceCodec } from "./group.ts";
import { extractKey, hashTranscript } from "./key-schedule.ts";
import type { MechanismName } from "./labels.ts";
import { defaultBroadcastSeconds, maxLicenceBytes } from "./limits.ts";
import { type NamedOriginatorContext, type OriginateOptions, ownSigning, type RecipientContext } from "./parties.ts";

/** What the originator of a broadcast signs about itself and the time; a licence is mandatory, and an end. */
export interface BroadcastClaims extends Freshness {
  readonly originator: Name;
  readonly originatorCredential: Credential;
  readonly nonce: Nonce;
  readonly keyExpiresAtSeconds: number;
  readonly licence: Uint8Array;
}

export const broadcastFields: Fields<BroadcastClaims> = {
  originator: nameCodec,
  originatorCredential: credentialCodec,
  ...freshnessFields,
  nonce: bytesAs(nonce),
  keyExpiresAtSeconds: uint(),
  licence: byteString({ min: 1, max: maxLicenceBytes }),
};

/** Makes the claims of a broadcast; 30 minutes unless told. Error: LINK_FIELD_WRONG without a licence. */
export function makeBroadcastClaims(
  { self, nowSeconds, random }: NamedOriginatorContext,
  options: OriginateOptions,
  latestSeconds: number = Number.MAX_SAFE_INTEGER,
): BroadcastClaims {
  const { certificate: signing } = ownSigning(self, options.suite);
  const licence = licenceOf(options);
  if (licence === null) throw linkErrors.error("LINK_FIELD_WRONG", { field: "licence" });
  const wished = keyExpiryOf({ keyLifeSeconds: defaultBroadcastSeconds, ...options }, nowSeconds, [signing]);
  const keyExpiresAtSeconds = Math.min(wished, latestSeconds);
  return {
    originator: self.name,
    originatorCredential: credentialOf(signing),
    issuedAtSeconds: nowSeconds,
    challenge: null,
    expiresAtSeconds: options.expiresAtSeconds ?? keyExpiresAtSeconds,
    nonce: nonce(random.bytes(16)),
    keyExpiresAtSeconds,
    licence,
  };
}

/**
 * Accepts the claims of a broadcast: name, time, key life, and that it is new. A repeated one is a replay, which a listener passes over.
 * `storedSeconds` is how long one is accepted unless the listener's policy says otherwise.
 * Errors: LINK_PEER_WRONG, LINK_FIELD_WRONG (no end), those of `acceptOnce`.
 */
export async function acceptBroadcastClaims(
  context: RecipientContext,
  mechanism: MechanismName,
  given: { readonly claims: BroadcastClaims; readonly signer: VerifiedCertificate; readonly storedSeconds?: number },
): Promise<void> {
  const { claims, signer, storedSeconds } = given;
  if (claims.originator !== signer.name) throw linkErrors.error("LINK_PEER_WRONG", { field: "originator" });
  if (claims.expiresAtSeconds === null) throw linkErrors.error("LINK_FIELD_WRONG", { field: "expiresAt" });
  const freshness = storedSeconds === undefined ? context.freshness : { storedSeconds, ...context.freshness };
  await acceptOnce({ ...context, freshness }, { mechanism, claims, peer: [signer], own: [] });
}

/** What both ends make of a broadcast: its nonce is the salt, for nobody answers. */
export function settleBroadcast(input: {
  readonly header: MessageHeader;
  readonly claims: BroadcastClaims;
  readonly group: GroupReference | null;
  readonly message: Uint8Array;
  readonly secret: Secret;
}): BroadcastState {
  const { header, claims, group, message, secret } = input;
  const { originator, originatorCredential, issuedAtSeconds, keyExpiresAtSeconds, licence } = claims;
  const { mechanism, suite, sender: originatorRole } = header;
  const th = hashTranscript({
    mechanism,
    mode: null,
    suite,
    originatorRole,
    originator,
    recipient: null,
    originatorCredentials: { sign: originatorCredential },
    recipientCredentials: {},
    ...(group === null ? {} : { group: groupReferenceCodec.toCbor(group) }),
    messages: [sha256(message)],
  });
  const prk = extractKey(claims.nonce, secret);
  return { mechanism, suite, originatorRole, originator, group, th, prk, issuedAtSeconds, keyExpiresAtSeconds, licence };
}
