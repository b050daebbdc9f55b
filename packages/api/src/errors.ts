import { type ErrorTable, errorTable, exitCodes } from "@sealane/wire";

const peer = { blame: "peer", retry: "never" } as const;

export type ApiCode =
  | "LINK_REFUSED"
  | "API_REQUEST_WRONG"
  | "API_VERSION_UNSUPPORTED"
  | "API_BODY_TOO_LARGE"
  | "API_TOKEN_WRONG"
  | "API_ROUTE_UNKNOWN"
  | "API_RANGE_WRONG"
  | "API_RATE_EXCEEDED"
  | "API_SERVER_BUSY"
  | "API_SERVER_FAILED"
  | "API_SERVER_UNREACHABLE"
  | "API_REPLY_WRONG"
  | "API_REPLY_FOREIGN"
  | "API_TERMINAL_OLD"
  | "ENROL_TOKEN_MALFORMED"
  | "ENROL_REFUSED"
  | "ENROL_REPLY_WRONG"
  | "ARTEFACT_UNKNOWN"
  | "RELEASE_UNKNOWN"
  | "RELEASE_NOT_PUBLIC"
  | "TERMINAL_UNKNOWN"
  | "BROADCAST_UNKNOWN"
  | "GROUP_UNKNOWN"
  | "GROUP_RECORD_WRONG"
  | "POLICY_REFUSED";

/** Errors that cross the wire between server and terminal or command; each has its HTTP status and exit code. */
export const apiErrors: ErrorTable<ApiCode> = errorTable({
  LINK_REFUSED: {
    ...peer,
    http: 403,
    exit: exitCodes.notTrusted,
    sentence: "The other end refused the link",
    advice: "Look for the reason in the log of the other end; check the clock and the enrolment of this one",
  },
  API_REQUEST_WRONG: {
    blame: "user",
    retry: "never",
    http: 400,
    exit: exitCodes.usage,
    sentence: "The request has not the form that the route expects",
    advice: "Check that both ends run the same version of Sealane",
  },
  API_VERSION_UNSUPPORTED: {
    blame: "user",
    retry: "never",
    http: 400,
    exit: exitCodes.incompatible,
    sentence: "The two ends run versions of Sealane that do not understand each other here",
    advice: "Bring terminal and server to the same version",
  },
  API_BODY_TOO_LARGE: {
    blame: "user",
    retry: "never",
    http: 413,
    exit: exitCodes.usage,
    sentence: "The body is larger than the route allows",
    advice: "Raise the server's limit, or send less",
  },
  API_TOKEN_WRONG: {
    blame: "user",
    retry: "never",
    http: 401,
    exit: exitCodes.notTrusted,
    sentence: "The operator token is missing, wrong or withdrawn",
    advice: "Run `sealane login` with a valid token",
  },
  API_ROUTE_UNKNOWN: {
    blame: "user",
    retry: "never",
    http: 404,
    exit: exitCodes.usage,
    sentence: "This server has no such route in the roles that it runs",
    advice: "Check the address and the roles of the server, and that both ends run the same version of Sealane",
  },
  API_RANGE_WRONG: {
    ...peer,
    http: 416,
    exit: exitCodes.internal,
    sentence: "The range is not one range inside the artefact",
    advice: "Fetch the artefact from the beginning",
  },
  API_RATE_EXCEEDED: {
    ...peer,
    retry: "later",
    http: 429,
    exit: exitCodes.retryLater,
    sentence: "Too many requests came from this address",
    advice: "Wait a minute, then try again",
  },
  API_SERVER_BUSY: {
    blame: "system",
    retry: "later",
    http: 503,
    exit: exitCodes.retryLater,
    sentence: "The server is stopping or has no capacity left",
    advice: "Try again later",
  },
  API_SERVER_FAILED: {
    blame: "system",
    retry: "later",
    http: 500,
    exit: exitCodes.retryLater,
    sentence: "The server failed to carry out the request",
    advice: "Look at the server's log; try again later",
  },
  API_SERVER_UNREACHABLE: {
    blame: "system",
    retry: "later",
    http: 503,
    exit: exitCodes.retryLater,
    sentence: "The server cannot be reached",
    advice: "Check the address and the network; try again later",
  },
  API_REPLY_WRONG: {
    ...peer,
    http: 502,
    exit: exitCodes.notTrusted,
    sentence: "The server's reply has not the form that is expected",
    advice: "Check the address, and that both ends run the same version of Sealane",
  },
  API_REPLY_FOREIGN: {
    blame: "system",
    retry: "later",
    http: 502,
    exit: exitCodes.configuration,
    sentence: "Something else than a Sealane server answered",
    advice: "Check the address; a proxy, a login page of the network or another service may stand between",
  },
  API_TERMINAL_OLD: {
    ...peer,
    http: 426,
    exit: exitCodes.incompatible,
    sentence: "The terminal's software is too old for this server: it does not take the publisher's release with a licence",
    advice: "Upgrade `sealane-terminal` on that machine; what is installed there goes on running",
  },
  ENROL_TOKEN_MALFORMED: {
    blame: "user",
    retry: "never",
    http: 400,
    exit: exitCodes.usage,
    sentence: "The enrolment token cannot be read",
    advice: "Copy the whole token as `sealane terminal token` printed it",
  },
  ENROL_REFUSED: {
    ...peer,
    http: 403,
    exit: exitCodes.notTrusted,
    sentence: "The server refused the enrolment: the token is unknown, used or expired, or a proof failed",
    advice: "Make a new token with `sealane terminal token`",
  },
  ENROL_REPLY_WRONG: {
    ...peer,
    http: 502,
    exit: exitCodes.notTrusted,
    sentence: "The server's reply does not fit this enrolment",
    advice: "Do not use this server; compare address and token with the operator",
  },
  ARTEFACT_UNKNOWN: {
    blame: "user",
    retry: "never",
    http: 404,
    exit: exitCodes.usage,
    sentence: "The artefact is not in this store",
    advice: "Publish it, or check the id",
  },
  RELEASE_UNKNOWN: {
    blame: "user",
    retry: "never",
    http: 404,
    exit: exitCodes.usage,
    sentence: "There is no such release for this terminal",
    advice: "Publish it, or check module, version and models",
  },
  RELEASE_NOT_PUBLIC: {
    blame: "user",
    retry: "never",
    http: 409,
    exit: exitCodes.refused,
    sentence: "The release was not published as public, and an open broadcast gives its content key to everybody, for ever",
    advice: "Publish it with `--public` if everybody may have it; else broadcast it to a group or offer it to terminals",
  },
  BROADCAST_UNKNOWN: {
    blame: "user",
    retry: "never",
    http: 404,
    exit: exitCodes.usage,
    sentence: "There is no such broadcast, or it has ended",
    advice: "List the broadcasts that run with `sealane broadcast list`",
  },
  GROUP_UNKNOWN: {
    blame: "user",
    retry: "never",
    http: 404,
    exit: exitCodes.usage,
    sentence: "There is no group of this name",
    advice: "List the groups with `sealane group list`, or make one with `sealane group create`",
  },
  GROUP_RECORD_WRONG: {
    ...peer,
    http: 502,
    exit: exitCodes.notTrusted,
    sentence: "A group's record is not signed by its server, or its secret is another epoch's",
    advice: "Do not use it; ask the operator",
  },
  TERMINAL_UNKNOWN: {
    blame: "user",
    retry: "never",
    http: 404,
    exit: exitCodes.usage,
    sentence: "There is no active terminal of this name",
    advice: "List the terminals with `sealane terminal list`",
  },
  POLICY_REFUSED: {
    blame: "user",
    retry: "never",
    http: 403,
    exit: exitCodes.refused,
    sentence: "The policy does not allow this software to be delivered by this mechanism",
    advice: "Use another mechanism, or name this one in the policy of the server (`policy` in server.yaml)",
  },
});
