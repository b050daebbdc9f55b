import { pathOf, type ReleaseStatementView, type ReleaseView, routes } from "@sealane/api";
import type { TrustAnchor } from "@sealane/pki";
import { type ReleaseContent, verifyFormerRelease, verifyRelease } from "@sealane/software";
import { commandErrors } from "./errors.ts";
import type { OperatorClient } from "./operator-client.ts";

/**
 * The release that stands so in the server's list, as a publisher of this CA signed it, of this version or of 0.1; it counts as of the time
 * that it names itself. The server's list says only where to look: what is not proven to be the same is refused.
 * Errors: RELEASE_SERVER_WRONG, those of `verifyRelease`.
 */
export async function provenRelease(
  listed: ReleaseView,
  given: { readonly client: OperatorClient; readonly anchor: TrustAnchor },
): Promise<ReleaseContent> {
  const { statement } = await given.client.get<ReleaseStatementView>(pathOf(routes.release, listed.artefactId));
  const trust = { anchors: [given.anchor], nowSeconds: listed.publishedAtSeconds };
  const content = contentOf(Uint8Array.fromBase64(statement), { trust, isFormer: listed.grade === null });
  const { module, sequence, sha256, publishedAtSeconds } = content;
  const isListed =
    module === listed.module &&
    sequence === listed.sequence &&
    sha256.toHex() === listed.sha256 &&
    publishedAtSeconds === listed.publishedAtSeconds;
  if (!isListed) throw commandErrors.error("RELEASE_SERVER_WRONG", { module, sequence, sha256: sha256.toHex(), publishedAtSeconds });
  return content;
}

function contentOf(
  bytes: Uint8Array,
  { trust, isFormer }: { readonly trust: Parameters<typeof verifyRelease>[1]; readonly isFormer: boolean },
): ReleaseContent {
  if (isFormer) {
    const { keyRole: _, encrypted: __, ...former } = verifyFormerRelease(bytes, trust);
    return former;
  }
  const { digest: _, certificate: __, ...content } = verifyRelease(bytes, trust);
  return content;
}
