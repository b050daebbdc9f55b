import { type SigningKey, sha256 } from "@sealane/crypto";
import {
  anonymousRecipient,
  everyRecipient,
  issueLicence as issue,
  type KeyRetention,
  type LicenceId,
  type LicenceRecipient,
  licenceId,
  type SoftwareClass,
  type SoftwareFormat,
} from "@sealane/software";
import { type ArtefactId, type Digest, parseName } from "@sealane/wire";
import type { ArtefactFacts } from "../content/facts.ts";
import type { Environment } from "../environment.ts";
import type { CertifiedKey } from "../identity/identity.ts";

const licenceIdBytes = 16;

/** What a licence is to say. */
export interface IssueLicenceInput {
  /** A key whose certificate is of the purpose `licence-sign`. */
  readonly issuer: CertifiedKey<SigningKey>;
  readonly artefact: ArtefactFacts;
  /** The name of a party, "anonymous" for one that stays unnamed, "*" for everybody. */
  readonly recipient: string;
  /** What it is called: 1 to 64 of `a-z 0-9 . _ -`. */
  readonly module: string;
  /** For people: 1 to 64 printable ASCII characters. */
  readonly version: string;
  /** Which version is newer: a higher number. */
  readonly sequence: number;
  /** How long it may be used, from `notBeforeSeconds` on. */
  readonly lifeSeconds: number;
  /** Now unless told. */
  readonly notBeforeSeconds?: number;
  /** Models of terminals that it is for; none means all. */
  readonly models?: readonly string[];
  /** `content` unless told. */
  readonly softwareClass?: SoftwareClass;
  /** `file` unless told. */
  readonly format?: SoftwareFormat;
  /** The program inside it: a relative path; none unless told. */
  readonly entry?: string;
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
 * WIRE_SHAPE_WRONG for a recipient that no party can be; what the key handle throws.
 */
export async function issueLicence(input: IssueLicenceInput): Promise<IssuedLicence> {
  const { issuer, artefact, environment, lifeSeconds } = input;
  const nowSeconds = environment.clock.nowSeconds();
  const { artefactId, listDigest, sha256: plainDigest, plaintextBytes, segmentBytes } = artefact;
  const notBeforeSeconds = input.notBeforeSeconds ?? nowSeconds;
  const id = licenceId(environment.random.bytes(licenceIdBytes));
  const bytes = await issue({
    key: issuer.key,
    chain: issuer.certificate.chain,
    licence: {
      ...{ artefactId, listDigest, sha256: plainDigest, plaintextBytes, segmentBytes },
      issuer: issuer.certificate.name,
      recipient: parseRecipient(input.recipient),
      licenceId: id,
      issuedAtSeconds: nowSeconds,
      notBeforeSeconds,
      expiresAtSeconds: notBeforeSeconds + lifeSeconds,
      module: input.module,
      version: input.version,
      sequence: input.sequence,
      models: input.models ?? [],
      softwareClass: input.softwareClass ?? "content",
      format: input.format ?? "file",
      entry: input.entry ?? null,
      rights: input.rights ?? [],
      copyright: input.copyright ?? null,
      keyExpiresAtSeconds: input.keyExpiresAtSeconds ?? null,
      keyRetention: input.keyRetention ?? null,
    },
  });
  return { bytes, licenceId: id, artefactId, digest: sha256(bytes) };
}

function parseRecipient(recipient: string): LicenceRecipient {
  return recipient === anonymousRecipient || recipient === everyRecipient ? recipient : parseName(recipient);
}
