import { isAbsolute } from "node:path";
import { keystoreErrors } from "../errors.ts";

/** A number of the module: of a slot, a session or an object. */
export type Handle = Buffer;

export interface Attribute {
  type: number;
  value?: number | boolean | Buffer;
}

export interface Mechanism {
  mechanism: number;
  parameter?: Buffer | EcdhParameters | RsaPssParameters;
}

interface EcdhParameters {
  type: number;
  kdf: number;
  publicData: Buffer;
}

interface RsaPssParameters {
  type: number;
  hashAlg: number;
  mgf: number;
  saltLen: number;
}

/** What a token says of itself; texts are filled up with spaces. */
export interface TokenInfo {
  label: string;
  serialNumber: string;
  manufacturerID: string;
  model: string;
  flags: number;
}

/** The calls of a PKCS #11 module that are used here, as the class of `pkcs11js` has them; tests put another in its place. */
export interface Cryptoki {
  C_Initialize(options: { flags: number }): void;
  C_Finalize(): void;
  C_GetSlotList(tokenPresent: boolean): Handle[];
  C_GetTokenInfo(slot: Handle): TokenInfo;
  C_GetMechanismList(slot: Handle): number[];
  C_OpenSession(slot: Handle, flags: number): Handle;
  C_CloseSession(session: Handle): void;
  C_Login(session: Handle, userType: number, pin: string): void;
  C_FindObjectsInit(session: Handle, template: Attribute[]): void;
  C_FindObjects(session: Handle, maxObjectCount: number): Handle[];
  C_FindObjectsFinal(session: Handle): void;
  C_GetAttributeValue(session: Handle, object: Handle, template: Attribute[]): { type: number; value: Buffer }[];
  C_DestroyObject(session: Handle, object: Handle): void;
  C_GenerateKeyPairAsync(
    session: Handle,
    mechanism: Mechanism,
    publicTemplate: Attribute[],
    privateTemplate: Attribute[],
  ): Promise<{ publicKey: Handle; privateKey: Handle }>;
  C_SignInit(session: Handle, mechanism: Mechanism, key: Handle): void;
  C_SignAsync(session: Handle, input: Buffer, output: Buffer): Promise<Buffer>;
  C_DecryptInit(session: Handle, mechanism: Mechanism, key: Handle): void;
  C_DecryptAsync(session: Handle, input: Buffer, output: Buffer): Promise<Buffer>;
  C_DeriveKey(session: Handle, mechanism: Mechanism, key: Handle, template: Attribute[]): Handle;
}

/**
 * Loads a module by its absolute path; `pkcs11js`, which only who uses tokens has, is looked for only here.
 * Errors: KEYSTORE_TOKEN_SUPPORT_MISSING, KEYSTORE_TOKEN_MODULE_WRONG.
 */
export async function loadCryptoki(path: string): Promise<Cryptoki> {
  if (!isAbsolute(path)) throw keystoreErrors.error("KEYSTORE_TOKEN_MODULE_WRONG", { path });
  const { PKCS11 } = await import("pkcs11js").catch((cause: unknown) => {
    throw keystoreErrors.error("KEYSTORE_TOKEN_SUPPORT_MISSING", {}, cause);
  });
  const module = new PKCS11();
  try {
    module.load(path);
  } catch (cause) {
    throw keystoreErrors.error("KEYSTORE_TOKEN_MODULE_WRONG", { path }, cause);
  }
  return module;
}
