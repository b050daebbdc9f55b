import { maxInstalled } from "@sealane/api";
import { defaultSuite, type Secret, type Suite, suiteNamed } from "@sealane/crypto";
import { type ConfidentialLink, type Mechanism, mechanismNamed, type Role } from "@sealane/link";
import { type SoftwareDescription, softwareDescriptionCodec } from "@sealane/software";
import { encodeAs, equalBytes, SealaneError } from "@sealane/wire";
import { type ArtefactSource, httpSource, sourceNamed } from "./artefact-source.ts";
import { remove, removeTemporary } from "./disk.ts";
import { type DownloadResult, downloadArtefact } from "./download.ts";
import { type Download, findDownloads, isArtefact, openContentKey, removeUnusable, saveDownload } from "./download-record.ts";
import { terminalErrors } from "./errors.ts";
import type { LinkEvent } from "./events.ts";
import { HttpClient } from "./http-client.ts";
import { loadEnrolment } from "./identity.ts";
import { InboxClient, type LicenceReply, type OfferedLink } from "./inbox-client.ts";
import { InboxJournal } from "./inbox-journal.ts";
import { highestOf, type LocalModule, localModules, reportOf } from "./installed-modules.ts";
import { tidyKept } from "./kept-records.ts";
import { descriptionOf, proveLicence, requireKeyAlive } from "./licence.ts";
import { ask, originateLink, type Session } from "./link-client.ts";
import { describeLink, factsOf } from "./link-facts.ts";
import { type Chosen, chooseOffer } from "./offers.ts";
import { StateLock } from "./state-lock.ts";
import type { Terminal } from "./terminal.ts";

export interface FetchInput {
  /** One module; any that has something newer unless told. */
  readonly module?: string;
  /** Who originates the link: the terminal unless told. */
  readonly originator?: Role;
  readonly mechanism?: string;
  readonly suite?: string;
  /** Where the sealed file comes from, if not from the server: an address that serves the same paths, or a local file. */
  readonly source?: string;
  /** How long to wait for the server to originate; 25 seconds unless told. */
  readonly waitSeconds?: number;
}

export interface Fetched extends DownloadResult {
  readonly software: SoftwareDescription;
  readonly licenceExpiresAtSeconds: number;
  /** What the link promises that the content key came over. */
  readonly link: LinkEvent;
  readonly seconds: number;
  /** It was there already, complete. */
  readonly wasComplete: boolean;
  /** Other modules that have something newer. */
  readonly alsoOffered: readonly SoftwareDescription[];
}

/**
 * Fetches the newest software for this terminal: a link, a licence with the wrapped content key, and the sealed file, every segment
 * proven before it is written. What was begun is gone on with, without another link, while its licence and key are valid. Nothing
 * that is installed is touched.
 *
 * Errors: TERMINAL_NOT_ENROLLED, TERMINAL_STATE_LOCKED, TERMINAL_STATE_DAMAGED; TERMINAL_NOTHING_NEW, TERMINAL_NOTHING_WAITING;
 * LINK_*, CRYPTO_SUITE_UNKNOWN, those of `ask`; LICENCE_*, TERMINAL_LICENCE_CONTRADICTS, CRYPTO_OPEN_FAILED (another's wrap);
 * those of `downloadArtefact`, of the key store and of proving certificates.
 */
export async function fetchSoftware(terminal: Terminal, input: FetchInput = {}): Promise<Fetched> {
  const started = terminal.clock.elapsedMilliseconds();
  const choice = { mechanism: mechanismNamed(input.mechanism ?? "signed-transport"), suite: suiteNamed(input.suite ?? defaultSuite.name) };
  using _lock = await StateLock.take(terminal.folder, "downloads");
  const enrolment = await loadEnrolment(terminal);
  using http = new HttpClient({ environment: terminal.environment });
  const work: Work = {
    session: { terminal, enrolment, http },
    input,
    choice,
    journal: await InboxJournal.load(terminal),
    modules: await localModules(terminal),
    downloads: await tidyDownloads({ terminal, enrolment, http }),
  };
  const begun = (await resumable(work)) ?? (await obtain(work));
  const { download, alsoOffered } = begun;
  using contentKey = begun.contentKey;
  const result =
    contentKey === null
      ? wholeOf(download)
      : await downloadArtefact(terminal, { ...download, contentKey, source: sourceOf(work, download) });
  await removeOlder(work, download);
  if (work.journal.pending !== null) await work.journal.commit(null);
  return {
    ...result,
    software: descriptionOf(download.licence),
    licenceExpiresAtSeconds: download.licence.expiresAtSeconds,
    link: describeLink(download.record.link, enrolment.name),
    seconds: (terminal.clock.elapsedMilliseconds() - started) / 1000,
    wasComplete: contentKey === null,
    alsoOffered,
  };
}

interface Work {
  readonly session: Session;
  readonly input: FetchInput;
  readonly choice: { readonly mechanism: Mechanism; readonly suite: Suite };
  readonly journal: InboxJournal;
  readonly modules: readonly LocalModule[];
  readonly downloads: readonly Download[];
}

/** A download that can go on; one that is complete needs no content key. */
interface Begun {
  readonly download: Download;
  readonly contentKey: Secret<"content key"> | null;
  readonly alsoOffered: readonly SoftwareDescription[];
}

type Taken = Omit<Begun, "alsoOffered">;

/** Removes downloads whose licence or key has ended, and what is installed by now or older: their content keys go with them (KREP). */
async function tidyDownloads(session: Session): Promise<readonly Download[]> {
  const { terminal, enrolment } = session;
  await removeTemporary(terminal.folder.path);
  await tidyKept(terminal);
  const usable = await removeUnusable(await findDownloads(terminal, enrolment));
  const modules = await localModules(terminal);
  const isWanted = ({ licence }: Download): boolean => licence.sequence > highestOf(modules, licence.module);
  for (const each of usable) if (!isWanted(each)) await remove(each.folder.path);
  return usable.filter(isWanted);
}

async function resumable({ session, input, downloads }: Work): Promise<Begun | null> {
  const { terminal, enrolment } = session;
  const fits = ({ complete, licence }: Download): boolean => !complete && (input.module ?? licence.module) === licence.module;
  for (const download of downloads.filter(fits)) {
    try {
      const contentKey = await openContentKey(terminal, enrolment, download);
      terminal.onEvent({ kind: "stage", command: "fetch", stage: "resume" });
      return { download, contentKey, alsoOffered: [] };
    } catch (error) {
      const isKeptForOthers = error instanceof SealaneError && /^(CRYPTO|COSE|WIRE)_/.test(error.code);
      if (!isKeptForOthers) throw error;
      await remove(download.folder.path); // kept under keys of an enrolment that was replaced
    }
  }
  return null;
}

async function obtain(work: Work): Promise<Begun> {
  const { terminal } = work.session;
  terminal.onEvent({ kind: "stage", command: "fetch", stage: "link" });
  return (work.input.originator ?? "terminal") === "terminal" ? await obtainByAsking(work) : await obtainByWaiting(work);
}

async function obtainByAsking(work: Work): Promise<Begun> {
  const { session, input, choice, modules } = work;
  using link = await originateLink(session, choice);
  const installed = (await reportOf(modules)).slice(0, maxInstalled);
  const reply = await ask(session, link, { kind: "offers", module: input.module ?? null, installed });
  if (reply.kind !== "offers") throw terminalErrors.error("TERMINAL_SERVER_WRONG", { reply: reply.kind });
  const chosen = choose(work, reply.offers);
  if (chosen === null) throw terminalErrors.error("TERMINAL_NOTHING_NEW", input.module === undefined ? {} : { module: input.module });
  const { description, alsoOffered } = chosen;
  const complete = completeOf(work, description);
  if (complete !== null) return { download: complete, contentKey: null, alsoOffered };
  const licence = await ask(session, link, { kind: "licence", artefactId: description.artefactId });
  if (licence.kind !== "licence") throw terminalErrors.error("TERMINAL_SERVER_WRONG", { reply: licence.kind });
  return { ...(await takeLicence(session, { link, description, reply: licence })), alsoOffered };
}

async function obtainByWaiting(work: Work): Promise<Begun> {
  const { session, input, journal } = work;
  const client = new InboxClient(session, journal);
  const asked = await client.resumeRequest();
  if (asked !== null) {
    using _link = asked.link;
    const complete = completeOf(work, asked.description);
    if (complete !== null) return { download: complete, contentKey: null, alsoOffered: [] };
    const chosen = choose(work, [asked.description]);
    if (chosen !== null) return { ...(await takeLicence(session, asked)), alsoOffered: [] };
  }
  const answered = await client.resumeAnswer();
  const begun = answered === null ? null : await takeOffered(work, client, answered);
  if (begun !== null) return begun;
  let isAnswered = answered !== null;
  for await (const offered of client.links(input.waitSeconds ?? defaultWaitSeconds)) {
    const taken = await takeOffered(work, client, offered);
    if (taken !== null) return taken;
    isAnswered = true;
  }
  if (journal.pending !== null) await journal.commit(null);
  const complete = work.downloads.find((each) => each.complete && (input.module ?? each.licence.module) === each.licence.module);
  if (complete !== undefined) return { download: complete, contentKey: null, alsoOffered: [] };
  const reason = client.skipped.at(-1);
  const details = reason === undefined ? {} : { skipped: client.skipped.length, reason };
  throw terminalErrors.error(isAnswered ? "TERMINAL_NOTHING_NEW" : "TERMINAL_NOTHING_WAITING", details);
}

const defaultWaitSeconds = 25;

async function takeOffered(work: Work, client: InboxClient, offered: OfferedLink): Promise<Begun | null> {
  using link = offered.link;
  const chosen = choose(work, offered.offers);
  if (chosen === null) return null;
  const { description, alsoOffered } = chosen;
  const complete = completeOf(work, description);
  if (complete !== null) return { download: complete, contentKey: null, alsoOffered };
  const reply = await client.requestLicence(link, description);
  return { ...(await takeLicence(work.session, { link, description, reply })), alsoOffered };
}

function choose({ session, input, modules }: Work, offers: readonly SoftwareDescription[]): Chosen | null {
  return chooseOffer(offers, { module: input.module, model: session.enrolment.model, modules });
}

/** A download of what was offered that is complete already. */
function completeOf({ downloads }: Work, description: SoftwareDescription): Download | null {
  return downloads.find((each) => each.complete && isArtefact(each.licence, description)) ?? null;
}

/** Proves the licence for what was offered, unwraps the content key and writes both down before anything is fetched. */
async function takeLicence(
  session: Session,
  given: { readonly link: ConfidentialLink; readonly description: SoftwareDescription; readonly reply: LicenceReply },
): Promise<Taken> {
  const { terminal, enrolment } = session;
  const { link, description, reply } = given;
  const nowSeconds = terminal.clock.nowSeconds();
  const { artefactId } = description;
  const licence = proveLicence(reply.licence, { terminal, trust: enrolment, artefactId });
  const isOffered = equalBytes(encodeAs(softwareDescriptionCodec, licence), encodeAs(softwareDescriptionCodec, description));
  if (!isOffered) throw terminalErrors.error("TERMINAL_LICENCE_CONTRADICTS", { module: description.module });
  requireKeyAlive(licence, nowSeconds);
  const contentKey = link.unwrap(reply.wrap, { artefactId, licenceDigest: licence.digest, nowSeconds });
  try {
    const download = await saveDownload(terminal, enrolment, { licence, encoded: reply.licence, contentKey, link: factsOf(link) });
    return { download, contentKey };
  } catch (error) {
    contentKey[Symbol.dispose]();
    throw error;
  }
}

/** Downloads of the same module that this one makes useless. */
async function removeOlder({ downloads }: Work, { licence }: Download): Promise<void> {
  const older = downloads.filter((each) => each.licence.module === licence.module && each.licence.sequence < licence.sequence);
  for (const { folder } of older) await remove(folder.path);
}

function sourceOf({ session, input }: Work, { licence: { artefactId } }: Download): ArtefactSource {
  const { http, enrolment } = session;
  return input.source === undefined ? httpSource(http, enrolment.url, artefactId) : sourceNamed(input.source, { http, artefactId });
}

function wholeOf({ licence }: Download): DownloadResult {
  const segments = Math.max(1, Math.ceil(licence.plaintextBytes / licence.segmentBytes));
  return { bytes: 0, totalBytes: licence.plaintextBytes, resumedAtSegment: segments, segments };
}
