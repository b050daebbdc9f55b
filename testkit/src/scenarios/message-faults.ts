import { maxMessageBytes } from "@sealane/link";
import { type CborValue, concatBytes, decode, encode } from "@sealane/wire";
import type { Fault, ProxiedReply, ProxiedRequest } from "./tampering-proxy.ts";

/** Changes of link messages: [version, mechanism, number, sender, suite, body]. */

export type MessageFault = (message: Uint8Array) => Uint8Array;

const places = { version: 0, mechanism: 1, number: 2, sender: 3, suite: 4 } as const;

/** A number that nothing has. */
const unknownNumber = 77;

/** Exchanges one number of the envelope. */
export function unknown(field: keyof typeof places): MessageFault {
  return (message) => {
    const values = [...envelopeOf(message)];
    values[places[field]] = unknownNumber;
    return encode(values);
  };
}

export const truncated: MessageFault = (message) => message.subarray(0, message.length - 1);

export const trailing: MessageFault = (message) => concatBytes(message, Uint8Array.of(0));

/** One byte more than any message may have, as a well-formed message. */
export const oversized: MessageFault = (message) => {
  const [version = 1, mechanism = 1, number = 1, sender = 0, suite = 1] = envelopeOf(message);
  return encode([version, mechanism, number, sender, suite, new Uint8Array(maxMessageBytes)]);
};

/** The same message with the length of its array in two bytes where one is enough. */
export const nonCanonical: MessageFault = (message) => concatBytes(Uint8Array.of(0x98, 6), message.subarray(1));

/** Flips a bit in the last byte: of the ciphertext, or of the confirmation. */
export const flipped: MessageFault = (message) => {
  const changed = Uint8Array.from(message);
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
  return changed;
};

/** Changes what a terminal sends to a route. */
export function inRequest(on: Fault["on"], fault: MessageFault): Fault {
  return { on, times: 1, request: (request) => ({ ...request, body: fault(request.body) }) };
}

/** Changes what the server answers at a route, if it did not refuse. */
export function inReply(on: Fault["on"], fault: MessageFault): Fault {
  return { on, times: 1, reply: (reply) => (reply.status < 300 ? { ...reply, body: fault(reply.body) } : reply) };
}

/** Gives another body in place of the server's reply. */
export function inPlaceOf(on: Fault["on"], body: Uint8Array): Fault {
  return {
    on,
    times: 1,
    reply: (reply) => ({ ...reply, status: 200, headers: { ...reply.headers, "content-type": "application/cbor" }, body }),
  };
}

/** Cuts the first reply at a route after some bytes. */
export function cut(on: Fault["on"], cutAfterBytes: number): Fault {
  return { on, times: 1, reply: (reply: ProxiedReply, _: ProxiedRequest) => ({ ...reply, cutAfterBytes }) };
}

function envelopeOf(message: Uint8Array): readonly CborValue[] {
  const value = decode(message, maxMessageBytes);
  return Array.isArray(value) ? (value as readonly CborValue[]) : [];
}
