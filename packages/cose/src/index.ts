export { claimLabel, decodeClaims, encodeClaims } from "./cwt.ts";
export { decryptWith, encryptTo, type ParsedEncrypt, parseEncrypt, recipientStructure } from "./encrypt.ts";
export { openUnderKey, parseEncrypt0, sealUnderKey } from "./encrypt0.ts";
export { type CoseCode, coseErrors } from "./errors.ts";
export { coseAlgorithm, coseTag, headerLabel } from "./labels.ts";
export { maxRecipients } from "./limits.ts";
export { mac0, parseMac0, verifyMac0 } from "./mac0.ts";
export { recoverSign1, signRecoverably } from "./recovering-sign1.ts";
export { parseSign1, type Sign1Expectation, type Sign1Input, sign1, verifySign1 } from "./sign1.ts";
export {
  type CoseStructure,
  coveredBytes,
  encodeProtected,
  type Headers,
  parseStructure,
  requireBytes,
  requireForm,
  requireHeaders,
} from "./structure.ts";
export { openWithPrivateKey, sealToPublicKey } from "./to-public-key.ts";
