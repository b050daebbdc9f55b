import { type ErrorTable, errorTable, exitCodes, SealaneError } from "./errors.ts";

export type SystemCode = "SYSTEM_PERMISSION_DENIED";

/** What the operating system refuses, whichever part of Sealane asked it. */
export const systemErrors: ErrorTable<SystemCode> = errorTable({
  SYSTEM_PERMISSION_DENIED: {
    blame: "system",
    retry: "never",
    http: 500,
    exit: exitCodes.configuration,
    sentence: "The system does not permit this user to read or change a file",
    advice: "Run the command as the user that owns the file, or give this user the permission; the file itself need not be damaged",
  },
});

/** A user without the right, a protected file, a file system that is mounted to be read only. */
const denials: ReadonlySet<string> = new Set(["EACCES", "EPERM", "EROFS"]);

/** Whether a reason of the system (`EACCES`) is a missing permission, and nothing that is missing or damaged. */
export function isDenial(reason: string | null): reason is string {
  return reason !== null && denials.has(reason);
}

/**
 * The error SYSTEM_PERMISSION_DENIED where the system refused `file` to this user, also when the failure has such an error already; null
 * for every other failure.
 */
export function permissionDenied(failure: unknown, file: string): SealaneError | null {
  if (failure instanceof SealaneError) return failure.code === "SYSTEM_PERMISSION_DENIED" ? failure : null;
  const reason = failure instanceof Error && "syscall" in failure && "code" in failure ? String(failure.code) : null;
  return isDenial(reason) ? systemErrors.error("SYSTEM_PERMISSION_DENIED", { file, reason }, failure) : null;
}
