import { type ErrorTable, errorTable, exitCodes } from "@sealane/wire";

const peer = { blame: "peer", retry: "never", http: 422, exit: exitCodes.notTrusted } as const;
const user = { blame: "user", retry: "never", http: 400, exit: exitCodes.usage } as const;
const internal = { blame: "internal", retry: "never", http: 500, exit: exitCodes.internal } as const;

export type SoftwareCode =
  | "FILE_READ_FAILED"
  | "FILE_WRITE_FAILED"
  | "ARTEFACT_FORMAT_WRONG"
  | "ARTEFACT_TRUNCATED"
  | "ARTEFACT_TRAILING_BYTES"
  | "ARTEFACT_ID_WRONG"
  | "ARTEFACT_KEY_WRONG"
  | "ARTEFACT_LIST_WRONG"
  | "ARTEFACT_LIST_DIGEST_WRONG"
  | "ARTEFACT_SEGMENT_WRONG"
  | "ARTEFACT_SEGMENT_DIGEST_WRONG"
  | "ARTEFACT_BODY_WRONG"
  | "ARTEFACT_SOURCE_CHANGED"
  | "ARTEFACT_SIZE_EXCEEDED"
  | "ARTEFACT_SEGMENT_SIZE_WRONG"
  | "ARTEFACT_INDEX_WRONG"
  | "ARCHIVE_MALFORMED"
  | "ARCHIVE_UNSAFE"
  | "ARCHIVE_ENTRY_MISSING"
  | "STATEMENT_CONTENT_WRONG"
  | "STATEMENT_SIGNER_WRONG"
  | "LICENCE_MALFORMED"
  | "LICENCE_UNTRUSTED"
  | "LICENCE_SIGNATURE_WRONG"
  | "LICENCE_ISSUER_WRONG"
  | "LICENCE_RECIPIENT_WRONG"
  | "LICENCE_MODEL_WRONG"
  | "LICENCE_ARTEFACT_WRONG"
  | "LICENCE_NOT_YET_VALID"
  | "LICENCE_EXPIRED"
  | "RELEASE_MALFORMED"
  | "RELEASE_UNTRUSTED"
  | "RELEASE_NOT_YET_VALID"
  | "RELEASE_PUBLISHER_EXPIRED"
  | "RELEASE_SIGNATURE_WRONG"
  | "RELEASE_DATED_AHEAD"
  | "RELEASE_PUBLISHER_WRONG"
  | "RELEASE_ARTEFACT_WRONG"
  | "RELEASE_LICENCE_WRONG"
  | "RELEASE_KEY_ROLE_WRONG"
  | "RELEASE_KEY_WRONG"
  | "ORDER_MALFORMED"
  | "ORDER_UNTRUSTED"
  | "ORDER_SIGNATURE_WRONG"
  | "ORDER_ISSUER_WRONG"
  | "ORDER_RECIPIENT_WRONG"
  | "ORDER_NOT_YET_VALID"
  | "ORDER_EXPIRED";

/** Errors of files, sealed artefacts, licences and release statements. */
export const softwareErrors: ErrorTable<SoftwareCode> = errorTable({
  FILE_READ_FAILED: {
    ...user,
    http: 500,
    sentence: "A file cannot be read",
    advice: "Check the path and its permissions",
  },
  FILE_WRITE_FAILED: {
    blame: "system",
    retry: "later",
    http: 507,
    exit: exitCodes.retryLater,
    sentence: "A file cannot be written",
    advice: "Check free space and permissions of its folder, then repeat the command",
  },
  ARTEFACT_FORMAT_WRONG: {
    ...peer,
    sentence: "This is not a sealed artefact, or its header was changed",
    advice: "Check that the file is one that `sealane publish` made; fetch it again",
  },
  ARTEFACT_TRUNCATED: {
    ...peer,
    retry: "later",
    exit: exitCodes.retryLater,
    sentence: "The artefact ends before it is complete",
    advice: "Resume the download or fetch the file again",
  },
  ARTEFACT_TRAILING_BYTES: {
    ...peer,
    sentence: "Bytes follow the end of the artefact",
    advice: "Do not use the file; fetch it again from another place",
  },
  ARTEFACT_ID_WRONG: {
    ...peer,
    sentence: "The artefact is another than the one that was asked for",
    advice: "Fetch it again from another place; if that fails, ask the publisher",
  },
  ARTEFACT_KEY_WRONG: {
    ...peer,
    sentence: "The content key is not the key of this artefact",
    advice: "Ask the server for the key of this artefact id",
  },
  ARTEFACT_LIST_WRONG: {
    ...peer,
    sentence: "The list of digests in the artefact's header was changed",
    advice: "Fetch the file again from another place; if that fails, ask the publisher",
  },
  ARTEFACT_LIST_DIGEST_WRONG: {
    ...peer,
    sentence: "The artefact holds other software than the licence names",
    advice: "Do not use the file; ask the licence's issuer",
  },
  ARTEFACT_SEGMENT_WRONG: {
    ...peer,
    sentence: "A segment of the artefact was changed, moved or cut",
    advice: "Fetch the segment again from another place",
  },
  ARTEFACT_SEGMENT_DIGEST_WRONG: {
    ...peer,
    sentence: "A segment holds other content than the publisher sealed: somebody who has the content key made it, or the disk changed it",
    advice: "Do not use the file; fetch it again from another place and tell the publisher",
  },
  ARTEFACT_BODY_WRONG: {
    ...peer,
    sentence: "The body of the artefact has not the digest that its header names",
    advice: "Fetch the file again from another place",
  },
  ARTEFACT_SOURCE_CHANGED: {
    ...user,
    retry: "later",
    http: 409,
    exit: exitCodes.retryLater,
    sentence: "The software changed while it was being sealed",
    advice: "Wait until nothing writes to it, then publish again",
  },
  ARTEFACT_SIZE_EXCEEDED: {
    ...user,
    http: 413,
    sentence: "The software is too large for segments of this size",
    advice: "Publish with larger segments: 1,048,576 of them are allowed, of up to 4 MiB each",
  },
  ARTEFACT_SEGMENT_SIZE_WRONG: {
    ...user,
    sentence: "The segment size is not between 64 KiB and 4 MiB",
    advice: "Leave it out for 1 MiB, or name a size between 65536 and 4194304",
  },
  ARTEFACT_INDEX_WRONG: {
    ...internal,
    sentence: "A segment was asked for that the artefact does not have",
    advice: "Report this as a defect",
  },
  ARCHIVE_MALFORMED: {
    ...peer,
    sentence: "The software is not a tar archive that can be read",
    advice: "The publisher makes it again as a ustar, GNU or pax archive without compression",
  },
  ARCHIVE_UNSAFE: {
    ...peer,
    sentence: "The archive has an entry that may not be installed",
    advice: "The publisher makes it again: files, folders, links that stay inside, hard links to files before them, each path once",
  },
  ARCHIVE_ENTRY_MISSING: {
    ...peer,
    exit: exitCodes.incompatible,
    sentence: "The archive does not hold the program that its description names",
    advice: "The publisher names a file of the archive, or a link that leads to one",
  },
  STATEMENT_CONTENT_WRONG: {
    ...user,
    sentence: "What the licence or release is to say is not allowed",
    advice: "Correct the field that is named",
  },
  STATEMENT_SIGNER_WRONG: {
    ...user,
    http: 500,
    exit: exitCodes.configuration,
    sentence: "The signing certificate is not that of the key, of the name or for the purpose of this statement",
    advice: "Check which key and certificate are configured for signing licences or releases",
  },
  LICENCE_MALFORMED: {
    ...peer,
    sentence: "This is not a licence, or its content is not allowed",
    advice: "Ask the issuer for a new licence",
  },
  LICENCE_UNTRUSTED: {
    ...peer,
    sentence: "The certificate that signed the licence is not trusted for licences",
    advice: "Check which licence issuers this terminal trusts; ask the operator",
  },
  LICENCE_SIGNATURE_WRONG: {
    ...peer,
    sentence: "The licence was changed after it was signed",
    advice: "Do not use it; ask the issuer for a new licence",
  },
  LICENCE_ISSUER_WRONG: {
    ...peer,
    sentence: "The licence names another issuer than its certificate",
    advice: "Do not use it; ask the operator",
  },
  LICENCE_RECIPIENT_WRONG: {
    ...peer,
    sentence: "The licence is for another recipient",
    advice: "Ask the issuer for a licence for this terminal",
  },
  LICENCE_MODEL_WRONG: {
    ...peer,
    exit: exitCodes.incompatible,
    sentence: "The software is not for this model",
    advice: "Fetch the version that is made for this model",
  },
  LICENCE_ARTEFACT_WRONG: {
    ...peer,
    sentence: "The licence is for another artefact",
    advice: "Ask the issuer for a licence for this artefact",
  },
  LICENCE_NOT_YET_VALID: {
    ...peer,
    retry: "later",
    exit: exitCodes.retryLater,
    sentence: "The licence is not valid yet",
    advice: "Check this machine's clock, or wait until the licence begins",
  },
  LICENCE_EXPIRED: {
    ...peer,
    exit: exitCodes.expired,
    sentence: "The licence has expired",
    advice: "Ask the issuer for a new licence; check this machine's clock",
  },
  RELEASE_MALFORMED: {
    ...peer,
    sentence: "This is not a release statement, or its content is not allowed",
    advice: "Publish the software again with this version of sealane",
  },
  RELEASE_UNTRUSTED: {
    ...peer,
    sentence: "The certificate that signed the release is not trusted for releases",
    advice: "Let a publisher of this authority sign the release",
  },
  RELEASE_NOT_YET_VALID: {
    ...peer,
    retry: "later",
    exit: exitCodes.retryLater,
    sentence: "The publisher's certificate is not valid yet",
    advice: "Check this machine's clock",
  },
  RELEASE_PUBLISHER_EXPIRED: {
    ...peer,
    exit: exitCodes.expired,
    sentence: "The certificate of the release's publisher has ended",
    advice: "Let the publisher sign the release anew with a certificate of now; what is installed goes on running",
  },
  RELEASE_SIGNATURE_WRONG: {
    ...peer,
    sentence: "The release statement was changed after it was signed",
    advice: "Do not use it; ask the publisher for it again",
  },
  RELEASE_DATED_AHEAD: {
    ...peer,
    sentence: "The release was published at a time that has not come yet",
    advice: "Check this machine's clock; where it is right, let the publisher set his own and sign the release anew",
  },
  RELEASE_PUBLISHER_WRONG: {
    ...peer,
    sentence: "The release names another publisher than its certificate",
    advice: "Do not use it; ask the publisher",
  },
  RELEASE_ARTEFACT_WRONG: {
    ...peer,
    sentence: "The release is of another artefact",
    advice: "Ask the publisher for the statement of this artefact",
  },
  RELEASE_LICENCE_WRONG: {
    ...peer,
    sentence: "The licence is for other software than the publisher released",
    advice: "Do not use it; ask the operator who issued the licence, and the publisher what was released",
  },
  RELEASE_KEY_ROLE_WRONG: {
    ...user,
    exit: exitCodes.configuration,
    sentence: "The certificate is not one of a key role, to which content keys may be sealed",
    advice: "Name the server's decryption certificate",
  },
  RELEASE_KEY_WRONG: {
    ...peer,
    sentence: "The sealed content key is not for this server, or not for this release, publisher and grade",
    advice: "Publish again to the certificate that this server has now",
  },
  ORDER_MALFORMED: {
    ...peer,
    sentence: "The order cannot be read, or asks for something that this version does not know",
    advice: "Check that both ends run the same version of Sealane, and that the file is whole",
  },
  ORDER_UNTRUSTED: {
    ...peer,
    sentence: "The order is not signed by an operator of this terminal's authority",
    advice: "Do not follow it; ask the operator for it again",
  },
  ORDER_SIGNATURE_WRONG: {
    ...peer,
    sentence: "The order was changed after it was signed",
    advice: "Do not follow it; ask the operator for it again",
  },
  ORDER_ISSUER_WRONG: {
    ...peer,
    sentence: "The order names another operator than the one who signed it",
    advice: "Do not follow it; ask the operator",
  },
  ORDER_RECIPIENT_WRONG: {
    ...peer,
    sentence: "The order is for other terminals",
    advice: "Ask the operator for an order for this one",
  },
  ORDER_NOT_YET_VALID: {
    ...peer,
    sentence: "The order begins at a time that has not come yet",
    advice: "Check this machine's clock, and the operator's",
  },
  ORDER_EXPIRED: {
    ...peer,
    exit: exitCodes.expired,
    sentence: "The order is over",
    advice: "Check this machine's clock; ask the operator for a new order",
  },
});
