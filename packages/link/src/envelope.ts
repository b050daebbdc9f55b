import { type Suite, sha256, suiteNumbered } from "@sealane/crypto";
import { type CborValue, type Digest, decode, encode } from "@sealane/wire";
import { linkErrors } from "./errors.ts";
import { type MechanismName, mechanismNumbers, protocolLabel, protocolVersion, type Role, roleNumbers } from "./labels.ts";
import { maxMessageBytes, referenceBytes } from "./limits.ts";

/** The kind of a message; all of it is authenticated by every COSE layer inside. */
export interface MessageHeader {
  readonly mechanism: MechanismName;
  /** 1 for M1, 2 for M2 or the answer, 3 for M3. */
  readonly number: 1 | 2 | 3;
  readonly sender: Role;
  readonly suite: Suite;
}

/** A message whose envelope was read and whose body was not judged yet. */
export interface Message {
  readonly header: MessageHeader;
  readonly body: CborValue;
  /** As received, for the transcript. */
  readonly bytes: Uint8Array;
}

/**
 * Encodes [1, mechanism, number, sender's role, suite, body] (docs/protocol.md, messages).
 * Error: LINK_MESSAGE_TOO_LARGE, for nobody would accept it.
 */
export function encodeMessage(header: MessageHeader, body: CborValue): Uint8Array {
  const message = encode([...headerValues(header), body]);
  if (message.length > maxMessageBytes) throw linkErrors.error("LINK_MESSAGE_TOO_LARGE", { bytes: message.length, limit: maxMessageBytes });
  return message;
}

/**
 * Reads the envelope of a message of at most 48 KiB.
 * Errors: those of `decode`; LINK_MESSAGE_UNEXPECTED, LINK_VERSION_UNKNOWN, LINK_MECHANISM_UNKNOWN, CRYPTO_SUITE_UNKNOWN.
 */
export function decodeMessage(bytes: Uint8Array): Message {
  const value = decode(bytes, maxMessageBytes);
  if (!Array.isArray(value) || value.length !== 6) throw linkErrors.error("LINK_MESSAGE_UNEXPECTED", { field: "envelope" });
  const [version, mechanismNumber, number, roleNumber, suiteNumber, body] = value as readonly CborValue[];
  if (version !== protocolVersion) throw linkErrors.error("LINK_VERSION_UNKNOWN");
  const mechanism = keyOf(mechanismNumbers, mechanismNumber);
  if (mechanism === undefined) throw linkErrors.error("LINK_MECHANISM_UNKNOWN");
  const sender = keyOf(roleNumbers, roleNumber);
  if (sender === undefined || (number !== 1 && number !== 2 && number !== 3) || typeof suiteNumber !== "number" || body === undefined) {
    throw linkErrors.error("LINK_MESSAGE_UNEXPECTED", { field: "envelope" });
  }
  return { header: { mechanism, number, sender, suite: suiteNumbered(suiteNumber) }, body, bytes };
}

/** The external_aad of every COSE layer of a message. */
export function externalAad(header: MessageHeader): Uint8Array {
  return encode([protocolLabel, ...headerValues(header)]);
}

/** Refuses a message of another mechanism, number, sender or suite than the awaited one. Error: LINK_MESSAGE_UNEXPECTED. */
export function requireHeader(message: Message, expected: MessageHeader): void {
  const { header } = message;
  const same =
    header.mechanism === expected.mechanism &&
    header.number === expected.number &&
    header.sender === expected.sender &&
    header.suite === expected.suite;
  if (!same) throw linkErrors.error("LINK_MESSAGE_UNEXPECTED", { mechanism: header.mechanism, number: header.number });
}

/** The header of M1. */
export function firstHeader(mechanism: MechanismName, suite: Suite, sender: Role): MessageHeader {
  return { mechanism, number: 1, sender, suite };
}

/** Refuses what is not the first message of a mechanism to a party of `role`. Error: LINK_MESSAGE_UNEXPECTED. */
export function requireFirst(message: Message, mechanism: MechanismName, role: Role): void {
  requireHeader(message, firstHeader(mechanism, message.header.suite, otherRole(role)));
}

/** Which M1 an answer, M2 or M3 belongs to: 16 bytes; read before anything is verified. Errors: those of `decodeMessage`, LINK_MESSAGE_UNEXPECTED. */
export function readReference(message: Uint8Array): Uint8Array {
  const { header, body } = decodeMessage(message);
  const reference = Array.isArray(body) ? body[0] : undefined;
  if (header.number === 1 || !(reference instanceof Uint8Array) || reference.length !== referenceBytes) {
    throw linkErrors.error("LINK_MESSAGE_UNEXPECTED", { field: "reference" });
  }
  return reference;
}

/** The short digest of M1 by which its answer, and whoever stores the pending state, names it. */
export function referenceOf(firstMessage: Uint8Array): Uint8Array {
  return referenceIn(sha256(firstMessage));
}

/** {@link referenceOf} the message with this digest. */
export function referenceIn(digest: Digest): Uint8Array {
  return digest.subarray(0, referenceBytes);
}

/** The other party. */
export function otherRole(role: Role): Role {
  return role === "server" ? "terminal" : "server";
}

function headerValues(header: MessageHeader): readonly CborValue[] {
  return [protocolVersion, mechanismNumbers[header.mechanism], header.number, roleNumbers[header.sender], header.suite.id];
}

function keyOf<K extends string>(numbers: Readonly<Record<K, number>>, wanted: CborValue | undefined): K | undefined {
  const names = Object.keys(numbers) as K[];
  return names.find((name) => numbers[name] === wanted);
}
