import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type ArtefactView, mediaType, type ReleaseView, routes, type ServerView } from "@sealane/api";
import { cliErrors, formatBytes, type Output, outputOf, parseWholeNumber } from "@sealane/cli";
import { cryptoErrors } from "@sealane/crypto";
import { type TrustAnchor, trustAnchor, type VerifiedCertificate, verifyCertificate } from "@sealane/pki";
import {
  issueRelease,
  type ReleaseContent,
  readArtefactHeader,
  requireDescribed,
  type SealedArtefact,
  type SoftwareClass,
  type SoftwareFormat,
  type StatementSigner,
  sealFile,
  softwareErrors,
} from "@sealane/software";
import { checkArchiveFile } from "@sealane/software/archive";
import { equalBytes, hasCode, parseName, thumbprint } from "@sealane/wire";
import type { Command } from "commander";
import { clockSeconds } from "../clock.ts";
import { type Connection, connect } from "../connect.ts";
import { commandErrors } from "../errors.ts";
import { publisherKeyId } from "../profile.ts";
import { provenRelease } from "../proven-release.ts";
import { type PublishedList, publishedBefore, requireSameFile, type Wanted } from "../publish/published-before.ts";
import { Staging } from "../publish/staging.ts";
import { signerOf } from "../signer.ts";
import { beginsAsTar } from "../tar-header.ts";

interface PublishOptions {
  readonly name: string;
  readonly version: string;
  readonly sequence?: string;
  readonly model?: readonly string[];
  readonly class: SoftwareClass;
  readonly format?: SoftwareFormat;
  readonly entry?: string;
  readonly segmentBytes?: string;
  readonly public?: boolean;
  readonly again?: boolean;
  readonly floor?: string;
  readonly state?: string;
  readonly input?: boolean;
}

/** So often a publication is tried again when others of the module were quicker. */
const maxTries = 20;

/**
 * `sealane publish FILE --name M --version V`: reads an archive as a terminal would, seals the file, checks that the release describes it,
 * sends the sealed file to the store, then the signed release, which makes it known. Killed at any point it leaves either no release or a
 * whole one; run again it begins anew with a fresh key, or finds that the very same was published and changes nothing.
 */
export async function runPublish(file: string, command: Command): Promise<void> {
  const output = outputOf(command);
  const options = command.opts<PublishOptions>();
  requireFile(file);
  const connection = await connect(options.state);
  const { client, folder } = connection;
  const server = await client.get<ServerView>(routes.server);
  const anchor = anchorOf(server, connection.profile.fingerprint);
  const keyRole = keyRoleOf(server, anchor);
  await using opened = new AsyncDisposableStack();
  const publisher = await publisherOf(connection, { ...options, opened });
  const format = await formatOf(file, options);
  const checked = format === "tar" ? await checkArchiveFile(file, options.entry ?? null) : null;
  await using staging = await Staging.make(folder.sealing);
  const target = join(staging.path, "software.sealed");
  const sealed = await seal(file, { options, target, output });
  using contentKey = sealed.contentKey;
  if (checked !== null && !equalBytes(checked.sha256, sealed.sha256)) throw softwareErrors.error("ARTEFACT_SOURCE_CHANGED");
  const header = await readArtefactHeader(target);
  const wanted = await describe(file, { options, format, sealed, publisher: connection.profile.publisher });
  let stored: ArtefactView | null = null;
  for (let tried = 1; ; tried++) {
    const published = { releases: await client.get<readonly ReleaseView[]>(routes.releases), client, anchor };
    const before = await beforeOf(wanted, { options, published });
    if (before !== null) return reportBefore(output, before);
    const sequence = await sequenceOf(options, published);
    const content = { ...wanted, sequence, publishedAtSeconds: clockSeconds() };
    requireDescribed(content, { header, contentKey });
    const bytes = await issueRelease({ ...publisher, release: content, contentKey, keyRole });
    stored ??= await upload(target, { connection, sealed, output });
    try {
      await client.send<ReleaseView>(routes.releases, { type: mediaType.cbor, content: bytes });
      return report(output, { view: viewOfSigned(content), stored });
    } catch (error) {
      if (tried === maxTries || !isTaken(error)) throw error; // another publication was quicker: what it means for this one is asked anew
    }
  }
}

function isTaken(error: unknown): boolean {
  return hasCode(error, "SERVER_RELEASE_CONFLICT") || hasCode(error, "SERVER_VERSION_TAKEN");
}

/** The very same, published before; null also where it is to be published again. Errors: those of {@link publishedBefore}. */
async function beforeOf(
  wanted: Wanted,
  { options, published }: { readonly options: PublishOptions; readonly published: PublishedList },
): Promise<ReleaseContent | null> {
  if (options.again === true) {
    requireSameFile(wanted, published.releases);
    return null;
  }
  const before = await publishedBefore(wanted, published);
  if (before !== null && options.sequence !== undefined && anyNumber("--sequence", options.sequence) !== before.sequence) {
    const { module, version, sequence } = before;
    throw commandErrors.error("PUBLISH_VERSION_TAKEN", { module, version, sequence, differs: "sequence" });
  }
  return before;
}

async function seal(
  file: string,
  given: { readonly options: PublishOptions; readonly target: string; readonly output: Output },
): Promise<SealedArtefact> {
  const { options, target, output } = given;
  const bar = output.progress("sealing", (await stat(file)).size);
  const segmentBytes = options.segmentBytes === undefined ? {} : { segmentBytes: anyNumber("--segment-bytes", options.segmentBytes) };
  try {
    return await sealFile({ source: file, target, ...segmentBytes, onProgress: ({ doneBytes }) => bar.update(doneBytes) });
  } finally {
    bar.end();
  }
}

async function upload(
  path: string,
  given: { readonly connection: Connection; readonly sealed: SealedArtefact; readonly output: Output },
): Promise<ArtefactView> {
  const bytes = (await stat(path)).size;
  const bar = given.output.progress("sending", bytes);
  try {
    return await given.connection.client.send<ArtefactView>(routes.artefacts, {
      type: mediaType.artefact,
      content: { path, bytes, onSent: (sent) => bar.update(sent) },
    });
  } finally {
    bar.end();
  }
}

async function describe(
  file: string,
  given: {
    readonly options: PublishOptions;
    readonly format: SoftwareFormat;
    readonly sealed: SealedArtefact;
    readonly publisher: string;
  },
): Promise<Omit<ReleaseContent, "sequence" | "publishedAtSeconds">> {
  const { options, format, sealed } = given;
  const executable = ((await stat(file)).mode & 0o111) !== 0;
  const { artefactId, listDigest, sha256, plaintextBytes, segmentBytes } = sealed;
  return {
    module: options.name,
    version: options.version,
    models: options.model ?? [],
    softwareClass: options.class,
    format,
    entry: options.entry ?? (format === "file" && executable ? options.name : null),
    artefactId,
    listDigest,
    sha256,
    plaintextBytes,
    segmentBytes,
    publisher: parseName(given.publisher),
    grade: options.public === true ? "public" : "confidential",
    floorSequence: options.floor === undefined ? 0 : anyNumber("--floor", options.floor),
  };
}

/**
 * What was asked for, or one more than the highest published, which has to be proven: a server may leave releases out, but not make
 * numbers up. Errors: PUBLISH_SEQUENCE_TAKEN when the number asked for is not higher, RELEASE_SERVER_WRONG, those of `verifyRelease`.
 */
async function sequenceOf(options: PublishOptions, { releases, client, anchor }: PublishedList): Promise<number> {
  const own = releases.filter(({ module }) => module === options.name).toSorted((a, b) => b.sequence - a.sequence);
  const [newest] = own;
  if (options.sequence === undefined) return newest === undefined ? 1 : (await provenRelease(newest, { client, anchor })).sequence + 1;
  const sequence = anyNumber("--sequence", options.sequence);
  const highest = newest?.sequence ?? 0;
  if (sequence <= highest) throw commandErrors.error("PUBLISH_SEQUENCE_TAKEN", { module: options.name, sequence, highest });
  return sequence;
}

/** Standard input cannot be sealed: the file is read twice. Error: CLI_USAGE_WRONG. */
function requireFile(file: string): void {
  if (file === "-")
    throw cliErrors.error("CLI_USAGE_WRONG", { argument: "file", value: file, expected: "a file; write standard input to one" });
}

/** How the software is installed. Errors: CLI_USAGE_WRONG for an entry that a file cannot have, PUBLISH_ARCHIVE_WRONG. */
async function formatOf(file: string, options: PublishOptions): Promise<SoftwareFormat> {
  // A compressed archive is meant to be unpacked too, unless it is said to be a file.
  const format = options.format ?? (/\.(tar|tgz|tar\.\w+)$/i.test(file) ? "tar" : "file");
  if (format === "tar" && !(await beginsAsTar(file))) throw commandErrors.error("PUBLISH_ARCHIVE_WRONG", { path: file });
  if (format === "file" && options.entry !== undefined) {
    throw cliErrors.error("CLI_USAGE_WRONG", { option: "--entry", value: options.entry, expected: "an archive (--format tar)" });
  }
  return format;
}

/**
 * The key role's certificate for the first of its suites, proven under the CA whose fingerprint the profile holds. Stores keep what
 * is sealed to it for years: unless its operator chose other suites it is the hybrid one. Errors: CRYPTO_SUITE_UNKNOWN, PKI_*.
 */
function keyRoleOf(server: ServerView, anchor: TrustAnchor): VerifiedCertificate {
  const nowSeconds = clockSeconds();
  const certificates = server.decryptionChains.map((texts) => {
    const chain = texts.map((text) => Uint8Array.fromBase64(text));
    return verifyCertificate({ chain, anchors: [anchor], purpose: "server-decrypt", nowSeconds });
  });
  const [first] = certificates;
  if (first === undefined) throw cryptoErrors.error("CRYPTO_SUITE_UNKNOWN", { suite: "", peer: server.name });
  return first;
}

/** The CA whose fingerprint the profile holds. Errors: PKI_FINGERPRINT_WRONG and other PKI_*. */
export function anchorOf({ authority }: ServerView, fingerprint: string): TrustAnchor {
  return trustAnchor(Buffer.from(authority, "base64"), { fingerprint: thumbprint(Uint8Array.fromHex(fingerprint)) });
}

/** The publisher's key, for as long as its store is open, and chain, which only the machine has where `init` ran. Errors: PUBLISH_KEY_MISSING, KEYSTORE_TOKEN_*. */
export async function publisherOf(
  { folder, profile }: Connection,
  { input, opened }: Pick<PublishOptions, "input"> & { readonly opened: AsyncDisposableStack },
): Promise<StatementSigner> {
  const place = { folder: folder.keys, uri: profile.publisherKey, id: publisherKeyId, chain: folder.publisherChain };
  return await signerOf(place, { input, opened, missing: "PUBLISH_KEY_MISSING" });
}

/** What was signed here, to be shown: a server that was stolen would show something else, and people compare the digest. */
export function viewOfSigned(content: ReleaseContent): ReleaseView {
  const { module, version, sequence, models, artefactId, sha256, plaintextBytes, publishedAtSeconds, publisher, grade } = content;
  const digests = { artefactId: artefactId.toHex(), sha256: sha256.toHex() };
  const { floorSequence = 0 } = content;
  return { module, version, sequence, models, ...digests, plaintextBytes, publishedAtSeconds, publisher, grade, floorSequence };
}

function reportBefore(output: Output, content: ReleaseContent): void {
  const view = viewOfSigned(content);
  const words = [
    `Published before: ${view.module} ${view.version} (sequence ${view.sequence}) is this very software; nothing was changed.`,
    `  artefact ${view.artefactId}`,
    `  sha256   ${view.sha256}`,
  ];
  output.event("published", { ...view, before: true }, words.join("\n"));
}

function report(output: Output, done: { readonly view: ReleaseView; readonly stored: ArtefactView }): void {
  const { view, stored } = done;
  const more = stored.fileBytes - view.plaintextBytes;
  const words = [
    `Published ${view.module} ${view.version} (sequence ${view.sequence}): ${formatBytes(view.plaintextBytes)}, sealed with ${formatBytes(more)} more.`,
    `  artefact ${view.artefactId}`,
    `  sha256   ${view.sha256}`,
    view.grade === "public"
      ? "Any store may hold the sealed file. It is public: the server may give its key to everybody, for ever."
      : "Any store may hold the sealed file; only the server's key role can give its key, and to terminals only.",
  ];
  output.event(
    "published",
    { ...view, before: false, fileBytes: stored.fileBytes, overheadPercent: (100 * more) / Math.max(1, view.plaintextBytes) },
    words.join("\n"),
  );
}

/** The package that uses it knows its bounds. */
export function anyNumber(option: string, text: string): number {
  return parseWholeNumber({ option, text, min: 0, max: Number.MAX_SAFE_INTEGER });
}
