import type { WrapBinding } from "@sealane/link";
import type { ArtefactId, Digest } from "@sealane/wire";
import type { Environment } from "../environment.ts";

/** Which licence a content key is wrapped for; a verified and an issued licence are one. */
export interface LicenceBinding {
  readonly artefactId: ArtefactId;
  /** SHA-256 of the encoded licence. */
  readonly digest: Digest;
}

/** The same for a wrap that is made or opened now. */
export function wrapBinding({ artefactId, digest }: LicenceBinding, { clock, random }: Environment): WrapBinding {
  return { artefactId, licenceDigest: digest, nowSeconds: clock.nowSeconds(), random };
}
