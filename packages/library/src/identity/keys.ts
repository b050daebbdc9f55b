import {
  type AgreementKey,
  type DecryptionKey,
  type KeyKind,
  type KeyKinds,
  type KeyPurpose,
  keyKindsOf,
  type SigningKey,
  SoftwareKey,
  type SuiteName,
  standardKinds,
  suitesNamed,
} from "@sealane/crypto";

import type { KeyStore } from "@sealane/keystore";

/** The private keys of one party: for each purpose one of each kind that its suites use, in their order. */
export interface PartyKeys {
  readonly signing: readonly SigningKey[];
  readonly decryption: readonly DecryptionKey[];
  readonly agreement: readonly AgreementKey[];
}

/**
 * Makes new keys in this process's memory: they are gone when it ends. The random bytes are those of `node:crypto`. They are for
 * `hybrid` and `x25519` unless told. Error: CRYPTO_SUITE_UNKNOWN.
 */
export function makeKeys(suites?: readonly SuiteName[]): PartyKeys {
  const kinds = kindsFor(suites);
  return {
    signing: kinds.signing.map((kind) => SoftwareKey.generate(kind).signingKey()),
    decryption: kinds.decryption.map((kind) => SoftwareKey.generate(kind).decryptionKey()),
    agreement: kinds.agreement.map((kind) => SoftwareKey.generate(kind).agreementKey()),
  };
}

/** Makes one key that signs, in this process's memory: an authority's or an issuer's. */
export function makeSigningKey(kind: KeyKind = "ed25519"): SigningKey {
  return SoftwareKey.generate(kind).signingKey();
}

/**
 * Opens the keys of a party in a store, and makes those that are not there yet. Their ids are `ID-sign-KIND`, `ID-decrypt-KIND` and
 * `ID-agree-KIND`; they are for the same suites.
 * Errors: CRYPTO_SUITE_UNKNOWN; KEYSTORE_ID_WRONG for an id that is not 1 to 48 of `a-z 0-9 -`; those of the store.
 */
export async function openKeys(store: KeyStore, id: string, suites?: readonly SuiteName[]): Promise<PartyKeys> {
  const open = async <Key>(use: KeyPurpose, of: readonly KeyKind[], take: (keyId: string) => Promise<Key>): Promise<readonly Key[]> => {
    const keys: Key[] = [];
    for (const kind of of) {
      const keyId = `${id}-${use}-${kind}`;
      if (!(await store.has(keyId))) await store.generate(keyId, kind, use);
      keys.push(await take(keyId));
    }
    return keys;
  };
  const kinds = kindsFor(suites);
  return {
    signing: await open("sign", kinds.signing, (keyId) => store.signingKey(keyId)),
    decryption: await open("decrypt", kinds.decryption, (keyId) => store.decryptionKey(keyId)),
    agreement: await open("agree", kinds.agreement, (keyId) => store.agreementKey(keyId)),
  };
}

function kindsFor(names: readonly SuiteName[] | undefined): KeyKinds {
  return names === undefined ? standardKinds : keyKindsOf(suitesNamed(names));
}
