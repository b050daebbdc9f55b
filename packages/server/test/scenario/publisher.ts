import { type SigningKey, SoftwareKey } from "@sealane/crypto";
import type { VerifiedCertificate } from "@sealane/pki";
import { type ContentKey, issueRelease, type ReleaseContent, sealBytes, signRelease } from "@sealane/software";
import { type ArtefactId, parseName } from "@sealane/wire";
import { issuePublisher } from "../../src/index.ts";

/** Software that was sealed and signed, before it is uploaded. */
export interface Prepared {
  readonly artefactId: ArtefactId;
  readonly contentKey: ContentKey;
  readonly plaintext: Uint8Array;
  readonly artefact: Uint8Array;
  /** What is posted: the release with its sealed content key. */
  readonly publication: Uint8Array;
  readonly release: ReleaseContent;
}

/** A publisher with a key of its own. */
export class Publisher {
  readonly #key: SigningKey;
  readonly #chain: readonly Uint8Array[];

  private constructor(key: SigningKey, chain: readonly Uint8Array[]) {
    this.#key = key;
    this.#chain = chain;
  }

  static async appoint(folder: string, nowSeconds: number, name = "publisher"): Promise<Publisher> {
    const key = SoftwareKey.generate("ed25519").signingKey();
    const chain = await issuePublisher({ folder, name: parseName(name), publicKey: key.publicKey, nowSeconds });
    return new Publisher(key, chain);
  }

  /** Signs a release without its content key. */
  async sign(release: ReleaseContent): Promise<Uint8Array> {
    return await signRelease({ key: this.#key, chain: this.#chain, release });
  }

  async prepare(
    content: string | Uint8Array,
    keyRole: VerifiedCertificate,
    changes: Partial<ReleaseContent> & { readonly nowSeconds: number },
  ): Promise<Prepared> {
    const { nowSeconds, ...release } = changes;
    const plaintext = typeof content === "string" ? new TextEncoder().encode(content) : content;
    const { artefact, sealed } = sealBytes(plaintext, { segmentBytes: 65_536 });
    const { artefactId, contentKey } = sealed;
    const signed: ReleaseContent = {
      ...sealed,
      module: "app",
      version: `${release.sequence ?? 1}.0`,
      sequence: 1,
      models: ["m1"],
      softwareClass: "application",
      format: "file",
      entry: null,
      publisher: parseName("publisher"),
      publishedAtSeconds: nowSeconds,
      grade: "confidential",
      ...release,
    };
    const publication = await issueRelease({ key: this.#key, chain: this.#chain, contentKey, keyRole, release: signed });
    return { artefactId, contentKey, plaintext, artefact, publication, release: signed };
  }
}
