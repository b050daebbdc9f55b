import { maxInstalled } from "@sealane/api";
import type { ConfidentialLink } from "@sealane/link";
import { type SoftwareDescription, softwareErrors } from "@sealane/software";
import type { SealaneError } from "@sealane/wire";
import { terminalErrors } from "./errors.ts";
import { type Begun, beginChosen, begunOffer, choose, isWithoutName, ofModule, type Work, waitOf, wantedOf } from "./fetch-work.ts";
import { descriptionOf } from "./licence.ts";
import { ask, type LinkChoice, learnNews, originateLink } from "./link-client.ts";
import { reportOf } from "./nameless-modules.ts";
import { chooseOffer } from "./offers.ts";
import { hearLicence, requestOpenly } from "./open-request.ts";

export async function obtainByAsking(work: Work): Promise<Begun> {
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
  if (module === undefined) return terminalErrors.error("TERMINAL_NOTHING_NEW");
  // The newest that is offered for this terminal's model is in the reply, also where it is installed.
  const isOffered = offers.some((each) => each.module === module);
  return terminalErrors.error(isOffered ? "TERMINAL_NOTHING_NEW" : "TERMINAL_MODULE_UNPUBLISHED", { module });
}

/** Establishes a link and asks what is on offer. The link is the caller's. */
export async function askOffers(
  { session, input, modules }: Work,
  choice: LinkChoice,
): Promise<{ readonly link: ConfidentialLink; readonly offers: readonly SoftwareDescription[] }> {
  const { link } = await originateLink(session, choice);
  try {
    const installed = isWithoutName(choice) ? [] : (await reportOf(modules)).slice(0, maxInstalled);
    const reply = await ask(session, link, { kind: "offers", module: input.module ?? null, installed });
    if (reply.kind !== "offers") throw terminalErrors.error("TERMINAL_SERVER_WRONG", { reply: reply.kind });
    await learnNews(session, link, reply);
    return { link, offers: reply.offers };
  } catch (error) {
    link[Symbol.dispose]();
    throw error;
  }
}

/** Signs a number for everybody with the licence for everybody that is on the channel (claim 13). */
export async function obtainByOpenRequest(work: Work): Promise<Begun> {
  const { session, choice } = work;
  const heard = await hearLicence(session, wantedOf(work), waitOf(work, 0));
  const chosen = { description: descriptionOf(heard.licence), alsoOffered: [] };
  return await ofModule(work, chosen, async () => {
    return { ...((await begunOffer(work, chosen.description)) ?? (await requestOpenly(session, choice, heard))), alsoOffered: [] };
  });
}
