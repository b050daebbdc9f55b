export {
  type InstalledModule,
  installedModulesCodec,
  type ServerReply,
  serverReplyCodec,
  type TerminalRequest,
  terminalRequestCodec,
} from "./authorise.ts";
export { type BroadcastChannel, type BroadcastItem, broadcastChannelCodec, maxChannelBytes } from "./broadcast-channel.ts";
export { type Challenge, challengeCodec } from "./challenge.ts";
export { type DeliveryPolicy, defaultDeliveryPolicy, deliveryPolicy, isEverAllowed, requireAllowed } from "./delivery-policy.ts";
export { openRequestFor, type RequestLabel, sealRequestTo } from "./encrypted-request.ts";
export {
  type EnrolAuthority,
  type EnrolCertificates,
  type EnrollingKeys,
  proveEnrolment,
  type RequestedEnrolment,
  requestEnrolment,
  verifyEnrolInfo,
  verifyEnrolReply,
} from "./enrolling.ts";
export {
  type ChainList,
  certificateChainCodec,
  certificateChainsCodec,
  type EnrolInfo,
  type EnrolProof,
  type EnrolReply,
  type EnrolRequest,
  type EnrolToken,
  type EnrolView,
  encodeConfirmed,
  encodeProven,
  enrolInfoCodec,
  enrolProofCodec,
  enrolReplyCodec,
  enrolRequestCodec,
  enrolViewDigest,
  formatEnrolToken,
  type PartyChains,
  parseEnrolToken,
  signedEnrolRequestCodec,
} from "./enrolment.ts";
export { type ApiCode, apiErrors } from "./errors.ts";
export {
  type GivenMembership,
  type GroupEpoch,
  groupRecordFor,
  issueGroupRecord,
  openMembership,
  parseGroupRecord,
  splitSeeds,
  verifyGroupRecord,
} from "./group-record.ts";
export {
  type InboxMessage,
  type InboxRequest,
  type InboxStatement,
  inboxMessagesCodec,
  inboxStatementCodec,
  openInboxRequest,
  sealInboxRequest,
} from "./inbox.ts";
export { formatInboxEvent, type InboxEvent, inboxHeartbeat, parseInboxEvent } from "./inbox-events.ts";
export { type StatementLabel, statementAad } from "./labels.ts";
export {
  defaultTokenLifeSeconds,
  inboxStatementSeconds,
  maxBroadcastItems,
  maxEnrolReplyBytes,
  maxEnrolRequestBytes,
  maxGivenEpochs,
  maxGroupsPerTerminal,
  maxInboxEventCharacters,
  maxInboxMessages,
  maxInboxRequestBytes,
  maxInboxWaitSeconds,
  maxInstalled,
  maxKeyKinds,
  maxModelBytes,
  maxOffers,
  maxProblemBytes,
} from "./limits.ts";
export type {
  ArtefactView,
  BroadcastRequest,
  BroadcastView,
  GroupMembersRequest,
  GroupRequest,
  GroupView,
  OfferRequest,
  OfferView,
  OrderView,
  ReleaseStatementView,
  ReleaseView,
  ServerView,
  TerminalView,
  TokenRequest,
  TokenView,
} from "./operator.ts";

export { errorOfReply, type FailedReply, foreignReply, type Problem, problemOf, referenceOfReply } from "./problem.ts";
export { mediaType, pathOf, referenceHeader, routes } from "./routes.ts";
