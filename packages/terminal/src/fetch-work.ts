import { anonymousRecipient, type ConfidentialLink, type Role, type ThirdMode } from "@sealane/link";
import { isSameSoftware, type SoftwareDescription } from "@sealane/software";
import { type ArtefactId, hasCode, type SealaneError } from "@sealane/wire";
import { type Download, saveDownload, type UnusableDownload } from "./download-record.ts";
import { begunOf, type Taken } from "./downloads.ts";
import { terminalErrors } from "./errors.ts";
import { isFaultOfMessage } from "./hear.ts";
import type { HeldModules } from "./held-modules.ts";
import type { AuthorisedReply } from "./inbox-client.ts";
import type { InboxJournal } from "./inbox-journal.ts";
import type { LocalModule } from "./installed-modules.ts";
import { proveAuthorisation, unwrapContentKey } from "./licence.ts";
import type { LinkChoice, Session } from "./link-client.ts";
import { factsOf } from "./link-facts.ts";
import { type Chosen, chooseOffer, type Wanted } from "./offers.ts";

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

/** One command that fetches, and what it knows. */
export interface Work {
  readonly session: Session;
  readonly input: FetchInput;
  readonly choice: LinkChoice;
  /** What nobody else fetches or discards meanwhile. */
  readonly held: HeldModules;
  readonly modules: readonly LocalModule[];
  /** The artefact whose file the user has named. */
  readonly named: ArtefactId | null;
  readonly downloads: readonly Download[];
  /** Modules that came without a name, where this command asks by name. */
  readonly nameless: ReadonlySet<string>;
  /** Modules that failed in this command, and why. */
  readonly failed: Map<string, SealaneError>;
  /** Modules that this command has dealt with already. */
  readonly done: ReadonlySet<string>;
  /** Whether there were others beside the one that failed last. */
  othersOffered?: boolean;
  /** What was begun and is over: it is obtained anew, or this is why it cannot be gone on with. */
  readonly over: readonly UnusableDownload[];
}

/** A download that was begun, now or before. */
export interface Begun extends Taken {
  readonly alsoOffered: readonly SoftwareDescription[];
  /** Where a message in the inbox brought it: what is awaited there is over once the software is here. */
  readonly journal?: InboxJournal;
}

/** Does something of one module, which nobody else touches until then, and notes a failure that is of this module only. */
export async function ofModule<T>(work: Work, { description, alsoOffered }: Chosen, action: () => Promise<T>): Promise<T> {
  const { module } = description;
  try {
    await work.held.take(module);
    return await action();
  } catch (error) {
    const isFirst = !work.failed.has(module);
    if (isFirst && (isFaultOfMessage(error) || hasCode(error, "TERMINAL_STATE_LOCKED"))) {
      work.failed.set(module, error);
      work.othersOffered = alsoOffered.length > 0;
      if (mayTryAnother(work)) work.session.terminal.onEvent({ kind: "module-skipped", module, code: error.code });
    }
    throw error;
  }
}

/** A command that has dealt with a module already waits for no more than what is there. */
export function waitOf({ input, failed, done }: Work, defaultSeconds: number): number {
  return failed.size + done.size > 0 ? 0 : (input.waitSeconds ?? defaultSeconds);
}

/** One module that cannot be fetched must not keep the others away. The inbox and the channel are looked at for more. */
export function mayTryAnother({ input, choice, named, othersOffered }: Work): boolean {
  const isAsking = input.originator !== "server" && !choice.mechanism.broadcast;
  return input.module === undefined && named === null && (othersOffered === true || !isAsking);
}

export function isWithoutName({ mechanism }: LinkChoice, originator: Role = "terminal"): boolean {
  return mechanism.anonymous === "originator" && originator !== "server";
}

/** Goes on with what was chosen, if it was begun; takes a licence for it otherwise. What is here may have changed since the command began. */
export async function beginChosen(
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

export async function begunOffer(work: Work, description: SoftwareDescription): Promise<Taken | null> {
  const { session } = work;
  const begun = await begunOf(session.terminal, session.enrolment, description);
  return begun === null ? null : resumed(work, begun);
}

function resumed({ session }: Work, begun: Taken): Taken {
  if (!begun.download.complete) session.terminal.onEvent({ kind: "stage", command: "fetch", stage: "resume" });
  return begun;
}

export function choose(work: Work, offers: readonly SoftwareDescription[]): Chosen | null {
  return chooseOffer(offers, wantedOf(work));
}

export function wantedOf({ session, input, modules, downloads, failed, done, nameless, named }: Work): Wanted {
  const isPassed = (module: string): boolean => failed.has(module) || done.has(module);
  const except = { has: (module: string): boolean => isPassed(module) || (input.module === undefined && nameless.has(module)) };
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
