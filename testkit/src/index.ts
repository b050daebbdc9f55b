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
