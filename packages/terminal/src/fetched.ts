import type { SoftwareDescription } from "@sealane/software";
import type { DownloadResult } from "./download.ts";
import type { Taken } from "./downloads.ts";
import type { LinkEvent } from "./events.ts";
import { descriptionOf } from "./licence.ts";
import { describeLink } from "./link-facts.ts";
import type { Terminal } from "./terminal.ts";
import type { Holder } from "./trust.ts";

/** What a link gave. */
export interface FetchedKey {
  readonly software: SoftwareDescription;
  readonly licenceExpiresAtSeconds: number;
  /** When the life of the content key ends; null where it has no end of its own. */
  readonly keyExpiresAtSeconds: number | null;
  /** What the link promises that the content key came over. */
  readonly link: LinkEvent;
  /** The software was there already, complete. */
  readonly wasComplete: boolean;
  /** Other modules that have something newer. */
  readonly alsoOffered: readonly SoftwareDescription[];
}

/** What a command has brought here. */
export interface Fetched extends FetchedKey, DownloadResult {
  readonly seconds: number;
}

/** What a command says of licence and content key. */
export function fetchedKeyOf({ download }: Pick<Taken, "download">, holder: Holder): Omit<FetchedKey, "alsoOffered"> {
  const { licence, record } = download;
  return {
    software: descriptionOf(licence),
    licenceExpiresAtSeconds: licence.expiresAtSeconds,
    keyExpiresAtSeconds: licence.keyExpiresAtSeconds,
    link: describeLink(record.link, holder),
    wasComplete: download.complete,
  };
}

/** What a command says of a download that it has finished. */
export function fetchedOf(
  terminal: Terminal,
  done: Taken & { readonly result: DownloadResult; readonly holder: Holder; readonly started: number },
): Omit<Fetched, "alsoOffered"> {
  const { result, holder, started } = done;
  return { ...result, ...fetchedKeyOf(done, holder), seconds: (terminal.clock.elapsedMilliseconds() - started) / 1000 };
}
