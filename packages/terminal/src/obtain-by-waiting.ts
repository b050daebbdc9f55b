import { defaultDeliveryPolicy } from "@sealane/api";
import { type MechanismName, mechanismNamed } from "@sealane/link";
import { softwareClasses } from "@sealane/software";
import type { Download } from "./download-record.ts";
import { terminalErrors } from "./errors.ts";
import { type Begun, beginChosen, begunOffer, choose, type Work, waitOf } from "./fetch-work.ts";
import { InboxClient, type OfferedLink } from "./inbox-client.ts";
import { InboxJournal } from "./inbox-journal.ts";
import { askOffers } from "./obtain-by-asking.ts";
import { StateLock } from "./state-lock.ts";

/**
 * Takes what the server originates: the inbox is this command's until licence and key are here, and free again while the software
 * comes. Errors: TERMINAL_STATE_LOCKED where another command reads it.
 */
export async function obtainByWaiting(work: Work): Promise<Begun> {
  const { terminal, enrolment } = work.session;
  using _inbox = await StateLock.take(terminal.folder, "inbox");
  const journal = await InboxJournal.load(terminal, enrolment);
  return { ...(await obtainFromInbox(work, journal)), journal };
}

async function obtainFromInbox(work: Work, journal: InboxJournal): Promise<Begun> {
  const { session, input, choice } = work;
  const client = new InboxClient(session, journal, { mechanisms: [...acceptedMechanisms, choice.mechanism.name], suite: choice.suite });
  const asked = await resumeRequest(work, client, journal);
  if (asked !== null) {
    using link = asked.link;
    const begun = await begunOffer(work, asked.description);
    if (begun?.download.complete === true) return { ...begun, alsoOffered: [] };
    begun?.contentKey?.[Symbol.dispose](); // begun long ago, perhaps: whether it is still the newest is asked below
    const chosen = begun === null ? choose(work, [asked.description]) : null;
    if (chosen !== null) return await beginChosen(work, { link, chosen }, async () => asked.reply);
    work.held.releaseExcept(input.module);
  }
  const answered = await client.resumeLink();
  const resumed = answered === null ? null : await takeOffered(work, client, answered);
  const begun = resumed ?? (await stillNewest(work));
  if (begun !== null) return begun;
  let isAnswered = answered !== null;
  for await (const offered of client.links(waitOf(work, defaultWaitSeconds))) {
    const taken = await takeOffered(work, client, offered);
    if (taken !== null) return taken;
    isAnswered = true;
  }
  if (journal.pending !== null) await journal.commit(null);
  const complete = work.downloads.find(
    (each) => each.complete && (input.module ?? each.licence.module) === each.licence.module && !work.done.has(each.licence.module),
  );
  if (complete !== undefined) {
    await work.held.take(complete.licence.module);
    const taken = await begunOffer(work, complete.licence);
    if (taken !== null) return { ...taken, alsoOffered: [] };
  }
  const reason = client.skipped.at(-1);
  const details = reason === undefined ? {} : { skipped: client.skipped.length, reason };
  throw terminalErrors.error(isAnswered ? "TERMINAL_NOTHING_NEW" : "TERMINAL_NOTHING_WAITING", details);
}

/** A request for a module that another command is at work on is that command's. */
async function resumeRequest(work: Work, client: InboxClient, { pending }: InboxJournal): ReturnType<InboxClient["resumeRequest"]> {
  const isFree = pending?.kind === "request" && (await work.held.takeIfFree(pending.description.module));
  return isFree ? await client.resumeRequest() : null;
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
    if (chosen === null || !(await work.held.takeIfFree(licence.module))) continue;
    const begun = await begunOffer(work, chosen.description);
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
