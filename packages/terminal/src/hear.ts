import { apiErrors, type BroadcastItem } from "@sealane/api";
import type { Suite } from "@sealane/crypto";
import {
  acceptMessage,
  type BroadcastLink,
  decodeMessage,
  defaultBroadcastSeconds,
  defaultToleranceSeconds,
  defaultWindowSeconds,
  type GroupMemberships,
  linkErrors,
  mechanismNamed,
  type PeerDirectory,
  type ReplayEntry,
} from "@sealane/link";
import { type VerifiedCertificate, verifyCertificate } from "@sealane/pki";
import { type Authorisation, parseLicence, softwareErrors, type VerifiedAuthorisation, type VerifiedLicence } from "@sealane/software";
import { equalBytes, SealaneError } from "@sealane/wire";
import type { BroadcastEvent } from "./events.ts";
import type { Enrolment } from "./identity.ts";
import { proveAuthorisation } from "./licence.ts";
import { requireStrongEnough } from "./suite-floor.ts";
import type { Terminal } from "./terminal.ts";
import { describeTrust, type Holder } from "./trust.ts";

/** Who hears broadcasts: whom it trusts, and what an enrolled terminal has besides. */
export interface Hearing {
  readonly terminal: Terminal;
  readonly holder: Holder;
  readonly enrolled: { readonly enrolment: Enrolment; readonly groups: GroupMemberships | null } | null;
  /** A suite that the user named, which may be weaker than what this terminal takes by itself. */
  readonly suite: Suite | null;
}

/** A broadcast whose signature, release, licence and time were proven; that it is new is still to be noted. */
export interface Heard extends Disposable {
  /** As the channel has it. */
  readonly item: BroadcastItem;
  readonly position: number;
  readonly link: BroadcastLink;
  readonly authorisation: VerifiedAuthorisation;
  readonly licence: VerifiedLicence;
  /** Release and licence as they came. */
  readonly encoded: Authorisation;
  readonly wrap: Uint8Array;
  readonly signer: VerifiedCertificate;
  readonly replay: ReplayEntry;
  readonly event: BroadcastEvent;
}

/** What of several broadcasts can be used; the last reason for which another one could not. */
export interface HeardAll {
  readonly heard: readonly Heard[];
  readonly refusal: SealaneError | null;
}

/**
 * Proves broadcasts, one after the other. What cannot be used is told as an event and left out; what is for a group is passed over by a
 * terminal that can be in none. Errors: faults of disk, keys and network, and defects.
 */
export async function hearAll(hearing: Hearing, items: readonly BroadcastItem[]): Promise<HeardAll> {
  const heard: Heard[] = [];
  let refusal: SealaneError | null = null;
  for (const item of items) {
    try {
      const each = await hear(hearing, item);
      if (each !== null) heard.push(each);
    } catch (error) {
      if (!isFaultOfMessage(error)) throw error;
      refusal = error;
      hearing.terminal.onEvent({ kind: "broadcast-skipped", position: item.position, code: error.code });
    }
  }
  return { heard, refusal };
}

/** Disk, keys, other commands and defects of ours stop the command; anything else is the fault of one broadcast. */
export function isFaultOfMessage(error: unknown): error is SealaneError {
  if (!(error instanceof SealaneError) || error.entry.blame === "internal") return false;
  const { code } = error;
  return !ownFaults.includes(code) && !code.startsWith("KEYSTORE_");
}

const ownFaults: readonly string[] = [
  "TERMINAL_DISK_FULL",
  "TERMINAL_STATE_DAMAGED",
  "TERMINAL_STATE_LOCKED",
  "TERMINAL_ENROLMENT_CHANGED",
  "FILE_WRITE_FAILED",
  "SYSTEM_PERMISSION_DENIED",
];

/**
 * Proves one broadcast: M1 by a server that this terminal trusts, the licence for everybody in it by an issuer and the release beside it by
 * a publisher under the same authority, all for now. Nothing is remembered and nothing is opened.
 *
 * Errors: those of `acceptMessage`; LINK_GROUP_UNKNOWN for a group that this terminal is not a member of; those of `verifyAuthorisation`;
 * TERMINAL_SUITE_WEAKER; POLICY_REFUSED for system software in a message that may not be the newest.
 */
async function hear(hearing: Hearing, item: BroadcastItem): Promise<Heard | null> {
  const { mechanism, suite } = decodeMessage(item.message).header;
  if (!mechanismNamed(mechanism).broadcast) throw linkErrors.error("LINK_MECHANISM_UNKNOWN", { mechanism });
  if (mechanism === "group-broadcast" && (hearing.enrolled?.groups ?? null) === null) return null;
  // An open broadcast has no secret: only its signature counts. A listener has agreed nothing with anybody.
  const isOnlySigned = mechanism === "open-broadcast";
  if (hearing.enrolled !== null) requireStrongEnough(hearing.enrolled.enrolment.floor, { suite, named: hearing.suite, isOnlySigned });
  const { link, signer, replay } = await accept(hearing, item.message);
  try {
    const encoded = { licence: link.licence, release: item.release };
    const authorisation = authorise(hearing, encoded, signer);
    const { licence } = authorisation;
    const event = describe(hearing, { link, signer, licence });
    if (!event.isNewest && licence.softwareClass === "system") {
      throw apiErrors.error("POLICY_REFUSED", { class: licence.softwareClass, reason: "perhaps not newest" });
    }
    const { position, wrap } = item;
    return {
      item,
      position,
      link,
      authorisation,
      licence,
      encoded,
      wrap,
      signer,
      replay,
      event,
      [Symbol.dispose]: () => link[Symbol.dispose](),
    };
  } catch (error) {
    link[Symbol.dispose]();
    throw error;
  }
}

interface Accepted {
  readonly link: BroadcastLink;
  readonly signer: VerifiedCertificate;
  readonly replay: ReplayEntry;
}

async function accept({ terminal, holder, enrolled }: Hearing, message: Uint8Array): Promise<Accepted> {
  const nowSeconds = terminal.clock.nowSeconds();
  const peers = new Signers(holder, { enrolment: enrolled?.enrolment ?? null, nowSeconds });
  let replay: ReplayEntry | null = null;
  const accepted = await acceptMessage(
    {
      self: enrolled?.enrolment.self ?? { name: null, role: "terminal" },
      peers,
      freshness: { nowSeconds, storedSeconds: defaultBroadcastSeconds },
      random: terminal.random,
      replay: {
        insert(entry) {
          replay = entry;
          return "fresh";
        },
      },
      ...(enrolled?.groups == null ? {} : { groups: enrolled.groups }),
    },
    message,
  );
  const { signer } = peers;
  if (accepted.kind !== "broadcast" || signer === null || replay === null) throw linkErrors.error("LINK_MESSAGE_UNEXPECTED");
  return { link: accepted.link, signer, replay };
}

/** The one signer of a broadcast: for an enrolled terminal its server, for a listener any server of the authority that it trusts. */
class Signers implements PeerDirectory {
  readonly #holder: Holder;
  readonly #known: { readonly enrolment: Enrolment | null; readonly nowSeconds: number };
  #signer: VerifiedCertificate | null = null;

  constructor(holder: Holder, known: { readonly enrolment: Enrolment | null; readonly nowSeconds: number }) {
    this.#holder = holder;
    this.#known = known;
  }

  /** Whose certificate was proven last. */
  get signer(): VerifiedCertificate | null {
    return this.#signer;
  }

  /** A broadcast carries its signer's certificates. */
  find(): null {
    return null;
  }

  /** Errors: those of `verifyCertificate`. */
  verify(chain: readonly Uint8Array[]): VerifiedCertificate {
    const { enrolment, nowSeconds } = this.#known;
    const name = enrolment === null ? {} : { name: enrolment.serverName };
    this.#signer = verifyCertificate({ chain, anchors: this.#holder.anchors, purpose: "server-sign", nowSeconds, ...name });
    return this.#signer;
  }

  decryption(): null {
    return null;
  }
}

/**
 * The licence that M1 has signed, for everybody, and the release beside it, by issuer and publisher of the signer's authority.
 * Errors: those of `verifyAuthorisation`.
 */
function authorise({ terminal, holder }: Hearing, encoded: Authorisation, signer: VerifiedCertificate): VerifiedAuthorisation {
  const { artefactId, recipient } = parseLicence(encoded.licence).licence;
  if (recipient !== "*") throw softwareErrors.error("LICENCE_RECIPIENT_WRONG", { recipient, expected: "*" });
  const authorisation = proveAuthorisation(encoded, { terminal, trust: holder, artefactId });
  if (!equalBytes(authorisation.licence.certificate.anchor.thumbprint, signer.anchor.thumbprint)) {
    throw softwareErrors.error("LICENCE_UNTRUSTED", { reason: "another authority than the message's" });
  }
  return authorisation;
}

function describe(
  { terminal, holder: { standing } }: Hearing,
  heard: { readonly link: BroadcastLink; readonly signer: VerifiedCertificate; readonly licence: VerifiedLicence },
): BroadcastEvent {
  const { link, signer, licence } = heard;
  const { issuedAtSeconds } = link;
  const fingerprint = signer.anchor.thumbprint.toHex();
  const ageSeconds = issuedAtSeconds === null ? null : Math.max(0, terminal.clock.nowSeconds() - issuedAtSeconds);
  const isNewest = ageSeconds !== null && ageSeconds <= defaultWindowSeconds + defaultToleranceSeconds;
  return {
    kind: "broadcast",
    mechanism: link.mechanism,
    group: link.group?.groupId ?? null,
    module: licence.module,
    version: licence.version,
    sequence: licence.sequence,
    signer: signer.name,
    standing,
    fingerprint,
    trust: describeTrust({ signer: signer.name, standing, fingerprint }),
    issuedAtSeconds,
    isNewest,
    freshness: isNewest
      ? "Signed within the last minutes: authentic and current"
      : `Signed ${ageOf(ageSeconds)}: authentic, perhaps not newest`,
  };
}

function ageOf(seconds: number | null): string {
  return seconds === null ? "at no time that is told" : `${Math.round(seconds / 60)} minutes ago`;
}
