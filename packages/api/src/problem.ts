import type { SealaneError } from "@sealane/wire";
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

/** The error that a body describes: one of this package's codes, or API_REPLY_WRONG. */
export function errorOfProblem(body: string, status: number): SealaneError {
  const code = codeIn(body);
  const known = Object.keys(apiErrors.entries).find((candidate) => candidate === code);
  if (known === undefined) {
    const known5xx = status >= 500 ? "API_SERVER_FAILED" : "API_REPLY_WRONG";
    return apiErrors.error(known5xx, { status });
  }
  return apiErrors.error(known as keyof typeof apiErrors.entries, { status });
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
