import { hasCode } from "@sealane/wire";
import { hpkeFor } from "./encryption.ts";
import { cryptoErrors } from "./errors.ts";
import type { AgreementKey, PossessionKey } from "./key-handles.ts";
import type { Secret } from "./secret.ts";

/**
 * Makes of an agreement key the handle that proves at enrolment that the key is held: it opens the certificate that was encrypted
 * to the key (docs/protocol.md, enrolment).
 *
 * An encapsulated key of every KEM here is a g^y and its secret follows from g^xy (`Kem.secretOf`), so that no key handle, token or
 * store has to open an agreement key for anything but agreement: on X-Wing it is g^xy, in a group DHKEM's extraction of it (RFC 9180,
 * section 4.1). Error: CRYPTO_PUBLIC_KEY_WRONG for a key that nothing is encrypted to by HPKE.
 */
export function possessionOf(key: AgreementKey): PossessionKey {
  const { publicKey } = key;
  const { kem } = hpkeFor(publicKey).hpke;
  return {
    purpose: "prove possession",
    publicKey,
    async decapsulate(encapsulated) {
      using agreed = await agreeToOpen(key, encapsulated);
      return agreed.use((shared) => kem.secretOf(Uint8Array.from(shared), { encapsulated, recipientRaw: publicKey.raw }));
    },
  };
}

/** Opening has one failure, whatever was wrong. */
async function agreeToOpen(key: AgreementKey, encapsulated: Uint8Array): Promise<Secret<"agreed secret">> {
  try {
    return await key.agree(encapsulated);
  } catch (error) {
    throw hasCode(error, "CRYPTO_SHARE_WRONG") ? cryptoErrors.error("CRYPTO_OPEN_FAILED") : error;
  }
}
