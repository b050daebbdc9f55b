import { type ErrorEntry, SealaneError } from "@sealane/wire";
import { apiErrors } from "./errors.ts";

/** An error as a body of `application/problem+json` (RFC 9457), with Sealane's code beside the standard members. */
export interface Problem {
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly advice: string;
}

/** The body for an error; details stay in the log. */
export function problemOf(error: SealaneError): Problem {
  const { sentence, http, advice } = error.entry;
  return { title: sentence, status: http, code: error.code, advice };
}

/**
 * The error that a body describes: one of this package's codes or of the tables that the caller knows beside it; else API_REPLY_WRONG,
 * or API_SERVER_FAILED where the status says so.
 */
export function errorOfProblem(body: string, status: number, alsoKnown: Readonly<Record<string, ErrorEntry>> = {}): SealaneError {
  const code = codeIn(body);
  const entries: ReadonlyMap<string, ErrorEntry> = new Map(Object.entries({ ...alsoKnown, ...apiErrors.entries }));
  const entry = code === null ? undefined : entries.get(code);
  if (code === null || entry === undefined) return apiErrors.error(status >= 500 ? "API_SERVER_FAILED" : "API_REPLY_WRONG", { status });
  return new SealaneError(code, entry, { status });
}

function codeIn(body: string): string | null {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed !== "object" || parsed === null || !("code" in parsed)) return null;
    return typeof parsed.code === "string" ? parsed.code : null;
  } catch {
    return null;
  }
}
