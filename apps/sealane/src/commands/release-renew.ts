import { apiErrors, mediaType, type ReleaseView, routes, type ServerView } from "@sealane/api";
import { cliErrors, formatTime, outputOf } from "@sealane/cli";
import { encodePublication, type ReleaseContent, signRelease } from "@sealane/software";
import type { Command } from "commander";
import { clockSeconds } from "../clock.ts";
import { connect } from "../connect.ts";
import { provenRelease } from "../proven-release.ts";
import { anchorOf, anyNumber, publisherOf, viewOfSigned } from "./publish.ts";

interface RenewOptions {
  readonly floor: string;
  readonly state?: string;
  readonly input?: boolean;
}

/**
 * `sealane release renew MODULE@SEQUENCE:SHA256... --floor N`: the publisher signs releases anew, with a certificate of now and unchanged but
 * for the floor; also those of version 0.1, which no terminal takes as they are. What is signed is named by its publisher and proven, under
 * the CA of the profile, to be what this name signed before; whoever has the server chooses nothing of it. Nothing is signed unless all
 * of them are proven. The content keys stay at the server.
 * Errors: CLI_USAGE_WRONG, RELEASE_UNKNOWN, RELEASE_SERVER_WRONG, those of `verifyRelease`, STATEMENT_SIGNER_WRONG (it is another
 * publisher's), STATEMENT_CONTENT_WRONG (a floor above the sequence), PUBLISH_KEY_MISSING, KEYSTORE_TOKEN_*.
 */
export async function runReleaseRenew(names: readonly string[], command: Command): Promise<void> {
  const options = command.opts<RenewOptions>();
  const wanted = names.map(parseWanted);
  const floorSequence = anyNumber("--floor", options.floor);
  const connection = await connect(options.state);
  const { client, profile } = connection;
  const anchor = anchorOf(await client.get<ServerView>(routes.server), profile.fingerprint);
  await using opened = new AsyncDisposableStack();
  const publisher = await publisherOf(connection, { ...options, opened });
  const listed = await client.get<readonly ReleaseView[]>(routes.releases);
  const proven: ReleaseContent[] = [];
  for (const view of wanted.flatMap((each) => findListed(each, listed))) proven.push(await provenRelease(view, { client, anchor }));
  for (const content of proven) {
    const { module, version, sequence, publishedAtSeconds } = content;
    const signed = { ...content, floorSequence, publishedAtSeconds: clockSeconds() };
    const release = await signRelease({ ...publisher, release: signed });
    const body = { type: mediaType.cbor, content: encodePublication({ release, sealedContentKey: null }) };
    await client.send<ReleaseView>(routes.releases, body);
    const words = [
      `Signed ${module} ${version} (sequence ${sequence}) of ${formatTime(publishedAtSeconds)} anew.`,
      `  sha256   ${content.sha256.toHex()}`,
    ];
    outputOf(command).event("renewed", { ...viewOfSigned(signed), firstPublishedAtSeconds: publishedAtSeconds }, words.join("\n"));
  }
}

/** What its publisher names. The digest is the software's: two releases of one sequence, for different models, are told apart by it. */
interface Wanted {
  readonly module: string;
  readonly sequence: number;
  readonly sha256: string;
}

function parseWanted(text: string): Wanted {
  const [, module, sequence, sha256] = /^([^@:]+)@(\d{1,16}):([0-9a-fA-F]{64})$/.exec(text) ?? [];
  if (module === undefined || sequence === undefined || sha256 === undefined)
    throw cliErrors.error("CLI_USAGE_WRONG", {
      option: "<release>",
      value: text,
      expected: "MODULE@SEQUENCE:SHA256, as `publish` printed them",
    });
  return { module, sequence: anyNumber("<release>", sequence), sha256: sha256.toLowerCase() };
}

/** More than one only where the same bytes were released for different models. Error: RELEASE_UNKNOWN. */
function findListed({ module, sequence, sha256 }: Wanted, listed: readonly ReleaseView[]): readonly ReleaseView[] {
  const found = listed.filter((each) => each.module === module && each.sequence === sequence && each.sha256 === sha256);
  if (found.length === 0) throw apiErrors.error("RELEASE_UNKNOWN", { module, sequence, sha256 });
  return found;
}
