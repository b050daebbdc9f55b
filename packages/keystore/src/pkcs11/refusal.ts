import { SealaneError } from "@sealane/wire";
import { keystoreErrors } from "../errors.ts";
import { refusals } from "./constants.ts";

/** What a PKCS #11 module answered in place of doing as asked. */
export interface Refusal {
  /** CKR_... */
  readonly name: string;
  readonly number: number;
}

/** The refusal that an error of `pkcs11js` tells of; null for any other error. */
export function refusalIn(error: unknown): Refusal | null {
  if (!(error instanceof Error) || error instanceof SealaneError) return null;
  const [, name, number] = /(CKR_[A-Z0-9_]+)(?::([0-9]+))?/.exec(error.message) ?? [];
  if (name === undefined) return null;
  if (number !== undefined) return { name, number: Number(number) };
  return "code" in error && typeof error.code === "number" ? { name, number: error.code } : null;
}

/** Whether an error is one of these refusals. */
export function isRefusal(error: unknown, ...numbers: readonly number[]): boolean {
  const refusal = refusalIn(error);
  return refusal !== null && numbers.includes(refusal.number);
}

/** What this process found out where the module refused nothing: the token is away. */
export class TokenAway extends Error {
  override readonly name = "TokenAway";
}

/** Whether after this error a new session may do better: the token was removed, or another program ended what ours relies on. */
export function endsConnection(error: unknown): boolean {
  if (error instanceof TokenAway) return true;
  return isRefusal(
    error,
    refusals.slotIdInvalid,
    refusals.deviceError,
    refusals.deviceRemoved,
    refusals.keyHandleInvalid,
    refusals.objectHandleInvalid,
    refusals.operationActive,
    refusals.sessionClosed,
    refusals.sessionHandleInvalid,
    refusals.tokenNotPresent,
    refusals.tokenNotRecognized,
    refusals.userNotLoggedIn,
    refusals.notInitialized,
  );
}

/** An error as callers see it: the module's refusals become KEYSTORE_TOKEN_KIND_UNSUPPORTED or KEYSTORE_TOKEN_FAILED. */
export function tokenError(error: unknown): unknown {
  const refusal = refusalIn(error);
  if (refusal === null) return error;
  return keystoreErrors.error(
    isRefusal(error, ...unsupported) ? "KEYSTORE_TOKEN_KIND_UNSUPPORTED" : "KEYSTORE_TOKEN_FAILED",
    { reason: refusal.name, number: refusal.number },
    error,
  );
}

const unsupported: readonly number[] = [
  refusals.keySizeRange,
  refusals.mechanismInvalid,
  refusals.mechanismParameterInvalid,
  refusals.curveNotSupported,
  refusals.domainParametersInvalid,
];
