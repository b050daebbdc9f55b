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
 * A hook that lets operators pass: from this machine (the server speaks plain HTTP; a TLS proxy stands beside it), with a token
 * that is known. Errors: SERVER_OPERATOR_REMOTE, API_TOKEN_WRONG.
 */
export function operatorOnly(tokens: OperatorTokens): (request: FastifyRequest) => Promise<void> {
  return async (request) => {
    const { remoteAddress } = request.socket;
    if (!isLoopback(remoteAddress)) throw serverErrors.error("SERVER_OPERATOR_REMOTE");
    if ((await tokens.find(sha256(parseToken(request.headers.authorization)))) === null) throw apiErrors.error("API_TOKEN_WRONG");
  };
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
