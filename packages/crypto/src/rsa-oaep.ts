import { constants, publicEncrypt } from "node:crypto";
import type { KeyTransport } from "./encryption.ts";
import { cryptoErrors } from "./errors.ts";
import type { RsaKind } from "./rsa-modulus.ts";

/**
 * Padding of RSA-OAEP-256: SHA-256, MGF1 of the same, an empty label (RFC 8017, section 7.1; RFC 8230, section 3), as `node:crypto`
 * takes it.
 */
export const oaep256: { readonly padding: number; readonly oaepHash: "sha256" } = {
  padding: constants.RSA_PKCS1_OAEP_PADDING,
  oaepHash: "sha256",
};

/** RSA-OAEP-256, COSE -41, one for each kind of key. The padding's seed comes from the system: OpenSSL lets nobody choose it. */
export const rsaOaep2048: KeyTransport = rsaOaep("rsa2048");
export const rsaOaep3072: KeyTransport = rsaOaep("rsa3072");
export const rsaOaep4096: KeyTransport = rsaOaep("rsa4096");

function rsaOaep(keyKind: RsaKind): KeyTransport {
  return {
    form: "key transport",
    keyKind,
    coseId: -41,
    wrapKey(publicKey, contentKey) {
      if (publicKey.kind !== keyKind) throw cryptoErrors.error("CRYPTO_PUBLIC_KEY_WRONG", { kind: publicKey.kind });
      return publicEncrypt({ key: publicKey.native, ...oaep256 }, contentKey);
    },
  };
}
