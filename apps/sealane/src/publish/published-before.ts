import type { ReleaseView } from "@sealane/api";
import type { TrustAnchor } from "@sealane/pki";
import type { ReleaseContent } from "@sealane/software";
import { equalBytes } from "@sealane/wire";
import { commandErrors } from "../errors.ts";
import type { OperatorClient } from "../operator-client.ts";
import { provenRelease } from "../proven-release.ts";

/** What is to be published, without what each publication has of its own. */
export type Wanted = Omit<ReleaseContent, "sequence" | "publishedAtSeconds" | "artefactId" | "listDigest">;

/** The server's list of a module's releases, and by whom each of them is proven. */
export interface PublishedList {
  readonly releases: readonly ReleaseView[];
  readonly client: OperatorClient;
  readonly anchor: TrustAnchor;
}

/**
 * The release by which the very same was published before, by a job that is tried again; null when this version of the module is free for
 * these models. Error: PUBLISH_VERSION_TAKEN when it is another file or other options that were published so, with the first that differs;
 * RELEASE_SERVER_WRONG and those of `verifyRelease` when the server's list is not proven.
 */
export async function publishedBefore(wanted: Wanted, { releases, ...given }: PublishedList): Promise<ReleaseContent | null> {
  const { module, version } = wanted;
  const taken = releases.filter((each) => each.module === module && each.version === version && meet(each.models, wanted.models));
  const [newest] = taken.toSorted((a, b) => b.sequence - a.sequence);
  if (newest === undefined) return null;
  const published = await provenRelease(newest, given);
  const differs = firstDifference(published, wanted);
  if (differs !== null) throw versionTaken(published, differs);
  return published;
}

/** Refuses another file under a version that is published. Error: PUBLISH_VERSION_TAKEN. */
export function requireSameFile(wanted: Wanted, releases: readonly ReleaseView[]): void {
  const { module, version, models } = wanted;
  const other = releases.find(
    (each) => each.module === module && each.version === version && meet(each.models, models) && each.sha256 !== wanted.sha256.toHex(),
  );
  if (other !== undefined) throw versionTaken(other, "sha256");
}

function versionTaken({ module, version, sequence }: Pick<ReleaseContent, "module" | "version" | "sequence">, differs: string): Error {
  return commandErrors.error("PUBLISH_VERSION_TAKEN", { module, version, sequence, differs });
}

/** Whether some model is for both; no models stand for any. */
function meet(some: readonly string[], others: readonly string[]): boolean {
  return some.length === 0 || others.length === 0 || some.some((model) => others.includes(model));
}

function firstDifference(published: ReleaseContent, wanted: Wanted): string | null {
  if (!equalBytes(published.sha256, wanted.sha256)) return "sha256";
  if (new Set(published.models).symmetricDifference(new Set(wanted.models)).size > 0) return "models";
  const plain = ["publisher", "softwareClass", "format", "entry", "grade", "segmentBytes", "floorSequence"] as const;
  return plain.find((field) => (published[field] ?? 0) !== (wanted[field] ?? 0)) ?? null;
}
