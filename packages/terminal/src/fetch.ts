import { suiteNamed } from "@sealane/crypto";
import { linkErrors, mechanismNamed } from "@sealane/link";
import { equalBytes, hasCode } from "@sealane/wire";
import { artefactNamed } from "./artefact-source.ts";
import { OrdersWait, OrderWatch } from "./ask-orders.ts";
import { finishDownload, tidyDownloads } from "./downloads.ts";
import { terminalErrors } from "./errors.ts";
import { type Begun, begunOffer, type FetchInput, isWithoutName, mayTryAnother, ofModule, type Work } from "./fetch-work.ts";
import { type Fetched, type FetchedKey, fetchedKeyOf, fetchedOf } from "./fetched.ts";
import { HeldModules } from "./held-modules.ts";
import { loadEnrolment } from "./identity.ts";
import { forgetRequest } from "./inbox-journal.ts";
import { localModules } from "./installed-modules.ts";
import { openHttp } from "./least-rate.ts";
import type { LinkChoice } from "./link-client.ts";
import { listen } from "./listen.ts";
import { namelessModules, requireNameable } from "./nameless-modules.ts";
import { obtainByAsking, obtainByOpenRequest } from "./obtain-by-asking.ts";
import { obtainByWaiting } from "./obtain-by-waiting.ts";
import { finishOrder } from "./orders.ts";
import { changeState } from "./state-change.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Fetches the newest software for this terminal: a link, release and licence with the wrapped content key, the sealed file, every segment
 * proven before it is written. The server is asked first what is on offer (NEWEST): what was begun is gone on with, under the licence
 * and with the key that came for it, only while it is still the newest one, or where the user has named its very file. Where no
 * module is named, one that fails, or that another command is at work on, does not stop the others. Nothing that is installed is touched.
 *
 * Errors: TERMINAL_NOT_ENROLLED, TERMINAL_STATE_LOCKED, TERMINAL_ENROLMENT_CHANGED, TERMINAL_STATE_DAMAGED; TERMINAL_NOTHING_NEW, TERMINAL_NOTHING_WAITING;
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
  await finishOrder(terminal);
  const orders = await OrderWatch.of(terminal, wish.choice);
  return await orders.run(async () => await beginningAnew(terminal, { ...wish, orders }, use));
}

/** The same; it may be ended and begun anew by orders that wait. */
async function beginningAnew<T>(
  terminal: Terminal,
  wish: Pick<Work, "input" | "choice"> & { readonly orders: OrderWatch },
  use: (work: Work, begun: Begun) => Promise<T>,
): Promise<T> {
  const enrolment = await loadEnrolment(terminal);
  using http = openHttp(terminal);
  const { input, choice, orders } = wish;
  const { source, module, mechanism } = input;
  using held = new HeldModules(terminal, enrolment);
  if (module !== undefined) await held.take(module);
  const modules = await localModules(terminal);
  const tidied = await tidyDownloads(terminal, enrolment, module);
  const nameless = isWithoutName(choice, input.originator) ? new Set<string>() : await namelessModules(modules, tidied.downloads);
  requireNameable(nameless, { module, mechanism });
  const work: Work = {
    session: { terminal, enrolment, http, orders },
    input,
    choice,
    named: source === undefined ? null : await artefactNamed(source),
    held,
    modules,
    nameless,
    failed: new Map(),
    ...tidied,
  };
  for (;;) {
    const failedBefore = work.failed.size;
    try {
      return await beginOnce(work, use);
    } catch (error) {
      held.releaseExcept(module);
      if (error instanceof OrdersWait) throw error;
      const [first = error] = work.failed.values();
      if (work.failed.size === failedBefore || !mayTryAnother(work)) throw first;
    }
  }
}

async function beginOnce<T>(work: Work, use: (work: Work, begun: Begun) => Promise<T>): Promise<T> {
  const begun = (await namedByFile(work)) ?? (await obtain(work));
  using _contentKey = begun.contentKey;
  const description = begun.download.licence;
  return await ofModule(work, { description, alsoOffered: begun.alsoOffered }, async () => {
    const result = await use(work, begun);
    const { terminal, enrolment } = work.session;
    if (begun.journal !== undefined) await begun.journal.settle();
    else await changeState(terminal, enrolment, async () => await forgetRequest(terminal, description.module));
    return result;
  });
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

/** What was begun of the artefact whose file the user has named: it takes no server to say that this is the one that is wanted. */
async function namedByFile(work: Work): Promise<Begun | null> {
  const { input, named, downloads } = work;
  const own = downloads.find(({ licence }) => named !== null && equalBytes(licence.artefactId, named));
  if (own === undefined || (input.module ?? own.licence.module) !== own.licence.module) return null;
  await work.held.take(own.licence.module);
  const taken = await begunOffer(work, own.licence);
  return taken === null ? null : { ...taken, alsoOffered: [] };
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
