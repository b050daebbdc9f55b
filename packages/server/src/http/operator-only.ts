import { BlockList, isIPv4 } from "node:net";
import { apiErrors } from "@sealane/api";
import { sha256 } from "@sealane/crypto";
import { parseBase64Url } from "@sealane/wire";
import type { FastifyRequest } from "fastify";
import { serverErrors } from "../errors.ts";
import { operatorScheme } from "../labels.ts";
import { operatorTokenBytes } from "../limits.ts";
import type { OperatorTokens } from "../storage/operator-tokens.ts";

/**
 * A hook that lets operators pass: over TLS, or from this machine, with a token that is known.
 * Errors: SERVER_OPERATOR_REMOTE, API_TOKEN_WRONG.
 */
export function operatorOnly(tokens: OperatorTokens): (request: FastifyRequest) => Promise<void> {
  return async (request) => {
    if (!isPrivate(request)) throw serverErrors.error("SERVER_OPERATOR_REMOTE");
    if ((await tokens.find(sha256(parseToken(request.headers.authorization)))) === null) throw apiErrors.error("API_TOKEN_WRONG");
  };
}

/**
 * Whether a token can come this way unseen: every leg is TLS or stays on this machine. Behind a trusted proxy there are two, and what
 * the proxy says of the first counts.
 */
function isPrivate(request: FastifyRequest): boolean {
  const { socket } = request;
  const hasTls = "encrypted" in socket && socket.encrypted === true;
  if (isForwarded(request) && !isProxyTrusted(request)) return false; // the leg before the proxy is unknown
  return (hasTls || isLoopback(socket.remoteAddress)) && (request.protocol === "https" || isLoopback(request.ip));
}

/** What proxies add to requests that they pass on, and clients of their own accord do not. */
const forwardingHeaders = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip", "forwarded", "via"] as const;

function isForwarded({ headers }: FastifyRequest): boolean {
  return forwardingHeaders.some((name) => headers[name] !== undefined);
}

/** Whether what the header says of the client was taken over, which only a proxy in `trusted_proxies` can bring about. */
function isProxyTrusted({ ips }: FastifyRequest): boolean {
  return ips !== undefined && ips.length > 1;
}

/** Whether a request was made on this machine; one that a proxy here passes on was not, whether it is trusted or not. */
export function isFromHere(request: FastifyRequest): boolean {
  return !isForwarded(request) && isLoopback(request.socket.remoteAddress);
}

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** Whether an address is this machine's own, also an IPv4 one as IPv6 sockets show it. */
export function isLoopback(address: string | undefined): boolean {
  return address !== undefined && loopback.check(address, isIPv4(address) ? "ipv4" : "ipv6");
}

/** The bytes of a token; nothing that was received is quoted. */
function parseToken(header: string | undefined): Uint8Array {
  try {
    const token = parseBase64Url(header?.startsWith(operatorScheme) === true ? header.slice(operatorScheme.length) : "");
    if (token.length === operatorTokenBytes) return token;
  } catch {
    // told below
  }
  throw apiErrors.error("API_TOKEN_WRONG");
}
