import type { BroadcastItem } from "@sealane/api";
import { suiteNamed } from "@sealane/crypto";
import type { HttpClient } from "@sealane/http";
import type { MechanismName } from "@sealane/link";
import { isSameSoftware, type SoftwareDescription } from "@sealane/software";
import { type ArtefactId, equalBytes, hasCode, type SealaneError } from "@sealane/wire";
import { artefactNamed } from "./artefact-source.ts";
import { OrderWatch } from "./ask-orders.ts";
import { ChannelReader } from "./broadcast-channel.ts";
import { elapsedSeconds } from "./clock.ts";
import { type Download, saveDownload } from "./download-record.ts";
import { begunOf, finishDownload, type Taken, tidyDownloads } from "./downloads.ts";
import { terminalErrors } from "./errors.ts";
import { type Fetched, fetchedOf } from "./fetched.ts";
import { type Heard, type Hearing, hearAll, isFaultOfMessage } from "./hear.ts";
import { HeldGroups } from "./held-groups.ts";
import { HeldModules } from "./held-modules.ts";
import { loadEnrolment } from "./identity.ts";
import { InboxJournal } from "./inbox-journal.ts";
import { localModules } from "./installed-modules.ts";
import { openHttp } from "./least-rate.ts";
import { descriptionOf, unwrapContentKey } from "./licence.ts";
import { defaultListenSeconds, listenPauseMilliseconds, lockedLookSeconds, longestPauseMilliseconds, orderPauseSeconds } from "./limits.ts";
import { describeLink, factsOfBroadcast } from "./link-facts.ts";
import { chooseOffer } from "./offers.ts";
import { finishOrder } from "./orders.ts";
import { prepareListening, type TrustInput } from "./prepare-listening.ts";
import type { Terminal } from "./terminal.ts";

export interface ListenInput extends TrustInput {
  /** One module; any unless told. */
  readonly module?: string;
  /** Where the sealed file comes from, if not from the server: an address that serves the same paths, or a local file. */
  readonly source?: string;
  /** End after one software. */
  readonly once?: boolean;
  /** How long to listen; without an end unless told, and 25 seconds with `once`. */
  readonly waitSeconds?: number;
  /** Only broadcasts by this mechanism, and on this suite; any unless told. */
  readonly mechanism?: MechanismName;
  readonly suite?: string;
}

/**
 * Listens to the broadcast channel of a server and fetches what is new for this terminal (BCAST, MULTI), which need not be enrolled: it
 * trusts the authority that it is told, once. An enrolled one asks its server for orders when it begins, and every quarter of an hour. Each broadcast is proven before anything is opened; its licence and content key are
 * written down before the software is fetched, so that the software may come later and from anywhere (WAIT). What was begun is gone on
 * with while it is still the newest that the channel has of its module, or where the user has named its very file (NEWEST). While the
 * server cannot be reached it is tried again.
 *
 * Ends when its time is over; then it is an error if nothing came: why the last broadcast was refused, TERMINAL_NOTHING_NEW,
 * TERMINAL_NOTHING_WAITING, or API_SERVER_UNREACHABLE.
 * Errors besides: CRYPTO_SUITE_UNKNOWN, before anything is asked; those of `prepareListening`, TERMINAL_STATE_LOCKED, TERMINAL_STATE_DAMAGED, TERMINAL_DISK_FULL, FILE_WRITE_FAILED,
 * KEYSTORE_*.
 */
export async function* listen(terminal: Terminal, input: ListenInput = {}): AsyncGenerator<Fetched, void, undefined> {
  const suite = input.suite === undefined ? null : suiteNamed(input.suite);
  using http = openHttp(terminal);
  await finishOrder(terminal);
  const orders = await OrderWatch.of(terminal);
  const { holder, enrolment } = await orders.run(async () => await prepareListening(terminal, http, input));
  using groups = enrolment === null ? null : new HeldGroups({ terminal, enrolment, http });
  const enrolled = enrolment === null ? null : { enrolment, groups };
  const hearing: Hearing = { terminal, holder, enrolled, suite };
  const { clock } = terminal;
  let orderedAt = Number.NEGATIVE_INFINITY;
  const named = input.source === undefined ? null : await artefactNamed(input.source);
  const endless = input.waitSeconds === undefined && input.once !== true;
  const deadline = endless ? Number.POSITIVE_INFINITY : elapsedSeconds(clock) + (input.waitSeconds ?? defaultListenSeconds);
  const listening = new Listening(hearing, { http, input, deadline, named });
  const reader = new ChannelReader(http, holder.url);
  for (;;) {
    // An order may have changed what is taken; the floor of suites alone is not read where it is used.
    if (enrolled !== null && elapsedSeconds(clock) >= orderedAt + orderPauseSeconds) {
      orderedAt = elapsedSeconds(clock);
      if ((await (await OrderWatch.of(terminal)).askQuietly()).length > 0) enrolled.enrolment = await loadEnrolment(terminal);
    }
    for (const fetched of await listening.goOn()) {
      yield fetched;
      if (input.once === true) return;
    }
    const askedAt = elapsedSeconds(clock);
    const items = await listening.read(reader);
    for (const fetched of await listening.take(items)) {
      yield fetched;
      if (input.once === true) return;
    }
    if (elapsedSeconds(clock) >= deadline) break;
    // A server that does not wait, and whoever is on the way and sends without end, are not asked at once again.
    if (items.length > 0 || elapsedSeconds(clock) === askedAt) await clock.sleep(listenPauseMilliseconds);
  }
  listening.requireAny();
}

interface ListeningInput {
  readonly http: HttpClient;
  readonly input: ListenInput;
  readonly deadline: number;
  readonly named: ArtefactId | null;
}

/** One run of `listen`. */
class Listening {
  readonly #hearing: Hearing;
  readonly #http: HttpClient;
  readonly #input: ListenInput;
  readonly #deadline: number;
  /** The newest of each module that this run has heard and proven. */
  readonly #newest = new Map<string, SoftwareDescription>();
  /** Only this artefact, whose file the user has named. */
  readonly #named: ArtefactId | null;
  /** Of each module that another command is at work on the newest broadcast: it is heard again later. */
  readonly #waiting = new Map<string, BroadcastItem>();
  #failures = 0;
  #fetched = 0;
  /** Why nothing came: what was heard last was refused, or is another command's, or was nothing new, or nothing could be heard. */
  #refusal: SealaneError | null = null;
  #locked: SealaneError | null = null;
  #nothingNew: SealaneError | null = null;
  #outage: SealaneError | null = null;

  constructor(hearing: Hearing, given: ListeningInput) {
    this.#hearing = hearing;
    this.#http = given.http;
    this.#input = given.input;
    this.#deadline = given.deadline;
    this.#named = given.named;
  }

  /** Throws why nothing came, if nothing did. */
  requireAny(): void {
    const reason = this.#locked ?? this.#refusal ?? this.#outage ?? this.#nothingNew;
    if (this.#fetched === 0) throw reason ?? terminalErrors.error("TERMINAL_NOTHING_WAITING");
  }

  /** Reads the channel; a failure of network or server is told, and is followed by a pause. */
  async read(reader: ChannelReader): Promise<readonly BroadcastItem[]> {
    const { clock, onEvent, random } = this.#hearing.terminal;
    try {
      const leftSeconds = this.#deadline - elapsedSeconds(clock);
      const items = await reader.read(this.#waiting.size === 0 ? leftSeconds : Math.min(leftSeconds, lockedLookSeconds));
      this.#failures = 0;
      this.#outage = null;
      return items;
    } catch (error) {
      if (!isFaultOfMessage(error)) throw error;
      this.#outage = error;
      const [chance = 0] = random.bytes(1);
      const base = Math.min(listenPauseMilliseconds * 2 ** this.#failures++, longestPauseMilliseconds);
      const pauseMilliseconds = Math.round(base * (1 + chance / 510));
      onEvent({ kind: "retry", code: error.code, attempt: this.#failures + 1, pauseMilliseconds });
      await clock.sleep(Math.max(0, Math.min(pauseMilliseconds, (this.#deadline - elapsedSeconds(clock)) * 1000)));
      return [];
    }
  }

  /** Goes on with what was begun: the content key is here, and the software is not. One module does not stop the others. */
  async goOn(): Promise<readonly Fetched[]> {
    const { terminal, holder } = this.#hearing;
    const downloads = await this.#downloads();
    const fetched: Fetched[] = [];
    for (const { licence } of downloads.filter((each) => this.#mayGoOn(each))) {
      const outcome = await this.#holding(licence.module, async () => {
        const taken = await begunOf(terminal, holder, licence);
        if (taken === null || taken.download.complete) return []; // another command has ended it meanwhile
        using _contentKey = taken.contentKey;
        terminal.onEvent({ kind: "stage", command: "listen", stage: "resume" });
        return await this.#finish(taken, downloads);
      });
      if (typeof outcome !== "string") fetched.push(...outcome);
      if (fetched.length > 0 && this.#input.once === true) break;
    }
    return fetched;
  }

  /** Whoever is on the way may hold back what is newer: that it was begun once makes nothing the newest. */
  #mayGoOn({ complete, licence }: Download): boolean {
    if (complete || (this.#input.module ?? licence.module) !== licence.module) return false;
    if (this.#named !== null) return equalBytes(licence.artefactId, this.#named);
    const newest = this.#newest.get(licence.module);
    return newest !== undefined && isSameSoftware(newest, licence);
  }

  /** Proves broadcasts and fetches those that are new, of each module the newest. */
  async take(items: readonly BroadcastItem[]): Promise<readonly Fetched[]> {
    const again = [...this.#waiting.values(), ...items];
    if (again.length === 0) return [];
    const all = await this.#soon(async () => await hearAll(this.#hearing, again));
    this.#waiting.clear();
    const downloads = await this.#downloads();
    const { mechanism, suite } = this.#input;
    const fits = ({ link }: Heard): boolean =>
      (mechanism ?? link.mechanism) === link.mechanism && (suite ?? link.suite.name) === link.suite.name;
    const heard = all.heard.filter(fits).toSorted((a, b) => b.licence.sequence - a.licence.sequence);
    this.#refusal = all.refusal ?? this.#refusal;
    for (const { licence } of heard) {
      if (licence.sequence > (this.#newest.get(licence.module)?.sequence ?? -1)) this.#newest.set(licence.module, descriptionOf(licence));
    }
    const fetched: Fetched[] = [];
    const untaken = new Map<string, number>();
    for (const each of heard) {
      using broadcast = each;
      const { module, sequence } = broadcast.licence;
      const isTaken = fetched.some(({ software }) => software.module === module) || (this.#input.once === true && fetched.length > 0);
      // Whoever spoils the newest version on its way, or holds it up, must not bring about an older one.
      const isWanted = (this.#input.module ?? module) === module && sequence >= (untaken.get(module) ?? 0);
      if (isTaken || !isWanted) continue;
      const outcome = await this.#holding(module, async () => await this.#takeOne(broadcast, downloads));
      if (outcome === "locked") this.#waiting.set(module, broadcast.item);
      if (typeof outcome === "string") untaken.set(module, sequence);
      else fetched.push(...outcome);
    }
    return fetched;
  }

  async #takeOne(heard: Heard, downloads: readonly Download[]): Promise<Outcome> {
    const { terminal, holder } = this.#hearing;
    const { licence, link, wrap, replay } = heard;
    const { module, once } = this.#input;
    const begun = await begunOf(terminal, holder, licence);
    using _contentKey = begun?.contentKey;
    const complete = begun?.download.complete === true ? begun : null;
    if (complete !== null && once === true) return await this.#finish(complete, downloads, heard);
    const journal = await InboxJournal.load(terminal, holder);
    if (journal.knows(replay)) return []; // it was heard before: nothing is new in it
    const wanted = { module, model: holder.model, modules: await localModules(terminal), artefact: this.#named };
    const chosen = chooseOffer([descriptionOf(licence)], wanted);
    const isBehind = downloads.some((each) => each.licence.module === licence.module && each.licence.sequence > licence.sequence);
    if (chosen === null || complete !== null || isBehind) {
      this.#nothingNew = terminalErrors.error("TERMINAL_NOTHING_NEW", { module: licence.module });
      return [];
    }
    const facts = factsOfBroadcast(link, heard.signer.name);
    terminal.onEvent(describeLink(facts, holder));
    terminal.onEvent(heard.event);
    if (begun !== null) return await this.#finish(begun, downloads, heard);
    const nowSeconds = terminal.clock.nowSeconds();
    try {
      const { authorisation, encoded } = heard;
      using contentKey = unwrapContentKey(link, wrap, { authorisation, nowSeconds });
      const download = await saveDownload(terminal, holder, { authorisation, encoded, contentKey, link: facts });
      return await this.#finish({ download, contentKey }, downloads, heard);
    } catch (error) {
      return this.#refuse(error, heard.position);
    }
  }

  /** Fetches the software; only then the broadcast is noted, for until then another one with the same licence may be of use. */
  async #finish(taken: Taken, downloads: readonly Download[], heard?: Heard): Promise<Outcome> {
    const { terminal, holder } = this.#hearing;
    const started = terminal.clock.elapsedMilliseconds();
    const { source } = this.#input;
    try {
      const result = await finishDownload(terminal, taken, { holder, http: this.#http, source, downloads });
      if (heard !== undefined) await this.#note(heard);
      this.#fetched++;
      return [{ ...fetchedOf(terminal, { ...taken, result, holder, started }), alsoOffered: [] }];
    } catch (error) {
      return this.#refuse(error, heard?.position ?? 0);
    }
  }

  #refuse(error: unknown, position: number): "spoilt" {
    if (!isFaultOfMessage(error)) throw error;
    this.#refusal = error;
    this.#hearing.terminal.onEvent({ kind: "broadcast-skipped", position, code: error.code });
    return "spoilt";
  }

  async #note({ replay }: Heard): Promise<void> {
    const journal = await InboxJournal.load(this.#hearing.terminal, this.#hearing.holder);
    if (journal.insert(replay) === "fresh") await journal.commitNoted();
  }

  /** Works on a module while no other command does; "locked" where one does, which must not hold up other modules. */
  async #holding(module: string, work: () => Promise<Outcome>): Promise<Outcome | "locked"> {
    const { terminal, holder } = this.#hearing;
    using held = new HeldModules(terminal, holder);
    const isFree = await held.takeIfFree(module);
    this.#locked = isFree ? null : terminalErrors.error("TERMINAL_STATE_LOCKED", { module });
    return isFree ? await work() : "locked";
  }

  async #downloads(): Promise<readonly Download[]> {
    const { terminal, holder } = this.#hearing;
    const { downloads } = await this.#soon(async () => await tidyDownloads(terminal, holder));
    return downloads;
  }

  /** Does what another command may hold up for a moment; waits for that one, as long as this may listen. */
  async #soon<T>(work: () => Promise<T>): Promise<T> {
    const { clock } = this.#hearing.terminal;
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!hasCode(error, "TERMINAL_STATE_LOCKED") || elapsedSeconds(clock) >= this.#deadline) throw error;
      }
      await clock.sleep(listenPauseMilliseconds);
    }
  }
}

/** What came of one broadcast that was proven: software, nothing, or something that somebody else has changed. */
type Outcome = readonly Fetched[] | "spoilt";
