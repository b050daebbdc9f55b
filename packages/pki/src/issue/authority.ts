import type { Randomness, SigningKey } from "@sealane/crypto";
import type { Name } from "@sealane/wire";
import { maxCommonNameBytes, rootPathLength } from "../limits.ts";
import {
  basicConstraints,
  keyIdentifierOf,
  keyUsage,
  signCertificate,
  subjectAltName,
  subjectKeyIdentifier,
} from "./signed-certificate.ts";

export interface AuthorityInput {
  readonly name: Name;
  /** A handle of the authority's own key, in a file, a token or a service. */
  readonly key: SigningKey;
  readonly notBeforeSeconds: number;
  readonly notAfterSeconds: number;
  readonly random: Randomness;
}

/**
 * Makes the self-signed certificate (DER) of a new root authority, with room for one intermediate below it.
 *
 * The common name is for people; a name that is longer than X.509 allows for it is cut there. Errors: PKI_VALIDITY_WRONG,
 * PKI_AUTHORITY_KEY_WRONG; what the handle throws.
 */
export async function createAuthority(input: AuthorityInput): Promise<Uint8Array> {
  const { name, key, notBeforeSeconds, notAfterSeconds, random } = input;
  const distinguishedName = { commonName: name.slice(0, maxCommonNameBytes) };
  return await signCertificate(
    {
      publicKey: key.publicKey,
      subject: distinguishedName,
      issuer: distinguishedName,
      notBeforeSeconds,
      notAfterSeconds,
      random,
      extensions: [
        basicConstraints(rootPathLength),
        keyUsage(["keyCertSign", "cRLSign"]),
        subjectAltName(name),
        subjectKeyIdentifier(keyIdentifierOf(key.publicKey)),
      ],
    },
    key,
  );
}
