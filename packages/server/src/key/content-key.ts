import {
  type ContentKey,
  openContentKey,
  openFormerContentKey,
  parseSealedContentKey,
  type SealedKeyBinding,
  sealContentKey,
  softwareErrors,
} from "@sealane/software";
import { equalBytes, hasCode, type SealaneError } from "@sealane/wire";
import type { KeyRoleKeys } from "../certified-keys.ts";
import type { ContentKeys } from "../operator/operator-role.ts";
import type { SealedKeyRow } from "../storage/releases.ts";
import type { KeyRole } from "./key-role.ts";

/** Content keys of releases, sealed to this server's key role. */

/** What a content key is opened with: the key role's decryption keys. */
type Opener = Pick<KeyRoleKeys, "self">;

/**
 * Opens the content key of a release: with the key whose certificate it names, and where that certificate was renewed meanwhile, with any
 * other. Errors: RELEASE_KEY_WRONG, KEYSTORE_*.
 */
export async function contentKeyOf({ self }: Opener, release: SealedKeyBinding, sealed: Uint8Array): Promise<ContentKey> {
  const { keyRole } = parseSealedContentKey(sealed);
  const named = self.decryption.filter(({ certificate }) => equalBytes(certificate.thumbprint, keyRole));
  let refusal = softwareErrors.error("RELEASE_KEY_WRONG", { reason: "sealed to another certificate" });
  for (const { key } of named.length > 0 ? named : self.decryption) {
    try {
      return await openContentKey(sealed, release, key);
    } catch (error) {
      if (!hasCode(error, "RELEASE_KEY_WRONG")) throw error;
      refusal = error;
    }
  }
  throw refusal;
}

/** What this key role does for the operator role of its process. */
export function contentKeysOf(role: Pick<KeyRole, "self" | "random">): ContentKeys {
  const { self, random } = role;
  return {
    requireOpens: async (release, sealed) => void (await contentKeyOf(role, release, sealed))[Symbol.dispose](),
    async sealFormer(release, former) {
      const own = self.decryption.find(({ certificate }) => equalBytes(certificate.thumbprint, former.keyRole));
      const [current] = self.decryption;
      if (own === undefined || current === undefined)
        throw softwareErrors.error("RELEASE_KEY_WRONG", { reason: "sealed to another certificate" });
      using contentKey = await openFormerContentKey(former, own.key);
      return sealContentKey({ contentKey, release, keyRole: current.certificate, random });
    },
  };
}

/** How a run of {@link resealContentKeys} went. */
export interface Resealed {
  readonly resealed: number;
  /** Why others could not be opened, for the log: a key that this server does not hold any more. */
  readonly failures: readonly SealaneError[];
}

/**
 * Seals anew to the first decryption key what is sealed to another of this key role's keys, or to a certificate that was renewed: a key
 * can be taken out of use without any publisher. Errors: KEYSTORE_*, STORE_*.
 */
export async function resealContentKeys(role: Pick<KeyRole, "self" | "stores" | "random">): Promise<Resealed> {
  const { self, stores, random } = role;
  const [current] = self.decryption;
  const failures: SealaneError[] = [];
  let resealed = 0;
  for (const row of current === undefined ? [] : await stores.releases.sealedKeys()) {
    const { sealedContentKey: before, release } = row;
    if (current === undefined || isSealedTo(row, current.certificate.thumbprint)) continue;
    try {
      using contentKey = await contentKeyOf({ self }, release, before);
      const after = sealContentKey({ contentKey, release, keyRole: current.certificate, random });
      if (await stores.releases.reseal(release.artefactId, { before, after })) resealed++;
    } catch (error) {
      if (!hasCode(error, "RELEASE_KEY_WRONG")) throw error;
      failures.push(error);
    }
  }
  return { resealed, failures };
}

function isSealedTo({ sealedContentKey }: SealedKeyRow, thumbprint: Uint8Array): boolean {
  try {
    return equalBytes(parseSealedContentKey(sealedContentKey).keyRole, thumbprint);
  } catch (error) {
    if (hasCode(error, "RELEASE_KEY_WRONG")) return false; // told when it is opened
    throw error;
  }
}
