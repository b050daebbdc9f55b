import { apiErrors, mediaType, pathOf, type ReleaseStatementView, type ReleaseView, routes, type ServerView } from "@sealane/api";
import { outputOf } from "@sealane/cli";
import { encodePublication, parseRelease, signRelease, verifyRelease } from "@sealane/software";
import type { Command } from "commander";
import { clockSeconds } from "../clock.ts";
import { type Connection, connect } from "../connect.ts";
import { anchorOf, anyNumber, publisherOf } from "./publish.ts";

interface RenewOptions {
  readonly sequence?: string;
  readonly floor?: string;
  readonly state?: string;
  readonly input?: boolean;
}

/**
 * `sealane release renew MODULE`: the publisher signs a release that is offered anew, with a certificate of now and unchanged but for the
 * lowest sequence to set back to. Only what its own name has signed before is signed again, as proven under the CA of the profile. The content key stays at the server.
 * Errors: RELEASE_UNKNOWN, those of `verifyRelease`, STATEMENT_SIGNER_WRONG (it is another publisher's), PUBLISH_KEY_MISSING, KEYSTORE_TOKEN_*.
 */
export async function runReleaseRenew(module: string, command: Command): Promise<void> {
  const options = command.opts<RenewOptions>();
  const connection = await connect(options.state);
  const { client, profile } = connection;
  const { artefactId } = await chooseRelease(module, options, connection);
  const { statement } = await client.get<ReleaseStatementView>(pathOf(routes.release, artefactId));
  const anchor = anchorOf(await client.get<ServerView>(routes.server), profile.fingerprint);
  const bytes = Uint8Array.fromBase64(statement);
  const { publishedAtSeconds } = parseRelease(bytes).release;
  const { digest: _, certificate: __, ...content } = verifyRelease(bytes, { anchors: [anchor], nowSeconds: publishedAtSeconds });
  await using opened = new AsyncDisposableStack();
  const publisher = await publisherOf(connection, { ...options, opened });
  const floor = options.floor === undefined ? {} : { floorSequence: anyNumber("--floor", options.floor) };
  const release = await signRelease({ ...publisher, release: { ...content, ...floor, publishedAtSeconds: clockSeconds() } });
  const body = { type: mediaType.cbor, content: encodePublication({ release, sealedContentKey: null }) };
  const view = await client.send<ReleaseView>(routes.releases, body);
  outputOf(command).event("renewed", { ...view }, `Signed ${view.module} ${view.version} (sequence ${view.sequence}) anew.`);
}

/** The newest that is offered, or the one of a sequence. Error: RELEASE_UNKNOWN. */
async function chooseRelease(module: string, { sequence }: RenewOptions, { client }: Connection): Promise<ReleaseView> {
  const wanted = sequence === undefined ? null : anyNumber("--sequence", sequence);
  const releases = await client.get<readonly ReleaseView[]>(routes.releases); // the newest of a module first
  const found = releases.find((each) => each.module === module && each.grade !== null && (wanted ?? each.sequence) === each.sequence);
  if (found === undefined) throw apiErrors.error("RELEASE_UNKNOWN", { module });
  return found;
}
