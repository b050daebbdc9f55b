import { stat } from "node:fs/promises";
import { type SuiteName, sha256 } from "@sealane/crypto";
import { parseCertificate } from "@sealane/pki";
import type { Licence } from "@sealane/software";
import { SealaneError } from "@sealane/wire";
import { isMissing } from "./disk.ts";
import { findDownloads } from "./download-record.ts";
import type { LinkEvent } from "./events.ts";
import { type Identity, loadIdentity, loadTrust } from "./identity.ts";
import { type LocalModule, localModules } from "./installed-modules.ts";
import { describeLink } from "./link-facts.ts";
import { type Listener, loadListener } from "./listener.ts";
import { type OrderStatus, orderStatus } from "./order-record.ts";
import { describeSlot, proveSlot } from "./slot.ts";
import { agreedSuites, suiteFloorOf } from "./suite-floor.ts";
import type { Terminal } from "./terminal.ts";
import type { Standing, Trust } from "./trust.ts";

/** What this terminal is and has. Codes under `problem` are those that a command on that part would end with. */
export interface Status {
  /** Null before enrolment. */
  readonly identity: IdentityStatus | null;
  /** Whom it listens to without being enrolled; null when it does not, or is enrolled. */
  readonly listener: ListenerStatus | null;
  /** The last order of an operator that was accepted; null before the first. */
  readonly order: OrderStatus | null;
  readonly modules: readonly ModuleStatus[];
  readonly downloads: readonly DownloadStatus[];
}

export interface IdentityStatus {
  readonly name: string;
  readonly model: string;
  readonly url: string;
  readonly serverName: string;
  /** SHA-256 of the authority's certificate, hex. */
  readonly fingerprint: string;
  readonly enrolledAtSeconds: number;
  readonly certificateExpiresAtSeconds: number;
  /** Suites that terminal and server have keys for, the strongest first. */
  readonly suites: readonly SuiteName[];
  /** The weakest that is taken unless the user names another. */
  readonly suiteFloor: SuiteName;
}

export interface ListenerStatus {
  readonly url: string;
  readonly model: string;
  readonly standing: Standing;
  /** SHA-256 of the authority's certificate, hex. */
  readonly fingerprint: string;
}

export interface ModuleStatus {
  readonly module: string;
  readonly current: SlotStatus | null;
  readonly previous: SlotStatus | null;
  /** The highest sequence that was ever installed. */
  readonly highest: number | null;
}

export interface SlotStatus {
  readonly sequence: number;
  readonly version: string | null;
  /** Who released it; null where nothing here says so: it was installed before releases travelled to terminals, or the file is gone. */
  readonly publisher: string | null;
  readonly artefactId: string | null;
  /** SHA-256 of the software, hex. */
  readonly sha256: string | null;
  /** Where the software lies. */
  readonly path: string;
  readonly installedAtSeconds: number | null;
  readonly licenceExpiresAtSeconds: number | null;
  readonly link: LinkEvent | null;
  /** Why its release or licence does not permit it now; null when it does. The content is checked at a start only. */
  readonly problem: string | null;
}

export interface DownloadStatus {
  readonly artefactId: string;
  readonly module: string;
  readonly version: string;
  readonly sequence: number;
  readonly publisher: string;
  readonly stagedBytes: number;
  readonly totalBytes: number;
  readonly complete: boolean;
  /** What is still to come; licence and content key are there. */
  readonly awaits: "software" | null;
  readonly licenceExpiresAtSeconds: number;
  /** Null where the content key has no end of its own. */
  readonly keyExpiresAtSeconds: number | null;
}

/** Gives an overview without changing or locking anything. Errors: TERMINAL_STATE_DAMAGED, ORDER_MALFORMED (that file, changed). */
export async function status(terminal: Terminal): Promise<Status> {
  const identity = await loadIdentity(terminal);
  const listener = identity === null ? await loadListener(terminal) : null;
  if (identity === null && listener === null) return { identity: null, listener: null, order: null, modules: [], downloads: [] };
  const trust = await loadTrust(terminal);
  const modules: ModuleStatus[] = [];
  for (const local of await localModules(terminal)) modules.push(await moduleStatus(terminal, trust, local));
  return {
    identity: identity === null ? null : await identityStatus(terminal, identity),
    listener: listener === null ? null : listenerStatus(listener),
    order: await orderStatus(terminal),
    modules,
    downloads: await downloadStatuses(terminal, trust),
  };
}

function listenerStatus({ url, model, standing, authority }: Listener): ListenerStatus {
  return { url, model, standing, fingerprint: sha256(authority).toHex() };
}

async function identityStatus(terminal: Terminal, identity: Identity): Promise<IdentityStatus> {
  const { name, model, url, serverName, authority, enrolledAtSeconds } = identity;
  const chains = [...identity.signing, ...identity.decryption, ...identity.agreement].map(({ chain }) => chain);
  const ends = chains.flat().map((der) => parseCertificate(der).notAfterSeconds);
  const floor = await suiteFloorOf(terminal, identity);
  return {
    name,
    model,
    url,
    serverName,
    fingerprint: sha256(authority).toHex(),
    enrolledAtSeconds,
    certificateExpiresAtSeconds: Math.min(...ends),
    suites: agreedSuites(identity).map((suite) => suite.name),
    suiteFloor: floor.name,
  };
}

async function moduleStatus(terminal: Terminal, trust: Trust, local: LocalModule): Promise<ModuleStatus> {
  const { module, state } = local;
  const slotOf = async (sequence: number | null): Promise<SlotStatus | null> =>
    sequence === null ? null : await slotStatus(terminal, trust, { local, sequence });
  return { module, current: await slotOf(state.current), previous: await slotOf(state.previous), highest: state.highest };
}

async function slotStatus(
  terminal: Terminal,
  trust: Trust,
  place: { readonly local: LocalModule; readonly sequence: number },
): Promise<SlotStatus> {
  const { local, sequence } = place;
  const folder = local.folder.slot(sequence);
  const described = await describeSlot(folder, local.module);
  const licence: Licence | null = described?.licence ?? null;
  const record = described?.record ?? null;
  return {
    sequence,
    version: licence?.version ?? null,
    publisher: described?.release?.publisher ?? null,
    artefactId: licence?.artefactId.toHex() ?? null,
    sha256: licence?.sha256.toHex() ?? null,
    path: folder.software,
    installedAtSeconds: record?.installedAtSeconds ?? null,
    licenceExpiresAtSeconds: licence?.expiresAtSeconds ?? null,
    link: record === null ? null : describeLink(record.link, trust),
    problem: await codeOf(() => proveSlot(folder, { terminal, trust, module: local.module, sequence })),
  };
}

async function codeOf(work: () => Promise<unknown>): Promise<string | null> {
  try {
    await work();
    return null;
  } catch (error) {
    if (error instanceof SealaneError) return error.code;
    throw error;
  }
}

async function downloadStatuses(terminal: Terminal, trust: Trust): Promise<readonly DownloadStatus[]> {
  const statuses: DownloadStatus[] = [];
  for (const each of await findDownloads(terminal, trust)) {
    if (each.kind !== "usable") continue;
    const { folder, licence, authorisation, complete } = each.download;
    const { module, version, sequence, plaintextBytes, expiresAtSeconds, keyExpiresAtSeconds } = licence;
    statuses.push({
      artefactId: licence.artefactId.toHex(),
      module,
      version,
      sequence,
      publisher: authorisation.release.publisher,
      stagedBytes: Math.min(plaintextBytes, await sizeOf(complete ? folder.software : folder.part)),
      totalBytes: plaintextBytes,
      complete,
      awaits: complete ? null : "software",
      licenceExpiresAtSeconds: expiresAtSeconds,
      keyExpiresAtSeconds,
    });
  }
  return statuses;
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isMissing(error)) return 0;
    throw error;
  }
}
