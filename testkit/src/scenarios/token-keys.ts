import { lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";
import pkcs11, { PKCS11 } from "pkcs11js";
import { pin, type SoftToken } from "../soft-token.ts";
import { softHsm } from "../tools.ts";
import { demand } from "./failure.ts";
import { filesBelow } from "./installation.ts";

/** What a look at tokens and folders says of where private keys are. */

const { CKA_ALWAYS_SENSITIVE, CKA_EXTRACTABLE, CKA_LOCAL, CKA_NEVER_EXTRACTABLE, CKA_PRIVATE_EXPONENT, CKA_SENSITIVE, CKA_VALUE } = pkcs11;

/** What is true of a key that was made in its token and can never leave it. */
const kept: readonly (readonly [string, number, 0 | 1])[] = [
  ["CKA_LOCAL", CKA_LOCAL, 1],
  ["CKA_SENSITIVE", CKA_SENSITIVE, 1],
  ["CKA_ALWAYS_SENSITIVE", CKA_ALWAYS_SENSITIVE, 1],
  ["CKA_EXTRACTABLE", CKA_EXTRACTABLE, 0],
  ["CKA_NEVER_EXTRACTABLE", CKA_NEVER_EXTRACTABLE, 1],
];

/** Fails unless every private key of a token is kept there, as somebody sees it who knows the PIN; gives how many there are. */
export function demandKept(token: SoftToken): number {
  const module = new PKCS11();
  module.load(softHsm ?? "");
  module.C_Initialize();
  try {
    const slot = module.C_GetSlotList(true).find((each) => module.C_GetTokenInfo(each).label.trimEnd() === token.label);
    demand(slot !== undefined, `The token ${token.label} is not there.`);
    const session = module.C_OpenSession(slot, pkcs11.CKF_SERIAL_SESSION | pkcs11.CKF_RW_SESSION);
    module.C_Login(session, pkcs11.CKU_USER, pin);
    demand(find(module, session, pkcs11.CKO_SECRET_KEY).length === 0, `${token.label} has a secret that was agreed on.`);
    const keys = find(module, session, pkcs11.CKO_PRIVATE_KEY);
    for (const key of keys) demandKeptKey(module, session, key);
    return keys.length;
  } finally {
    module.C_Finalize();
  }
}

function demandKeptKey(module: PKCS11, session: Buffer, key: Buffer): void {
  const read = (type: number): Buffer | undefined => module.C_GetAttributeValue(session, key, [{ type }])[0]?.value;
  for (const [name, type, expected] of kept) demand(read(type)?.[0] === expected, `A key's ${name} is not ${expected}.`);
  const secret = read(pkcs11.CKA_KEY_TYPE)?.[0] === pkcs11.CKK_RSA ? CKA_PRIVATE_EXPONENT : CKA_VALUE;
  let refusal = "";
  try {
    read(secret);
  } catch (error) {
    refusal = String(error);
  }
  demand(refusal.includes("CKR_ATTRIBUTE_SENSITIVE"), "A private key can be read out of its token.", refusal);
}

function find(module: PKCS11, session: Buffer, type: number): readonly Buffer[] {
  module.C_FindObjectsInit(session, [{ type: pkcs11.CKA_CLASS, value: type }]);
  try {
    return module.C_FindObjects(session, 100);
  } finally {
    module.C_FindObjectsFinal(session);
  }
}

/** Fails when a folder has a private key in a file, by name or by content, that is not among these. */
export function demandNoKeyFiles(folder: string, allowed: readonly string[]): void {
  const files = filesBelow(folder).filter((name) => lstatSync(join(folder, name)).isFile());
  const found = files.filter((name) => name.endsWith(".pem") || readFileSync(join(folder, name)).includes("PRIVATE KEY"));
  demand(found.join() === allowed.join(), `Private keys are in files other than ${allowed.join(", ") || "none"}.`, found.join("\n"));
}
