import { type ErrorTable, errorTable, exitCodes } from "@sealane/wire";

const user = { blame: "user", retry: "never", http: 400, exit: exitCodes.usage } as const;

export type CliCode =
  | "CLI_USAGE_WRONG"
  | "CLI_FILE_MISSING"
  | "CLI_FILE_UNREADABLE"
  | "CLI_FILE_TOO_LARGE"
  | "CLI_DISK_FULL"
  | "CLI_OUTPUT_FAILED"
  | "CLI_INTERNAL";

/** Errors of the command line itself. */
export const cliErrors: ErrorTable<CliCode> = errorTable({
  CLI_USAGE_WRONG: { ...user, sentence: "The command line is wrong", advice: "Run the command with --help" },
  CLI_FILE_MISSING: { ...user, sentence: "The file does not exist", advice: "Check the path" },
  CLI_FILE_UNREADABLE: { ...user, sentence: "The file cannot be read", advice: "Check the path and its permissions" },
  CLI_FILE_TOO_LARGE: { ...user, sentence: "The file is larger than such a file can be", advice: "Check the path" },
  CLI_DISK_FULL: {
    blame: "system",
    retry: "later",
    http: 507,
    exit: exitCodes.retryLater,
    sentence: "The disk is full; nothing was changed",
    advice: "Free some space, then run the command again",
  },
  CLI_OUTPUT_FAILED: {
    blame: "system",
    retry: "later",
    http: 507,
    exit: exitCodes.retryLater,
    sentence: "The work is done, but standard output did not take all that the command printed",
    advice: "Free some space where standard output goes to",
  },
  CLI_INTERNAL: {
    blame: "internal",
    retry: "never",
    http: 500,
    exit: exitCodes.internal,
    sentence: "Something failed that should not have",
    advice: "Report this as a defect with the command that you ran",
  },
});
