export { type ArtefactLayout, type ArtefactSizes, headerBytesFor, layoutOf, type SegmentRange, segmentRange } from "./artefact-format.ts";
export {
  type ArtefactHeader,
  artefactIdOf,
  artefactPrefixBytes,
  type HeaderFront,
  headerLengthFromPrefix,
  parseHeader,
  parseHeaderFront,
} from "./artefact-header.ts";
export { type ContentKey, takeContentKey } from "./artefact-keys.ts";
export {
  openNameless,
  PendingFile,
  readInto,
  reading,
  syncFolder,
  systemReason,
  writeAll,
  writeFileAtomic,
  writing,
} from "./atomic-file.ts";
export {
  type Authorisation,
  isSameSoftware,
  type VerifiedAuthorisation,
  type VerifyAuthorisationInput,
  verifyAuthorisation,
} from "./authorisation.ts";
export { giveBack, settleAllocator } from "./buffers.ts";
export { type SoftwareCode, softwareErrors } from "./errors.ts";
export { FileLock } from "./file-lock.ts";
export { type FormerRelease, openFormerContentKey, verifyFormerRelease } from "./former-release.ts";
export { anonymousRecipient, everyRecipient } from "./labels.ts";
export {
  issueLicence,
  type KeyRetention,
  keyRetentions,
  type Licence,
  type LicenceContent,
  type LicenceId,
  type LicenceRecipient,
  licenceId,
  parseLicence,
} from "./licence.ts";
export {
  defaultSegmentBytes,
  maxLicenceBytes,
  maxOrderBytes,
  maxPublicationBytes,
  maxReleaseBytes,
  maxSealedKeyBytes,
  maxSegmentBytes,
  minSegmentBytes,
} from "./limits.ts";
export { ArtefactOpener, type ExpectedArtefact, requireDescribed } from "./open.ts";
export { type OpenFileOptions, openFile, readArtefactHeader } from "./open-file.ts";
export { type Order, type OrderAction, parseOrder, signOrder, type VerifiedOrder, verifyOrder } from "./order.ts";
export { encodePublication, type IssueReleaseInput, issueRelease, type Publication, parsePublication } from "./publication.ts";
export {
  type Grade,
  grades,
  parseRelease,
  type Release,
  type ReleaseContent,
  signRelease,
  type VerifiedRelease,
  verifyRelease,
} from "./release.ts";
export { ArtefactSealer, type SealedArtefact, type SealedSegment, type SealOptions, sealBytes } from "./seal.ts";
export { type Progress, type SealFileOptions, sealFile } from "./seal-file.ts";
export { openContentKey, parseSealedContentKey, type SealedKeyBinding, sealContentKey } from "./sealed-content-key.ts";
export type { StatementSigner, StatementTrust } from "./signed-statement.ts";
export {
  type SoftwareClass,
  type SoftwareDescription,
  type SoftwareFormat,
  softwareClasses,
  softwareDescriptionCodec,
  softwareFormats,
} from "./software-description.ts";
export { hashSoftwareFile, SegmentHasher, type SoftwareHash } from "./software-hash.ts";
export { type ArtefactSummary, ArtefactVerifier, inspectArtefact, type VerifyOptions, verifyArtefactFile } from "./verify-artefact.ts";
export { type VerifiedLicence, type VerifyLicenceInput, verifyLicence } from "./verify-licence.ts";
