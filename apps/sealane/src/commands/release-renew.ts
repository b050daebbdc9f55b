import { apiErrors, mediaType, pathOf, type ReleaseStatementView, type ReleaseView, routes, type ServerView } from "@sealane/api";
import { outputOf } from "@sealane/cli";
import type { TrustAnchor } from "@sealane/pki";
import { encodePublication, type ReleaseContent, signRelease, verifyFormerRelease, verifyRelease } from "@sealane/software";
import type { Command } from "commander";
import { clockSeconds } from "../clock.ts";
import { type Connection, connect } from "../connect.ts";
import { commandErrors } from "../errors.ts";
import { anchorOf, anyNumber, publisherOf, viewOfSigned } from "./publish.ts";

interface RenewOptions {
  readonly sequence?: string;
  readonly floor?: string;
  readonly state?: string;
  readonly input?: boolean;
}

/**
 * `sealane release renew [MODULE]`: the publisher signs a release anew, with a certificate of now and unchanged but for the lowest sequence
 * to set back to; without a module, the newest that version 0.1 released of each, which no terminal takes as it is. Only what its own name has signed before
 * is signed again, as proven under the CA of the profile. The content key stays at the server.
 * Errors: RELEASE_UNKNOWN, RENEW_SERVER_WRONG (the server gave another release), those of `verifyRelease`, STATEMENT_SIGNER_WRONG (it is another
 * publisher's), PUBLISH_KEY_MISSING, KEYSTORE_TOKEN_*.
 */
export async function runReleaseRenew(module: string | undefined, command: Command): Promise<void> {
  const options = command.opts<RenewOptions>();
  const connection = await connect(options.state);
  const { client, profile } = connection;
  const anchor = anchorOf(await client.get<ServerView>(routes.server), profile.fingerprint);
  await using opened = new AsyncDisposableStack();
  const publisher = await publisherOf(connection, { ...options, opened });
  const floor = options.floor === undefined ? {} : { floorSequence: anyNumber("--floor", options.floor) };
  for (const chosen of await chooseReleases(module, options, connection)) {
    const { statement } = await client.get<ReleaseStatementView>(pathOf(routes.release, chosen.artefactId));
    const content = contentOf(chosen, Uint8Array.fromBase64(statement), anchor);
    const { version, sequence, publishedAtSeconds } = content;
    // Whoever has the server must choose neither which of this publisher's releases is signed anew nor as of when it is judged.
    if (content.module !== chosen.module || sequence !== chosen.sequence || publishedAtSeconds !== chosen.publishedAtSeconds)
      throw commandErrors.error("RENEW_SERVER_WRONG", { module: content.module, sequence, publishedAtSeconds });
    const signed = { ...content, ...floor, publishedAtSeconds: clockSeconds() };
    const release = await signRelease({ ...publisher, release: signed });
    const body = { type: mediaType.cbor, content: encodePublication({ release, sealedContentKey: null }) };
    await client.send<ReleaseView>(routes.releases, body);
    outputOf(command).event("renewed", { ...viewOfSigned(signed) }, `Signed ${content.module} ${version} (sequence ${sequence}) anew.`);
  }
}

/** What is signed anew, as its publisher signed it before: it counts as of the time that it was published. */
function contentOf({ grade, publishedAtSeconds: nowSeconds }: ReleaseView, bytes: Uint8Array, anchor: TrustAnchor): ReleaseContent {
  if (grade === null) {
    const { keyRole: _, encrypted: __, ...former } = verifyFormerRelease(bytes, { anchors: [anchor], nowSeconds });
    return former;
  }
  const { digest: _, certificate: __, ...content } = verifyRelease(bytes, { anchors: [anchor], nowSeconds });
  return content;
}

/**
 * The newest of a module, or the one of a sequence. Without a module: of each, for the same models, the newest, where version 0.1 released it
 * and it is not offered until it is signed anew. Error: RELEASE_UNKNOWN.
 */
async function chooseReleases(
  module: string | undefined,
  { sequence }: RenewOptions,
  { client, profile }: Connection,
): Promise<readonly ReleaseView[]> {
  const wanted = sequence === undefined ? null : anyNumber("--sequence", sequence);
  const releases = await client.get<readonly ReleaseView[]>(routes.releases); // the newest of a module first
  if (module === undefined) {
    const keyOf = (each: ReleaseView): string => JSON.stringify([each.module, each.models]);
    const newest = new Map(releases.toReversed().map((each) => [keyOf(each), each]));
    return [...newest.values()].filter(({ grade, publisher }) => grade === null && publisher === profile.publisher);
  }
  const found = releases.find((each) => each.module === module && (wanted ?? each.sequence) === each.sequence);
  if (found === undefined) throw apiErrors.error("RELEASE_UNKNOWN", { module });
  return [found];
}
