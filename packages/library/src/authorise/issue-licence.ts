import { type SigningKey, sha256 } from "@sealane/crypto";
import {
  anonymousRecipient,
  everyRecipient,
  issueLicence as issue,
  type KeyRetention,
  type LicenceId,
  type LicenceRecipient,
  licenceId,
} from "@sealane/software";
import type { ArtefactId, Digest } from "@sealane/wire";
import type { Environment } from "../environment.ts";
import type { CertifiedKey } from "../identity/identity.ts";
import { nameArgument } from "../own-arguments.ts";
import { descriptionOf, type SoftwareInput } from "./software.ts";

const licenceIdBytes = 16;

/** What a licence is to say. */
export interface IssueLicenceInput extends SoftwareInput {
  /** A key whose certificate is of the purpose `licence-sign`. */
  readonly issuer: CertifiedKey<SigningKey>;
  /** The name of a party, "anonymous" for one that stays unnamed, "*" for everybody. */
  readonly recipient: string;
  /** How long it may be used, from `notBeforeSeconds` on. */
  readonly lifeSeconds: number;
  /** Now unless told. */
  readonly notBeforeSeconds?: number;
  /** What the recipient may do, in your words: at most 32 of at most 64 characters. */
  readonly rights?: readonly string[];
  /** At most 1,024 bytes. */
  readonly copyright?: string;
  /** When the content key ends, if before the licence. */
  readonly keyExpiresAtSeconds?: number;
  /** Whether the recipient keeps the content key; its own policy decides unless told. */
  readonly keyRetention?: KeyRetention;
  readonly environment: Environment;
}

/** A licence as its issuer has it: what to send, and what to wrap the content key for. */
export interface IssuedLicence {
  /** The encoded licence. */
  readonly bytes: Uint8Array;
  readonly licenceId: LicenceId;
  readonly artefactId: ArtefactId;
  /** SHA-256 of `bytes`. */
  readonly digest: Digest;
}

/**
 * Issues a licence. Errors: STATEMENT_CONTENT_WRONG with the field, STATEMENT_SIGNER_WRONG for a certificate of another purpose,
 * LIBRARY_ARGUMENT_WRONG for a recipient that no party can be; what the key handle throws.
 */
export async function issueLicence(input: IssueLicenceInput): Promise<IssuedLicence> {
  const { issuer, environment, lifeSeconds } = input;
  const nowSeconds = environment.clock.nowSeconds();
  const notBeforeSeconds = input.notBeforeSeconds ?? nowSeconds;
  const id = licenceId(environment.random.bytes(licenceIdBytes));
  const bytes = await issue({
    key: issuer.key,
    chain: issuer.certificate.chain,
    licence: {
      ...descriptionOf(input),
      issuer: issuer.certificate.name,
      recipient: parseRecipient(input.recipient),
      licenceId: id,
      issuedAtSeconds: nowSeconds,
      notBeforeSeconds,
      expiresAtSeconds: notBeforeSeconds + lifeSeconds,
      rights: input.rights ?? [],
      copyright: input.copyright ?? null,
      keyExpiresAtSeconds: input.keyExpiresAtSeconds ?? null,
      keyRetention: input.keyRetention ?? null,
    },
  });
  return { bytes, licenceId: id, artefactId: input.artefact.artefactId, digest: sha256(bytes) };
}

function parseRecipient(recipient: string): LicenceRecipient {
  return recipient === anonymousRecipient || recipient === everyRecipient ? recipient : nameArgument("recipient", recipient);
}
