import { type ErrorTable, errorTable, exitCodes } from "./errors.ts";

const peer = { blame: "peer", retry: "never", http: 400, exit: exitCodes.notTrusted } as const;

export type WireCode =
  | "WIRE_SIZE_EXCEEDED"
  | "WIRE_TRUNCATED"
  | "WIRE_TRAILING_BYTES"
  | "WIRE_TOO_DEEP"
  | "WIRE_NOT_DETERMINISTIC"
  | "WIRE_SHAPE_WRONG"
  | "WIRE_VALUE_UNENCODABLE";

/** Errors of encoding and decoding. */
export const wireErrors: ErrorTable<WireCode> = errorTable({
  WIRE_SIZE_EXCEEDED: {
    ...peer,
    http: 413,
    sentence: "The message is larger than is allowed here",
    advice: "Check that the sender speaks this version of the protocol",
  },
  WIRE_TRUNCATED: { ...peer, sentence: "The message ends before it is complete", advice: "Fetch it again" },
  WIRE_TRAILING_BYTES: { ...peer, sentence: "Bytes follow the end of the message", advice: "Fetch it again from its origin" },
  WIRE_TOO_DEEP: {
    ...peer,
    sentence: "The message is nested too deeply",
    advice: "Check that the sender speaks this version of the protocol",
  },
  WIRE_NOT_DETERMINISTIC: {
    ...peer,
    sentence: "The message is not in deterministic encoding (RFC 8949, section 4.2)",
    advice: "Check the encoder of the sender",
  },
  WIRE_SHAPE_WRONG: {
    ...peer,
    sentence: "A field of the message is missing or of the wrong kind",
    advice: "Check that the sender speaks this version of the protocol",
  },
  WIRE_VALUE_UNENCODABLE: {
    blame: "internal",
    retry: "never",
    http: 500,
    exit: exitCodes.internal,
    sentence: "A value has no place in the encoding",
    advice: "Report this as a defect",
  },
});
