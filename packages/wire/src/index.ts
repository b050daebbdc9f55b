export { formatBase64Url, parseBase64Url } from "./base64url.ts";
export {
  type ArtefactId,
  artefactId,
  type Bytes,
  bytesOf,
  concatBytes,
  type Digest,
  digest,
  equalBytes,
  type LinkId,
  linkId,
  type Nonce,
  nonce,
  type Thumbprint,
  type TranscriptHash,
  thumbprint,
  transcriptHash,
} from "./bytes.ts";
export { decode, decodeItem, encode, lendEncoding } from "./cbor.ts";
export { type CborMap, type CborValue, Tagged } from "./cbor-value.ts";
export {
  anyValue,
  byteString,
  bytesAs,
  type Codec,
  decodeAs,
  encodeAs,
  type Fields,
  flag,
  integer,
  listOf,
  literal,
  nameCodec,
  nullable,
  oneOf,
  text,
  tuple,
  uint,
  variants,
} from "./codec.ts";
export {
  type Blame,
  type ErrorDetails,
  type ErrorEntry,
  type ErrorTable,
  type ExitCode,
  errorTable,
  exitCodes,
  hasCode,
  type Retry,
  SealaneError,
} from "./errors.ts";
export { maxNameBytes } from "./limits.ts";
export { type Name, parseName } from "./name.ts";
export { isDenial, permissionDenied, type SystemCode, systemErrors } from "./permission.ts";
export { type WireCode, wireErrors } from "./wire-errors.ts";
