import { linkErrors } from "@sealane/link";
import { ChannelReader } from "./broadcast-channel.ts";
import { elapsedSeconds } from "./clock.ts";
import { saveDownload } from "./download-record.ts";
import type { Taken } from "./downloads.ts";
import { terminalErrors } from "./errors.ts";
import { type Heard, hearAll } from "./hear.ts";
import { suiteFor } from "./identity.ts";
import { descriptionOf, requireKeyAlive, unwrapContentKey } from "./licence.ts";
import { listenPauseMilliseconds } from "./limits.ts";
import { type LinkChoice, postLinkMessage, type Session } from "./link-client.ts";
import { describeLink, factsOfBroadcast } from "./link-facts.ts";
import { chooseOffer, type Wanted } from "./offers.ts";
import { retrying } from "./retry.ts";

/**
 * Finds the licence for everybody of something new, in an open broadcast of this terminal's server.
 * Errors: TERMINAL_NOTHING_NEW, TERMINAL_NOTHING_WAITING, or why the last broadcast was refused; those of the HTTP client.
 */
export async function hearLicence(session: Session, wanted: Wanted, waitSeconds: number): Promise<Heard> {
  const { terminal, enrolment, http } = session;
  const { clock } = terminal;
  const hearing = { terminal, holder: enrolment, enrolled: { enrolment, groups: null }, suite: null };
  const reader = new ChannelReader(http, enrolment.url);
  const deadline = elapsedSeconds(clock) + waitSeconds;
  let reason = terminalErrors.error("TERMINAL_NOTHING_WAITING");
  for (;;) {
    const askedAt = elapsedSeconds(clock);
    const items = await retrying(terminal, async () => await reader.read(deadline - elapsedSeconds(clock)));
    const { heard, refusal } = await hearAll(hearing, items);
    const fitting = heard.filter(({ licence }) => chooseOffer([descriptionOf(licence)], wanted) !== null);
    const [newest] = fitting.toSorted((a, b) => b.licence.sequence - a.licence.sequence);
    if (newest !== undefined) return newest;
    reason = refusal ?? (heard.length > 0 ? terminalErrors.error("TERMINAL_NOTHING_NEW") : reason);
    if (elapsedSeconds(clock) >= deadline) throw reason;
    if (items.length > 0 || elapsedSeconds(clock) === askedAt) await clock.sleep(listenPauseMilliseconds);
  }
}

/**
 * Sends `open-broadcast` with a licence for everybody, and takes the content key that comes back: M1 is this terminal's, its link is
 * public, and nobody vouches for the reply but the artefact, which commits to its key.
 *
 * Errors: LINK_REFUSED by the server; CRYPTO_OPEN_FAILED, COSE_*,
 * WIRE_*; LICENCE_EXPIRED; those of the HTTP client; TERMINAL_DISK_FULL, FILE_WRITE_FAILED.
 */
export async function requestOpenly(session: Session, choice: LinkChoice, heard: Heard): Promise<Taken> {
  const { terminal, enrolment } = session;
  const { clock, random } = terminal;
  const { mechanism } = choice;
  const { authorisation, encoded } = heard;
  requireKeyAlive(authorisation.licence, clock.nowSeconds());
  const context = { self: enrolment.self, recipient: [], nowSeconds: clock.nowSeconds(), random };
  const sent = await mechanism.originate(context, { suite: suiteFor(enrolment, choice), licence: encoded.licence });
  if (sent.kind !== "broadcast") throw linkErrors.error("LINK_MECHANISM_UNKNOWN", { mechanism: mechanism.name });
  using link = sent.link;
  const wrap = await postLinkMessage(session, sent.message);
  const contentKey = unwrapContentKey(link, wrap, { authorisation, nowSeconds: clock.nowSeconds() });
  try {
    const facts = factsOfBroadcast(link, enrolment.serverName);
    terminal.onEvent(describeLink(facts, enrolment));
    return { download: await saveDownload(terminal, enrolment, { authorisation, encoded, contentKey, link: facts }), contentKey };
  } catch (error) {
    contentKey[Symbol.dispose]();
    throw error;
  }
}
