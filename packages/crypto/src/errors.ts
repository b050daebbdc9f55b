import { type ErrorTable, errorTable, exitCodes } from "@sealane/wire";

const peer = { blame: "peer", retry: "never", http: 403, exit: exitCodes.notTrusted } as const;

export type CryptoCode =
  | "CRYPTO_OPEN_FAILED"
  | "CRYPTO_SIGNATURE_WRONG"
  | "CRYPTO_MAC_WRONG"
  | "CRYPTO_PUBLIC_KEY_WRONG"
  | "CRYPTO_PRIVATE_KEY_WRONG"
  | "CRYPTO_SHARE_WRONG"
  | "CRYPTO_SUITE_UNKNOWN"
  | "CRYPTO_LENGTH_EXCEEDED"
  | "CRYPTO_SECRET_GONE"
  | "CRYPTO_SECRET_EXPOSED";

/** Errors of keys, signatures and encryption. */
export const cryptoErrors: ErrorTable<CryptoCode> = errorTable({
  CRYPTO_OPEN_FAILED: {
    ...peer,
    sentence: "The data could not be decrypted: it was changed, or it is for another key",
    advice: "Fetch it again; if that fails, ask its sender",
  },
  CRYPTO_SIGNATURE_WRONG: {
    ...peer,
    sentence: "The signature does not belong to this message and key",
    advice: "Do not use the data; ask its signer",
  },
  CRYPTO_MAC_WRONG: { ...peer, sentence: "The authentication code is wrong", advice: "Do not use the data; ask its sender" },
  CRYPTO_PUBLIC_KEY_WRONG: {
    ...peer,
    sentence: "The public key is not a valid key of its kind",
    advice: "Ask its owner for the right one",
  },
  CRYPTO_SHARE_WRONG: {
    ...peer,
    sentence: "The value received for the key agreement is none that an honest sender makes",
    advice: "Do not use the message; ask its sender",
  },
  CRYPTO_PRIVATE_KEY_WRONG: {
    blame: "user",
    retry: "never",
    http: 500,
    exit: exitCodes.configuration,
    sentence: "The private key cannot be read or is of another kind",
    advice: "Restore the key file from a backup, or enrol again",
  },
  CRYPTO_SUITE_UNKNOWN: {
    ...peer,
    http: 400,
    exit: exitCodes.incompatible,
    sentence: "The suite is not known here",
    advice: "Use a suite that both ends know (`sealane mechanisms`)",
  },
  CRYPTO_LENGTH_EXCEEDED: {
    blame: "internal",
    retry: "never",
    http: 500,
    exit: exitCodes.internal,
    sentence: "More bytes were asked for than the key derivation gives",
    advice: "Report this as a defect",
  },
  CRYPTO_SECRET_GONE: {
    blame: "internal",
    retry: "never",
    http: 500,
    exit: exitCodes.internal,
    sentence: "A secret was used after it was wiped",
    advice: "Report this as a defect",
  },
  CRYPTO_SECRET_EXPOSED: {
    blame: "internal",
    retry: "never",
    http: 500,
    exit: exitCodes.internal,
    sentence: "A secret was about to be written as JSON",
    advice: "Report this as a defect",
  },
});
