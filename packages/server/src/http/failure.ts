import { apiErrors } from "@sealane/api";
import { keystoreErrors } from "@sealane/keystore";
import { SealaneError } from "@sealane/wire";
import type { FastifyRequest } from "fastify";
import { isAnonymous } from "./subject.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** The one answer to everything that a stranger can do wrong on this route; the log has the reason. */
    readonly refusal?: "LINK_REFUSED" | "ENROL_REFUSED";
  }
  interface FastifyRequest {
    /** What went wrong, for the log. */
    failure: SealaneError | Error | null;
  }
}

/** Codes that are told as they are on every route: they depend on the transport alone. */
const transportCodes: readonly string[] = [
  "API_REQUEST_WRONG",
  "API_VERSION_UNSUPPORTED",
  "API_BODY_TOO_LARGE",
  "API_ROUTE_UNKNOWN",
  "API_RATE_EXCEEDED",
  "API_SERVER_BUSY",
] satisfies (keyof typeof apiErrors.entries)[];

/** Codes of the framework and of connections for what a client did wrong before any route saw it. */
const inFrontOfRoutes: readonly string[] = ["FST_ERR_BAD_URL", "FST_ERR_MAX_PARAM_LENGTH", "ECONNRESET"];

/** Turns whatever a route or the framework threw into one of our errors, or leaves an unexpected one as it is. */
export function failureOf(error: unknown): SealaneError | Error {
  if (error instanceof SealaneError) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") return apiErrors.error("API_BODY_TOO_LARGE");
  if (code.startsWith("FST_ERR_CTP_") || inFrontOfRoutes.includes(code)) {
    return apiErrors.error("API_REQUEST_WRONG", { reason: code });
  }
  return error instanceof Error ? error : new Error("Something that is not an error was thrown");
}

/**
 * What the other end is told. On a route with a refusal everything but the transport's and the machine's faults is that refusal:
 * also an exception that nobody expected, or it would tell how far the message came.
 */
export function outwardOf(failure: SealaneError | Error, request: FastifyRequest): SealaneError {
  const { refusal } = request.routeOptions.config;
  const isOurs = failure instanceof SealaneError;
  if (isOurs && transportCodes.includes(failure.code)) return failure;
  if (refusal !== undefined) return isOurs && isMachineFault(failure) ? machineFault(failure) : apiErrors.error(refusal);
  return isOurs && failure.entry.blame !== "internal" ? failure : apiErrors.error("API_SERVER_FAILED");
}

/** Also what is wrong with the server's own keys, whose user is the operator and not who asks. */
function isMachineFault({ entry, code }: SealaneError): boolean {
  return entry.blame === "system" || Object.hasOwn(keystoreErrors.entries, code);
}

/** The machine's faults in the codes that every client knows: later, or look at the log. */
function machineFault(failure: SealaneError): SealaneError {
  return apiErrors.error(failure.entry.http === 503 ? "API_SERVER_BUSY" : "API_SERVER_FAILED");
}

/** {@link logFieldsOf} of a request; of one without a name no facts. */
export function failureFieldsOf(request: FastifyRequest, failure: SealaneError | Error): Readonly<Record<string, unknown>> {
  const { details, ...fields } = logFieldsOf(failure);
  return details === undefined || isAnonymous(request) ? fields : { ...fields, details };
}

/** What the log says of a failure: codes, facts, and of an unexpected one the frames. Messages may quote what was received. */
export function logFieldsOf(failure: SealaneError | Error): Readonly<Record<string, unknown>> {
  const causes = causesOf(failure);
  const frames = causes.flatMap((cause) => (cause instanceof SealaneError ? [] : framesOf(cause)));
  return {
    code: codeOf(failure),
    ...(failure instanceof SealaneError && Object.keys(failure.details).length > 0 ? { details: failure.details } : {}),
    ...(causes.length > 1 ? { causes: causes.slice(1).map(codeOf) } : {}),
    ...(failure instanceof SealaneError ? {} : { frames }),
  };
}

function codeOf(error: Error): string {
  return "code" in error ? String(error.code) : error.name;
}

function causesOf(error: Error): readonly Error[] {
  return error.cause instanceof Error ? [error, ...causesOf(error.cause)] : [error];
}

function framesOf(error: Error): readonly string[] {
  return (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
}
