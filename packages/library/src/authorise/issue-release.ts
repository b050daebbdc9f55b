import { type SigningKey, sha256 } from "@sealane/crypto";
import { type Grade, signRelease } from "@sealane/software";
import type { ArtefactId, Digest } from "@sealane/wire";
import type { Environment } from "../environment.ts";
import type { CertifiedKey } from "../identity/identity.ts";
import { descriptionOf, type SoftwareInput } from "./software.ts";

/** What a release is to say. */
export interface IssueReleaseInput extends SoftwareInput {
  /** A key whose certificate is of the purpose `release-sign`; who delivers needs no such key. */
  readonly publisher: CertifiedKey<SigningKey>;
  /** Whether the content key may become public, as a broadcast makes it; `confidential` unless told. */
  readonly grade?: Grade;
  /** The lowest sequence that may ever be gone back to: a security floor; 0 unless told. */
  readonly floorSequence?: number;
  readonly environment: Environment;
}

/** A release as its publisher has it. */
export interface IssuedRelease {
  /** The encoded release: what travels with every licence for this software. */
  readonly bytes: Uint8Array;
  readonly artefactId: ArtefactId;
  /** SHA-256 of `bytes`. */
  readonly digest: Digest;
}

/**
 * Signs a release, dated now. Errors: STATEMENT_CONTENT_WRONG with the field, also for a sequence above the seconds of now or a floor above
 * the sequence; STATEMENT_SIGNER_WRONG for a certificate of another purpose; what the key handle throws.
 */
export async function issueRelease(input: IssueReleaseInput): Promise<IssuedRelease> {
  const { publisher, environment, grade = "confidential", floorSequence = 0 } = input;
  const { key, certificate } = publisher;
  const publishedAtSeconds = environment.clock.nowSeconds();
  const release = { ...descriptionOf(input), publisher: certificate.name, publishedAtSeconds, grade, floorSequence };
  const bytes = await signRelease({ key, chain: certificate.chain, release });
  return { bytes, artefactId: input.artefact.artefactId, digest: sha256(bytes) };
}
