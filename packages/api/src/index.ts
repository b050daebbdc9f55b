export {
  type InstalledModule,
  installedModulesCodec,
  type ServerReply,
  serverReplyCodec,
  type TerminalRequest,
  terminalRequestCodec,
} from "./authorise.ts";
export {
  certificateChainCodec,
  certificateChainsCodec,
  type EnrolInfo,
  type EnrolProof,
  type EnrolReply,
  type EnrolRequest,
  type EnrolToken,
  encodeProven,
  enrolInfoCodec,
  enrolProofCodec,
  enrolReplyCodec,
  enrolRequestCodec,
  formatEnrolToken,
  parseEnrolToken,
} from "./enrolment.ts";
export { type ApiCode, apiErrors } from "./errors.ts";
export {
  formatInboxAuthorization,
  type InboxAuthorization,
  type InboxMessage,
  type InboxStatement,
  inboxMessagesCodec,
  inboxStatementCodec,
  parseInboxAuthorization,
} from "./inbox.ts";
export { type StatementLabel, statementAad } from "./labels.ts";
export {
  defaultTokenLifeSeconds,
  inboxStatementSeconds,
  maxDecryptionKinds,
  maxEnrolBytes,
  maxInboxMessages,
  maxInboxWaitSeconds,
  maxInstalled,
  maxModelBytes,
  maxOffers,
  maxProblemBytes,
} from "./limits.ts";
export type {
  ArtefactView,
  OfferRequest,
  OfferView,
  ReleaseView,
  ServerView,
  TerminalView,
  TokenRequest,
  TokenView,
} from "./operator.ts";
export { errorOfProblem, type Problem, problemOf } from "./problem.ts";
export { mediaType, pathOf, routes } from "./routes.ts";
