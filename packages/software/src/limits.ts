/** Bounds of sealed artefacts, licences and release statements (docs/protocol.md, sealed artefact). */

/** Plaintext bytes of a segment: below 64 KiB tags and digests cost too much, above 4 MiB a lost piece does. */
export const minSegmentBytes: number = 64 * 1024;
export const maxSegmentBytes: number = 4 * 1024 * 1024;

/** 1 MiB measured best: 0.005 % overhead, and smaller or larger pieces are not faster. */
export const defaultSegmentBytes: number = 1024 * 1024;

/** Segments of one artefact: keeps the list of digests at 32 MiB, far below the 2^32 that the nonce can count. */
export const maxSegments: number = 2 ** 20;

/** Random bytes that a header begins with. */
export const saltBytes = 32;

/** Bytes of the content key and of what commits to it. */
export const contentKeyBytes = 32;
export const commitmentBytes = 32;

/** Random bytes at the start of a segment's nonce; 4 of index and 1 of the final flag follow (STREAM). */
export const noncePrefixBytes = 7;

/** Characters of a module's name, a version, a model, a right. */
export const maxWordBytes = 64;

/** Models that one version is for; a larger family is named by its own model. */
export const maxModels = 64;

/** Rights that one licence grants. */
export const maxRights = 32;

/** UTF-8 bytes of a copyright notice: a line, not a text of terms. */
export const maxCopyrightBytes = 1024;

/** UTF-8 bytes of the path of a program inside the software; what common file systems allow for one name. */
export const maxEntryBytes = 255;

/** Entries of one archive: the largest trees of system images and of node_modules stay below. */
export const maxArchiveEntries = 200_000;

/** Bytes of a path inside an archive, and of one part of it (NAME_MAX of common file systems). */
export const maxPathBytes = 1_024;
export const maxPathPartBytes = 255;

/** Parts of a path inside an archive: a system looks each of them up at every step, and at every start. */
export const maxPathDepth = 64;

/** Further names of one file of an archive; NTFS allows 1,023, others far more. */
export const maxHardLinks = 1_000;

/** Symbolic links that lead from one path to its file: as many as Linux follows (path_resolution(7)). */
export const maxLinksFollowed = 40;

/** Bytes of a licence's own id. */
export const licenceIdBytes = 16;

/**
 * Bytes of a licence and of a release: a leaf and an intermediate certificate with ML-DSA-65 keys and a signature of that kind (14.4 KB),
 * and every field as long as it may be (4.9 KB of description; a licence has 3.5 KB of names, rights and copyright besides).
 */
export const maxLicenceBytes: number = 24 * 1024;
export const maxReleaseBytes: number = 24 * 1024;

/** Bytes of a release of version 0.1. */
export const maxFormerReleaseBytes: number = 32 * 1024;
/** An order: for how long, for how many terminals by name, how many actions; bytes with the longest names and a chain as above. */
export const maxOrderLifeSeconds: number = 14 * 86_400;
export const maxOrderRecipients = 64;
export const maxOrderActions = 16;
export const maxOrderBytes: number = 26 * 1024;

/** Bytes of a content key encrypted to the key role: 48 of ciphertext, an X-Wing encapsulation of 1120, headers. */
export const maxEncryptedKeyBytes = 2048;

/** Bytes of a sealed content key: the encrypted key, a thumbprint, heads. */
export const maxSealedKeyBytes: number = maxEncryptedKeyBytes + 48;

/** Bytes of a publication: a release with its sealed content key. */
export const maxPublicationBytes: number = maxReleaseBytes + maxSealedKeyBytes + 16;

/** What two right clocks may differ by (docs/protocol.md, freshness). */
export const defaultToleranceSeconds = 60;
