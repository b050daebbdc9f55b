import { type ErrorEntry, SealaneError } from "@sealane/wire";
import { apiErrors } from "./errors.ts";
import { referenceHeader } from "./routes.ts";

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

/** The head of a reply that is none of success, and what is there of its body. */
export interface FailedReply {
  readonly status: number;
  /** By its name in lower case; null or undefined where there is none. */
  readonly header: (name: string) => string | null | undefined;
  readonly body: string;
}

/**
 * The error that a reply means: the code in its body, if it is one of this package's or of the tables that the caller knows beside it.
 * Without one, the status alone counts, whoever answered: API_RATE_EXCEEDED (429), API_SERVER_BUSY (408, 425, 502 to 504; RFC 9110 15),
 * API_SERVER_FAILED (other 5xx); API_REPLY_FOREIGN for the rest, with the type of what came and where a redirect leads. `retryAfterSeconds`
 * is what Retry-After asks for in seconds; by `reference` the server's operator finds the request in the log.
 */
export function errorOfReply(reply: FailedReply, alsoKnown: Readonly<Record<string, ErrorEntry>> = {}): SealaneError {
  const { status, header, body } = reply;
  const details = { status, ...retryAfterOf(header("retry-after") ?? ""), ...referenceOfReply(header) };
  const code = codeIn(body);
  const entries: ReadonlyMap<string, ErrorEntry> = new Map(Object.entries({ ...alsoKnown, ...apiErrors.entries }));
  const entry = code === null ? undefined : entries.get(code);
  if (code !== null && entry !== undefined) return new SealaneError(code, entry, details);
  if (status === 429) return apiErrors.error("API_RATE_EXCEEDED", details);
  if (passingStatuses.has(status)) return apiErrors.error("API_SERVER_BUSY", details);
  return status >= 500 ? apiErrors.error("API_SERVER_FAILED", details) : foreignReply(reply);
}

const passingStatuses: ReadonlySet<number> = new Set([408, 425, 502, 503, 504]);

/** The error API_REPLY_FOREIGN for a reply that no Sealane server gives. */
export function foreignReply({ status, header }: Pick<FailedReply, "status" | "header">): SealaneError {
  const type = (header("content-type") ?? "").split(";", 1)[0]?.trim().slice(0, maxShownCharacters) ?? "";
  const target = targetOf(header("location") ?? "");
  return apiErrors.error("API_REPLY_FOREIGN", { status, ...(type === "" ? {} : { type }), ...(target === "" ? {} : { target }) });
}

const maxShownCharacters = 200;

/** Where a redirect leads, without what may be a secret of somebody: name, password, query. */
function targetOf(location: string): string {
  const url = URL.parse(location);
  const shown = url === null ? (location.split(/[?#]/, 1)[0] ?? "") : `${url.protocol}//${url.host}${url.pathname}`;
  return shown.slice(0, maxShownCharacters);
}

function retryAfterOf(written: string): { readonly retryAfterSeconds: number } | Record<string, never> {
  return /^\d{1,9}$/.test(written) ? { retryAfterSeconds: Number(written) } : {};
}

/** The reference of the request, as a detail of an error; nothing where the reply has none. */
export function referenceOfReply(header: FailedReply["header"]): { readonly reference: string } | Record<string, never> {
  const reference = header(referenceHeader) ?? "";
  return /^[0-9a-f]{16}$/.test(reference) ? { reference } : {};
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
