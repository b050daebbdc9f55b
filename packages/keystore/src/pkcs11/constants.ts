/** The numbers of PKCS #11 that are used here (OASIS PKCS #11 2.40 and 3.1, pkcs11t.h); `pkcs11js` does not name the newer ones. */

export const classes = { publicKey: 2, privateKey: 3, secretKey: 4 } as const;

export const keyTypes = { rsa: 0x00, dh: 0x02, ec: 0x03, genericSecret: 0x10, ecEdwards: 0x40, ecMontgomery: 0x41 } as const;

export const attributes = {
  class: 0x000,
  token: 0x001,
  private: 0x002,
  label: 0x003,
  value: 0x011,
  keyType: 0x100,
  id: 0x102,
  sensitive: 0x103,
  encrypt: 0x104,
  decrypt: 0x105,
  wrap: 0x106,
  unwrap: 0x107,
  sign: 0x108,
  signRecover: 0x109,
  verify: 0x10a,
  derive: 0x10c,
  modulus: 0x120,
  modulusBits: 0x121,
  publicExponent: 0x122,
  prime: 0x130,
  base: 0x132,
  valueBytes: 0x161,
  extractable: 0x162,
  neverExtractable: 0x164,
  alwaysSensitive: 0x165,
  ecParameters: 0x180,
  ecPoint: 0x181,
  alwaysAuthenticate: 0x202,
} as const;

export const mechanisms = {
  rsaGenerate: 0x0000,
  rsaRaw: 0x0003,
  rsaPss: 0x000d,
  dhGenerate: 0x0020,
  dh: 0x0021,
  sha256: 0x0250,
  ecGenerate: 0x1040,
  ecdsa: 0x1041,
  ecdh: 0x1050,
  edwardsGenerate: 0x1055,
  montgomeryGenerate: 0x1056,
  eddsa: 0x1057,
} as const;

/** CKG_MGF1_SHA256. */
export const mgf1Sha256 = 2;
/** CKD_NULL: what is agreed on is the shared secret itself. */
export const noDerivation = 1;
/** How `pkcs11js` is told which structure a mechanism's parameters are. */
export const parameterTypes = { ecdh: 6, rsaPss: 5 } as const;

export const flags = { osLocking: 0x2, readWrite: 0x2, serial: 0x4, tokenInitialised: 0x400 } as const;
/** CKU_USER and CKU_CONTEXT_SPECIFIC. */
export const users = { normal: 1, contextSpecific: 2 } as const;

export const refusals = {
  slotIdInvalid: 0x003,
  attributeSensitive: 0x011,
  attributeTypeInvalid: 0x012,
  deviceError: 0x030,
  deviceRemoved: 0x032,
  keyHandleInvalid: 0x060,
  keySizeRange: 0x062,
  mechanismInvalid: 0x070,
  mechanismParameterInvalid: 0x071,
  objectHandleInvalid: 0x082,
  operationActive: 0x090,
  pinIncorrect: 0x0a0,
  pinInvalid: 0x0a1,
  pinLength: 0x0a2,
  pinExpired: 0x0a3,
  pinLocked: 0x0a4,
  sessionClosed: 0x0b0,
  sessionHandleInvalid: 0x0b3,
  tokenNotPresent: 0x0e0,
  tokenNotRecognized: 0x0e1,
  tokenWriteProtected: 0x0e2,
  userAlreadyLoggedIn: 0x100,
  userNotLoggedIn: 0x101,
  userPinNotInitialized: 0x102,
  domainParametersInvalid: 0x130,
  curveNotSupported: 0x140,
  notInitialized: 0x190,
  alreadyInitialized: 0x191,
} as const;
