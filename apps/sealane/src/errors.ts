import { type ErrorTable, errorTable, exitCodes } from "@sealane/wire";

const user = { blame: "user", retry: "never", http: 400 } as const;

export type CommandCode =
  | "CONFIG_WRONG"
  | "PROFILE_MISSING"
  | "PROFILE_DAMAGED"
  | "PROFILE_URL_EXPOSED"
  | "LOGIN_ROOT_WRONG"
  | "TOKEN_SERVER_WRONG"
  | "RELEASE_SERVER_WRONG"
  | "PUBLISH_SEQUENCE_TAKEN"
  | "PUBLISH_VERSION_TAKEN"
  | "PUBLISH_ARCHIVE_WRONG"
  | "PUBLISH_KEY_MISSING"
  | "ORDER_KEY_MISSING"
  | "ORDER_RECIPIENT_MISSING"
  | "VERIFY_KIND_UNKNOWN"
  | "VERIFY_ANCHOR_MISSING"
  | "UP_COMMAND_MISSING"
  | "UP_ALREADY_RUNNING"
  | "UP_STEP_FAILED"
  | "UP_DELIVERY_WRONG"
  | "UP_OPTION_WRONG"
  | "DOCTOR_FOUND_FAULTS";

/** Errors of the operator's command. */
export const commandErrors: ErrorTable<CommandCode> = errorTable({
  CONFIG_WRONG: {
    ...user,
    exit: exitCodes.configuration,
    sentence: "The server's configuration cannot be used",
    advice: "Correct it at the place named; `sealane server config --schema` prints what may stand there",
  },
  PROFILE_MISSING: {
    ...user,
    exit: exitCodes.configuration,
    sentence: "There is no operator profile here",
    advice: "Run `sealane init` on the server's machine, or `sealane login` elsewhere",
  },
  PROFILE_DAMAGED: {
    ...user,
    exit: exitCodes.configuration,
    sentence: "The operator profile cannot be read",
    advice: "Run `sealane login` again",
  },
  PROFILE_URL_EXPOSED: {
    ...user,
    exit: exitCodes.configuration,
    sentence: "An operator token must not travel over plain HTTP off this machine",
    advice: "Use an https:// address",
  },
  LOGIN_ROOT_WRONG: {
    ...user,
    exit: exitCodes.notTrusted,
    sentence: "The server names another root certificate than the one that is known here",
    advice: "Do not use this server; where another root is right, name its fingerprint with --fingerprint or use another --state",
  },
  TOKEN_SERVER_WRONG: {
    ...user,
    exit: exitCodes.notTrusted,
    sentence: "The server's token is not the one asked for: it names another root certificate, terminal or model",
    advice: "Do not hand it out; find out whether the server was taken over",
  },
  RELEASE_SERVER_WRONG: {
    ...user,
    exit: exitCodes.notTrusted,
    sentence: "The server gave another release than the one that its list names",
    advice: "Nothing was signed; find out whether the server was taken over",
  },
  PUBLISH_SEQUENCE_TAKEN: {
    ...user,
    exit: exitCodes.usage,
    sentence: "A newer or equal sequence of this module is published already",
    advice: "Give a higher --sequence",
  },
  PUBLISH_VERSION_TAKEN: {
    ...user,
    exit: exitCodes.usage,
    sentence: "This version of the module is published already, and not as it is here",
    advice: "Give a new --version: what is published does not change. The same file is published under the next sequence by --again",
  },
  PUBLISH_ARCHIVE_WRONG: {
    ...user,
    exit: exitCodes.usage,
    sentence: "The file is no tar archive, or a compressed one: no terminal could unpack it",
    advice: "Make a tar archive without compression (sealing does not need it), or publish it with --format file",
  },
  PUBLISH_KEY_MISSING: {
    ...user,
    exit: exitCodes.configuration,
    sentence: "This machine has no publisher's key, so it cannot sign a release",
    advice: "Publish on the machine where `sealane init` ran; that key stays there",
  },
  ORDER_KEY_MISSING: {
    ...user,
    exit: exitCodes.configuration,
    sentence: "This machine has no operator's key, so it cannot sign an order",
    advice: "Give orders on the machine where `sealane init` ran; that key stays there",
  },
  ORDER_RECIPIENT_MISSING: {
    ...user,
    exit: exitCodes.usage,
    sentence: "An order is for terminals by name, or for all",
    advice: "Give `--terminal NAME`, once or more, or `--all`",
  },
  VERIFY_KIND_UNKNOWN: {
    ...user,
    exit: exitCodes.usage,
    sentence: "The file is nothing that Sealane emits, or it is damaged",
    advice: "Check the path; fetch the file again",
  },
  VERIFY_ANCHOR_MISSING: {
    ...user,
    exit: exitCodes.usage,
    sentence: "A signature can be checked only against a CA certificate",
    advice: "Name the CA certificate with --authority",
  },
  UP_COMMAND_MISSING: {
    ...user,
    exit: exitCodes.configuration,
    sentence: "The terminal's command is not installed beside this one",
    advice: "Install the package sealane-terminal",
  },
  UP_ALREADY_RUNNING: {
    ...user,
    exit: exitCodes.retryLater,
    sentence: "Another `sealane up` uses this state folder, or its port is taken",
    advice: "End that one, or name another folder with --state",
  },
  UP_STEP_FAILED: {
    blame: "system",
    retry: "later",
    http: 500,
    exit: exitCodes.internal,
    sentence: "A step of the delivery failed",
    advice: "Read the step's own error above; run it alone with the same state folder",
  },
  UP_DELIVERY_WRONG: {
    blame: "internal",
    retry: "never",
    http: 500,
    exit: exitCodes.internal,
    sentence: "The installed bytes are not the published ones",
    advice: "Report this as a defect",
  },
  UP_OPTION_WRONG: {
    ...user,
    exit: exitCodes.usage,
    sentence: "An option has a value that it cannot have",
    advice: "Run `sealane up --help`",
  },
  DOCTOR_FOUND_FAULTS: {
    ...user,
    exit: exitCodes.configuration,
    sentence: "The doctor found faults",
    advice: "Mend what is marked, then run it again",
  },
});
