export { externalAadOf, hasEncryptedPart, headerOf, openPart, sealPart, withBody, withHeader, withPart } from "./encrypted-part.ts";
export {
  acceptingContext,
  broadcast,
  continuingContext,
  type Established,
  type EstablishWish,
  endsOf,
  establish,
  firstPayload,
  makeGroup,
  originate,
  originatingContext,
  type TestGroup,
} from "./establish.ts";
export { testKey } from "./keys/fixed-keys.ts";
export { MemoryReplayCache } from "./memory-replay-cache.ts";
export {
  type CertificateWish,
  certify,
  type Moment,
  makeAuthority,
  makePair,
  makeParty,
  originatorContext,
  type Pair,
  type Party,
  type PartyWish,
  recipientContext,
  type TestAuthority,
  testNowSeconds,
} from "./parties.ts";
export { describeVectors, jsonFiles } from "./published-vectors.ts";
export { runSeed, seededRandom } from "./seeded-random.ts";
