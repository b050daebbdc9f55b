import { type ErrorTable, errorTable, exitCodes } from "@sealane/wire";

const peer = { blame: "peer", retry: "never", http: 400, exit: exitCodes.notTrusted } as const;

export type CoseCode = "COSE_STRUCTURE_WRONG" | "COSE_HEADER_WRONG" | "COSE_CLAIM_WRONG" | "COSE_RECIPIENTS_WRONG";

/** Errors of COSE structures. */
export const coseErrors: ErrorTable<CoseCode> = errorTable({
  COSE_STRUCTURE_WRONG: {
    ...peer,
    sentence: "A COSE structure has not the form that is expected here",
    advice: "Check that the sender speaks this version of the protocol",
  },
  COSE_HEADER_WRONG: {
    ...peer,
    sentence: "A COSE header has a parameter that is missing, unknown, unprotected or another than expected",
    advice: "Check that the sender speaks this version of the protocol",
  },
  COSE_CLAIM_WRONG: {
    ...peer,
    sentence: "A claim is missing, unknown or of the wrong kind",
    advice: "Ask the issuer for a new one",
  },
  COSE_RECIPIENTS_WRONG: {
    blame: "user",
    retry: "never",
    http: 400,
    exit: exitCodes.usage,
    sentence: "A message has no recipient, or more than one message can have",
    advice: "Send it in several messages, or use a group",
  },
});
