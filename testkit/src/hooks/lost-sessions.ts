import { appendFileSync } from "node:fs";
import { PKCS11 } from "pkcs11js";

/**
 * At SIGUSR2 all sessions that this process has with tokens of the PKCS #11 module SEALANE_TOKEN_MODULE end, as when another user of the
 * module ends them or a token is reset; then a byte is added to the file SEALANE_TOKEN_COUNT.
 */

process.on("SIGUSR2", () => {
  const module = new PKCS11();
  module.load(process.env["SEALANE_TOKEN_MODULE"] ?? "");
  for (const slot of module.C_GetSlotList(true)) module.C_CloseAllSessions(slot);
  appendFileSync(process.env["SEALANE_TOKEN_COUNT"] ?? "", ".");
});
