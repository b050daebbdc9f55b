import { defaultDeliveryPolicy, maxInstalled } from "@sealane/api";
import { suiteNamed } from "@sealane/crypto";
import {
  anonymousRecipient,
  type ConfidentialLink,
  linkErrors,
  type MechanismName,
  mechanismNamed,
  type Role,
  type ThirdMode,
} from "@sealane/link";
import { type SoftwareDescription, softwareClasses, softwareDescriptionCodec } from "@sealane/software";
import { encodeAs, equalBytes, hasCode } from "@sealane/wire";
import { type Download, saveDownload, type UnusableDownload } from "./download-record.ts";
import { completeOf, finishDownload, resumeDownload, type Taken, tidyDownloads } from "./downloads.ts";
import { terminalErrors } from "./errors.ts";
import { type Fetched, type FetchedKey, fetchedKeyOf, fetchedOf } from "./fetched.ts";
import { HttpClient } from "./http-client.ts";
import { loadEnrolment } from "./identity.ts";
import { InboxClient, type LicenceReply, type OfferedLink } from "./inbox-client.ts";
import { InboxJournal } from "./inbox-journal.ts";
import { type LocalModule, localModules, reportOf } from "./installed-modules.ts";
import { proveLicence, requireKeyAlive } from "./licence.ts";
import { ask, type LinkChoice, learnTime, originateLink, type Session } from "./link-client.ts";
import { factsOf } from "./link-facts.ts";
import { listen } from "./listen.ts";
import { type Chosen, chooseOffer } from "./offers.ts";
import { hearLicence, requestOpenly } from "./open-request.ts";
import { StateLock } from "./state-lock.ts";
import type { Terminal } from "./terminal.ts";

export interface FetchInput {
  /** One module; any that has something newer unless told. */
  readonly module?: string;
  /** Who originates the link: the terminal unless told. */
  readonly originator?: Role;
  readonly mechanism?: string;
  /** Default: the strongest one that both can take part in. Named, it may be weaker, also where the server originates. */
  readonly suite?: string;
  /** The form of M3 of `mutual-agreement`; `signed` unless told. */
  readonly third?: ThirdMode;
  /** Where the sealed file comes from, if not from the server: an address that serves the same paths, or a local file. */
  readonly source?: string;
  /** How long to wait for the server to originate; 25 seconds unless told. */
  readonly waitSeconds?: number;
}

/**
 * Fetches the newest software for this terminal: a link, a licence with the wrapped content key, and the sealed file, every segment
 * proven before it is written. What was begun is gone on with, without another link, while its licence and key are valid. Nothing
 * that is installed is touched.
 *
 * Errors: TERMINAL_NOT_ENROLLED, TERMINAL_STATE_LOCKED, TERMINAL_STATE_DAMAGED; TERMINAL_NOTHING_NEW, TERMINAL_NOTHING_WAITING;
 * LINK_*, CRYPTO_SUITE_UNKNOWN, those of `ask`; LICENCE_*, TERMINAL_LICENCE_CONTRADICTS, CRYPTO_OPEN_FAILED (another's wrap);
 * those of `downloadArtefact`, of the key store and of proving certificates; LICENCE_EXPIRED also where what was begun is over and
 * the server cannot be reached.
 */
export async function fetchSoftware(terminal: Terminal, input: FetchInput = {}): Promise<Fetched> {
  const started = terminal.clock.elapsedMilliseconds();
  const choice = choiceOf(input);
  if (choice.mechanism.broadcast && input.originator === "server") return await hearOne(terminal, input, choice);
  return await beginning(terminal, { input, choice }, async (work, begun) => {
    const { session, downloads } = work;
    const { enrolment: holder, http } = session;
    const result = await finishDownload(terminal, begun, { holder, http, source: input.source, downloads });
    return { ...fetchedOf(terminal, { ...begun, result, holder, started }), alsoOffered: begun.alsoOffered };
  });
}

/**
 * Takes licence and content key and keeps them; the software may come later and by any way (WAIT): {@link fetchSoftware} goes on with
 * it, without another link, while licence and key are valid. What was begun before is not begun anew.
 *
 * Errors: those of `fetchSoftware` but for the ones of `downloadArtefact`; LINK_MECHANISM_UNKNOWN for what a server broadcasts, whose
 * key `listen` writes down.
 */
export async function fetchKey(terminal: Terminal, input: Omit<FetchInput, "source"> = {}): Promise<FetchedKey> {
  const choice = choiceOf(input);
  const { broadcast, name: mechanism } = choice.mechanism;
  if (broadcast && input.originator === "server") throw linkErrors.error("LINK_MECHANISM_UNKNOWN", { mechanism, originator: "server" });
  return await beginning(terminal, { input, choice }, async ({ session }, begun) => {
    return { ...fetchedKeyOf(begun, session.enrolment), alsoOffered: begun.alsoOffered };
  });
}

/** Finds or obtains a download that can go on, and does something with it. */
async function beginning<T>(
  terminal: Terminal,
  wish: Pick<Work, "input" | "choice">,
  use: (work: Work, begun: Begun) => Promise<T>,
): Promise<T> {
  using _lock = await StateLock.take(terminal.folder, "downloads");
  const enrolment = await loadEnrolment(terminal);
  using http = new HttpClient({ environment: terminal.environment });
  const work: Work = {
    session: { terminal, enrolment, http },
    ...wish,
    journal: await InboxJournal.load(terminal),
    modules: await localModules(terminal),
    ...(await tidyDownloads(terminal, enrolment)),
  };
  const begun = (await resumable(work)) ?? (await obtain(work));
  using _contentKey = begun.contentKey;
  const result = await use(work, begun);
  if (work.journal.pending !== null) await work.journal.commit(null);
  return result;
}

/** What the server broadcasts stands on its channel, and not in the inbox. Errors: those of `listen`. */
async function hearOne(terminal: Terminal, input: FetchInput, { mechanism, suite }: LinkChoice): Promise<Fetched> {
  const { originator: _, third: __, suite: ___, ...rest } = input;
  const wanted = suite === null ? {} : { suite: suite.name };
  for await (const fetched of listen(terminal, { ...rest, once: true, mechanism: mechanism.name, ...wanted })) return fetched;
  throw terminalErrors.error("TERMINAL_NOTHING_WAITING");
}

function choiceOf(input: FetchInput): LinkChoice {
  const { mechanism = "signed-transport", suite, originator = "terminal", third, module } = input;
  const choice = {
    mechanism: mechanismNamed(mechanism),
    suite: suite === undefined ? null : suiteNamed(suite),
    ...(third === undefined ? {} : { third }),
  };
  if (choice.mechanism.equations[originator] === undefined) throw linkErrors.error("LINK_MECHANISM_UNKNOWN", { mechanism, originator });
  // Which modules an anonymous terminal lacks would tell it from others.
  const isAnonymous = choice.mechanism.anonymous === "originator" && originator !== "server";
  if (isAnonymous && module === undefined) throw terminalErrors.error("TERMINAL_MODULE_NEEDED", { mechanism });
  return choice;
}

interface Work {
  readonly session: Session;
  readonly input: FetchInput;
  readonly choice: LinkChoice;
  readonly journal: InboxJournal;
  readonly modules: readonly LocalModule[];
  readonly downloads: readonly Download[];
  /** What was begun and is over: it is obtained anew, or this is why it cannot be gone on with. */
  readonly over: readonly UnusableDownload[];
}

/** A download that was begun, now or before. */
interface Begun extends Taken {
  readonly alsoOffered: readonly SoftwareDescription[];
}

async function resumable({ session, input, downloads }: Work): Promise<Begun | null> {
  const { terminal, enrolment } = session;
  const taken = await resumeDownload(terminal, enrolment, { downloads, module: input.module });
  if (taken === null) return null;
  terminal.onEvent({ kind: "stage", command: "fetch", stage: "resume" });
  return { ...taken, alsoOffered: [] };
}

async function obtain(work: Work): Promise<Begun> {
  const { terminal } = work.session;
  terminal.onEvent({ kind: "stage", command: "fetch", stage: "link" });
  try {
    if (work.input.originator === "server") return await obtainByWaiting(work);
    return work.choice.mechanism.broadcast ? await obtainByOpenRequest(work) : await obtainByAsking(work);
  } catch (error) {
    throw reasonFor(work, error);
  }
}

/** Where no server can renew what is over, that it is over is the reason, and not that there is no server (KLIFE). */
function reasonFor({ over, input }: Work, error: unknown): unknown {
  const ended = over.find(({ module }) => module !== null && (input.module ?? module) === module);
  return ended !== undefined && hasCode(error, "API_SERVER_UNREACHABLE") ? ended.error : error;
}

async function obtainByAsking(work: Work): Promise<Begun> {
  const { session, input, choice, modules } = work;
  const opened = await originateLink(session, choice);
  using link = opened.link;
  const isAnonymous = choice.mechanism.anonymous === "originator";
  const installed = isAnonymous ? [] : (await reportOf(modules)).slice(0, maxInstalled);
  const reply = await ask(session, link, { kind: "offers", module: input.module ?? null, installed });
  if (reply.kind !== "offers") throw terminalErrors.error("TERMINAL_SERVER_WRONG", { reply: reply.kind });
  await learnTime(session, reply);
  const chosen = choose(work, reply.offers);
  if (chosen === null) throw terminalErrors.error("TERMINAL_NOTHING_NEW", input.module === undefined ? {} : { module: input.module });
  const { description, alsoOffered } = chosen;
  const complete = completeOf(work.downloads, description);
  if (complete !== null) return { download: complete, contentKey: null, alsoOffered };
  const licence = await ask(session, link, { kind: "licence", artefactId: description.artefactId });
  if (licence.kind !== "licence") throw terminalErrors.error("TERMINAL_SERVER_WRONG", { reply: licence.kind });
  return { ...(await takeLicence(session, { link, description, reply: licence })), alsoOffered };
}

/** Signs a number for everybody with the licence for everybody that is on the channel (claim 13). */
async function obtainByOpenRequest({ session, input, choice, modules, downloads }: Work): Promise<Begun> {
  const { model } = session.enrolment;
  const heard = await hearLicence(session, { modules, model, module: input.module, waitSeconds: input.waitSeconds ?? 0 });
  const complete = completeOf(downloads, heard.licence);
  if (complete !== null) return { download: complete, contentKey: null, alsoOffered: [] };
  return { ...(await requestOpenly(session, choice, heard)), alsoOffered: [] };
}

async function obtainByWaiting(work: Work): Promise<Begun> {
  const { session, input, journal, choice } = work;
  const client = new InboxClient(session, journal, { mechanisms: [...acceptedMechanisms, choice.mechanism.name], suite: choice.suite });
  const asked = await client.resumeRequest();
  if (asked !== null) {
    using _link = asked.link;
    const complete = completeOf(work.downloads, asked.description);
    if (complete !== null) return { download: complete, contentKey: null, alsoOffered: [] };
    const chosen = choose(work, [asked.description]);
    if (chosen !== null) return { ...(await takeLicence(session, asked)), alsoOffered: [] };
  }
  const answered = await client.resumeLink();
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

/** By which a server's message is accepted without being asked for: those of the default policy (POLICY). */
const acceptedMechanisms: readonly MechanismName[] = [...new Set(softwareClasses.flatMap((each) => defaultDeliveryPolicy[each]))];

async function takeOffered(work: Work, client: InboxClient, offered: OfferedLink): Promise<Begun | null> {
  using link = offered.link;
  const chosen = choose(work, offered.offers);
  if (chosen === null) return null;
  const { description, alsoOffered } = chosen;
  const complete = completeOf(work.downloads, description);
  if (complete !== null) return { download: complete, contentKey: null, alsoOffered };
  const reply = await client.requestLicence(link, description);
  return { ...(await takeLicence(work.session, { link, description, reply })), alsoOffered };
}

function choose({ session, input, modules }: Work, offers: readonly SoftwareDescription[]): Chosen | null {
  return chooseOffer(offers, { module: input.module, model: session.enrolment.model, modules });
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
  const { parties, originatorRole } = link;
  const recipient = (originatorRole === "terminal" ? parties.originator : parties.recipient) ?? anonymousRecipient;
  const licence = proveLicence(reply.licence, { terminal, trust: enrolment, artefactId, recipient });
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
