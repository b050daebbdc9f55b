import { type ErrorTable, errorTable, exitCodes } from "@sealane/wire";

export type LibraryCode = "LIBRARY_ARGUMENT_WRONG";

/** Errors of the library's own: all others are those of the packages below it. */
export const libraryErrors: ErrorTable<LibraryCode> = errorTable({
  LIBRARY_ARGUMENT_WRONG: {
    blame: "user",
    retry: "never",
    http: 500,
    exit: exitCodes.usage,
    sentence: "An argument of the call is not what it must be",
    advice: "Correct the argument in the calling code; no peer has anything to do with it",
  },
});
