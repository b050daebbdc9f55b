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
import { isSameSoftware, type SoftwareDescription, softwareClasses, softwareErrors } from "@sealane/software";
import { type ArtefactId, equalBytes, hasCode, type SealaneError } from "@sealane/wire";
import { artefactNamed } from "./artefact-source.ts";
import { type Download, saveDownload, type UnusableDownload } from "./download-record.ts";
import { begunOf, finishDownload, type Taken, takenOf, tidyDownloads } from "./downloads.ts";
import { terminalErrors } from "./errors.ts";
import { type Fetched, type FetchedKey, fetchedKeyOf, fetchedOf } from "./fetched.ts";
import { isFaultOfMessage } from "./hear.ts";
import { HttpClient } from "./http-client.ts";
import { loadEnrolment } from "./identity.ts";
import { type AuthorisedReply, InboxClient, type OfferedLink } from "./inbox-client.ts";
import { InboxJournal } from "./inbox-journal.ts";
import { type LocalModule, localModules } from "./installed-modules.ts";
import { descriptionOf, proveAuthorisation, unwrapContentKey } from "./licence.ts";
import { ask, type LinkChoice, learnTime, originateLink, type Session } from "./link-client.ts";
import { factsOf } from "./link-facts.ts";
import { listen } from "./listen.ts";
import { namelessModules, reportOf, requireNameable } from "./nameless-modules.ts";
import { type Chosen, chooseOffer, type Wanted } from "./offers.ts";
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
  /**
   * Where the sealed file comes from, if not from the server: an address that serves the same paths, or a local file. A file names its
   * artefact: one that was begun is gone on with as it is.
   */
  readonly source?: string;
  /** How long to wait for the server to originate; 25 seconds unless told. */
  readonly waitSeconds?: number;
}

/**
 * Fetches the newest software for this terminal: a link, release and licence with the wrapped content key, the sealed file, every segment
 * proven before it is written. The server is asked first what is on offer (NEWEST): what was begun is gone on with, under the licence
 * and with the key that came for it, only while it is still the newest one, or where the user has named its very file. Where no
 * module is named, one that fails does not stop the others. Nothing that is installed is touched.
 *
 * Errors: TERMINAL_NOT_ENROLLED, TERMINAL_STATE_LOCKED, TERMINAL_STATE_DAMAGED; TERMINAL_NOTHING_NEW, TERMINAL_NOTHING_WAITING;
 * LINK_*, CRYPTO_SUITE_UNKNOWN, those of `ask`; LICENCE_*, RELEASE_*, TERMINAL_LICENCE_CONTRADICTS, CRYPTO_OPEN_FAILED (another's wrap);
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
 * it while licence and key are valid. What was begun before and is still the newest is not begun anew.
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

/** Obtains a download, or finds the one that was begun, and does something with it: of the first module for which that succeeds. */
async function beginning<T>(
  terminal: Terminal,
  wish: Pick<Work, "input" | "choice">,
  use: (work: Work, begun: Begun) => Promise<T>,
): Promise<T> {
  using _lock = await StateLock.take(terminal.folder, "downloads");
  const enrolment = await loadEnrolment(terminal);
  using http = new HttpClient({ environment: terminal.environment });
  const { input, choice } = wish;
  const { source, module, mechanism } = input;
  const modules = await localModules(terminal);
  const tidied = await tidyDownloads(terminal, enrolment);
  const nameless = isWithoutName(choice, input.originator) ? new Set<string>() : await namelessModules(modules, tidied.downloads);
  requireNameable(nameless, { module, mechanism });
  const work: Work = {
    session: { terminal, enrolment, http },
    ...wish,
    named: source === undefined ? null : await artefactNamed(source),
    journal: await InboxJournal.load(terminal),
    modules,
    nameless,
    failed: new Map(),
    ...tidied,
  };
  for (;;) {
    const failedBefore = work.failed.size;
    try {
      const result = await beginOnce(work, use);
      if (work.journal.pending !== null) await work.journal.commit(null);
      return result;
    } catch (error) {
      const [first = error] = work.failed.values();
      if (work.failed.size === failedBefore || !mayTryAnother(work)) throw first;
    }
  }
}

async function beginOnce<T>(work: Work, use: (work: Work, begun: Begun) => Promise<T>): Promise<T> {
  const begun = (await namedByFile(work)) ?? (await obtain(work));
  using _contentKey = begun.contentKey;
  return await ofModule(work, { description: begun.download.licence, alsoOffered: begun.alsoOffered }, async () => await use(work, begun));
}

/** Notes a failure that is of one module only. */
async function ofModule<T>(work: Work, { description, alsoOffered }: Chosen, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const { module } = description;
    const isFirst = !work.failed.has(module);
    if (isFirst && isFaultOfMessage(error)) {
      work.failed.set(module, error);
      work.othersOffered = alsoOffered.length > 0;
      if (mayTryAnother(work)) work.session.terminal.onEvent({ kind: "module-skipped", module, code: error.code });
    }
    throw error;
  }
}

/** One module that cannot be fetched must not keep the others away. The inbox and the channel are looked at for more. */
function mayTryAnother({ input, choice, named, othersOffered }: Work): boolean {
  const isAsking = input.originator !== "server" && !choice.mechanism.broadcast;
  return input.module === undefined && named === null && (othersOffered === true || !isAsking);
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
  if (isWithoutName(choice, originator) && module === undefined) throw terminalErrors.error("TERMINAL_MODULE_NEEDED", { mechanism });
  return choice;
}

function isWithoutName({ mechanism }: LinkChoice, originator: Role = "terminal"): boolean {
  return mechanism.anonymous === "originator" && originator !== "server";
}

interface Work {
  readonly session: Session;
  readonly input: FetchInput;
  readonly choice: LinkChoice;
  readonly journal: InboxJournal;
  readonly modules: readonly LocalModule[];
  /** The artefact whose file the user has named. */
  readonly named: ArtefactId | null;
  readonly downloads: readonly Download[];
  /** Modules that came without a name, where this command asks by name. */
  readonly nameless: ReadonlySet<string>;
  /** Modules that failed in this command, and why. */
  readonly failed: Map<string, SealaneError>;
  /** Whether there were others beside the one that failed last. */
  othersOffered?: boolean;
  /** What was begun and is over: it is obtained anew, or this is why it cannot be gone on with. */
  readonly over: readonly UnusableDownload[];
}

/** A download that was begun, now or before. */
interface Begun extends Taken {
  readonly alsoOffered: readonly SoftwareDescription[];
}

/** What was begun of the artefact whose file the user has named: it takes no server to say that this is the one that is wanted. */
async function namedByFile(work: Work): Promise<Begun | null> {
  const { session, input, named, downloads } = work;
  const { terminal, enrolment } = session;
  const own = downloads.find(({ licence }) => named !== null && equalBytes(licence.artefactId, named));
  if (own === undefined || (input.module ?? own.licence.module) !== own.licence.module) return null;
  const taken = await takenOf(terminal, enrolment, own);
  return taken === null ? null : { ...resumed(work, taken), alsoOffered: [] };
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
  const { session } = work;
  const asked = await askOffers(work, work.choice);
  using link = asked.link;
  const chosen = choose(work, asked.offers);
  if (chosen === null) throw nothingNew(work, asked.offers);
  return await beginChosen(work, { link, chosen }, async ({ artefactId }) => {
    const reply = await ask(session, link, { kind: "authorise", artefactId });
    if (reply.kind !== "authorised") throw terminalErrors.error("TERMINAL_SERVER_WRONG", { reply: reply.kind });
    return reply;
  });
}

function nothingNew(work: Work, offers: readonly SoftwareDescription[]): SealaneError {
  const { module } = work.input;
  const isOther = chooseOffer(offers, { ...wantedOf(work), artefact: null }) !== null;
  if (isOther) return softwareErrors.error("ARTEFACT_ID_WRONG"); // the user has named the file of something else
  return terminalErrors.error("TERMINAL_NOTHING_NEW", module === undefined ? {} : { module });
}

/** Establishes a link and asks what is on offer. The link is the caller's. */
async function askOffers(
  { session, input, modules }: Work,
  choice: LinkChoice,
): Promise<{ readonly link: ConfidentialLink; readonly offers: readonly SoftwareDescription[] }> {
  const { link } = await originateLink(session, choice);
  try {
    const installed = isWithoutName(choice) ? [] : (await reportOf(modules)).slice(0, maxInstalled);
    const reply = await ask(session, link, { kind: "offers", module: input.module ?? null, installed });
    if (reply.kind !== "offers") throw terminalErrors.error("TERMINAL_SERVER_WRONG", { reply: reply.kind });
    await learnTime(session, link, reply);
    return { link, offers: reply.offers };
  } catch (error) {
    link[Symbol.dispose]();
    throw error;
  }
}

/** Goes on with what was chosen, if it was begun; takes a licence for it otherwise. */
async function beginChosen(
  work: Work,
  { link, chosen }: { readonly link: ConfidentialLink; readonly chosen: Chosen },
  authorise: (description: SoftwareDescription) => Promise<AuthorisedReply>,
): Promise<Begun> {
  const { description, alsoOffered } = chosen;
  return await ofModule(work, chosen, async () => {
    const begun = await begunOffer(work, description);
    if (begun !== null) return { ...begun, alsoOffered };
    const reply = await authorise(description);
    return { ...(await takeAuthorised(work.session, { link, description, reply })), alsoOffered };
  });
}

async function begunOffer(work: Work, description: SoftwareDescription): Promise<Taken | null> {
  const { session, downloads } = work;
  const begun = await begunOf(session.terminal, session.enrolment, { downloads, description });
  return begun === null ? null : resumed(work, begun);
}

function resumed({ session }: Work, begun: Taken): Taken {
  if (!begun.download.complete) session.terminal.onEvent({ kind: "stage", command: "fetch", stage: "resume" });
  return begun;
}

/** Signs a number for everybody with the licence for everybody that is on the channel (claim 13). */
async function obtainByOpenRequest(work: Work): Promise<Begun> {
  const { session, choice, input } = work;
  const waitSeconds = work.failed.size > 0 ? 0 : (input.waitSeconds ?? 0);
  const heard = await hearLicence(session, wantedOf(work), waitSeconds);
  const chosen = { description: descriptionOf(heard.licence), alsoOffered: [] };
  return await ofModule(work, chosen, async () => {
    return { ...((await begunOffer(work, chosen.description)) ?? (await requestOpenly(session, choice, heard))), alsoOffered: [] };
  });
}

async function obtainByWaiting(work: Work): Promise<Begun> {
  const { session, input, journal, choice } = work;
  const client = new InboxClient(session, journal, { mechanisms: [...acceptedMechanisms, choice.mechanism.name], suite: choice.suite });
  const asked = await client.resumeRequest();
  if (asked !== null) {
    using link = asked.link;
    const begun = await begunOffer(work, asked.description);
    if (begun?.download.complete === true) return { ...begun, alsoOffered: [] };
    begun?.contentKey?.[Symbol.dispose](); // begun long ago, perhaps: whether it is still the newest is asked below
    const chosen = begun === null ? choose(work, [asked.description]) : null;
    if (chosen !== null) return await beginChosen(work, { link, chosen }, async () => asked.reply);
  }
  const answered = await client.resumeLink();
  const resumed = answered === null ? null : await takeOffered(work, client, answered);
  const begun = resumed ?? (await stillNewest(work));
  if (begun !== null) return begun;
  let isAnswered = answered !== null;
  for await (const offered of client.links(work.failed.size > 0 ? 0 : (input.waitSeconds ?? defaultWaitSeconds))) {
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

/** What was begun on a server's message is in no inbox any more: whether it is still the newest, this terminal asks by itself. */
async function stillNewest(work: Work): Promise<Begun | null> {
  const { input, choice, downloads, failed } = work;
  const isAwaited = ({ complete, licence: { module } }: Download): boolean =>
    !complete && (input.module ?? module) === module && !failed.has(module);
  const awaited = downloads.filter(isAwaited);
  if (awaited.length === 0) return null;
  const asked = await askOffers(work, { mechanism: mechanismNamed("signed-transport"), suite: choice.suite });
  using _link = asked.link;
  for (const { licence } of awaited) {
    const chosen = choose(
      work,
      asked.offers.filter(({ module }) => module === licence.module),
    );
    const begun = chosen === null ? null : await begunOffer(work, chosen.description);
    if (begun !== null) return { ...begun, alsoOffered: [] };
  }
  return null;
}

const defaultWaitSeconds = 25;

/** By which a server's message is accepted without being asked for: those of the default policy (POLICY). */
const acceptedMechanisms: readonly MechanismName[] = [...new Set(softwareClasses.flatMap((each) => defaultDeliveryPolicy[each]))];

async function takeOffered(work: Work, client: InboxClient, offered: OfferedLink): Promise<Begun | null> {
  using link = offered.link;
  const chosen = choose(work, offered.offers);
  if (chosen === null) return null;
  return await beginChosen(work, { link, chosen }, async (description) => await client.requestAuthorisation(offered, description));
}

function choose(work: Work, offers: readonly SoftwareDescription[]): Chosen | null {
  return chooseOffer(offers, wantedOf(work));
}

function wantedOf({ session, input, modules, downloads, failed, nameless, named }: Work): Wanted {
  const except = { has: (module: string): boolean => failed.has(module) || (input.module === undefined && nameless.has(module)) };
  const here = new Set(downloads.filter(({ complete }) => complete).map(({ licence }) => licence.artefactId.toHex()));
  return { module: input.module, model: session.enrolment.model, modules, except, artefact: named, here };
}

/** Proves release and licence of what was offered, unwraps the content key and writes all down before anything is fetched. */
async function takeAuthorised(
  session: Session,
  given: { readonly link: ConfidentialLink; readonly description: SoftwareDescription; readonly reply: AuthorisedReply },
): Promise<Taken> {
  const { terminal, enrolment } = session;
  const { link, description, reply } = given;
  const nowSeconds = terminal.clock.nowSeconds();
  const { artefactId } = description;
  const { parties, originatorRole } = link;
  const recipient = (originatorRole === "terminal" ? parties.originator : parties.recipient) ?? anonymousRecipient;
  const authorisation = proveAuthorisation(reply, { terminal, trust: enrolment, artefactId, recipient });
  if (!isSameSoftware(authorisation.licence, description))
    throw terminalErrors.error("TERMINAL_LICENCE_CONTRADICTS", { module: description.module });
  const contentKey = unwrapContentKey(link, reply.wrap, { authorisation, nowSeconds });
  try {
    const download = await saveDownload(terminal, enrolment, { authorisation, encoded: reply, contentKey, link: factsOf(link) });
    return { download, contentKey };
  } catch (error) {
    contentKey[Symbol.dispose]();
    throw error;
  }
}
