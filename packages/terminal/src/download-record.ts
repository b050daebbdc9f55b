import type { Secret } from "@sealane/crypto";
import {
  type Authorisation,
  type Licence,
  maxLicenceBytes,
  maxReleaseBytes,
  parseLicence,
  type VerifiedAuthorisation,
  type VerifiedLicence,
} from "@sealane/software";
import { type ArtefactId, artefactId, byteString, type Codec, literal, SealaneError, tuple, uint } from "@sealane/wire";
import { exists, loadState, makeFolder, namesIn, remove, removeTemporary, type StateFile, saveState } from "./disk.ts";
import { terminalErrors } from "./errors.ts";
import { keepSecret, openKeptSecret } from "./kept-secret.ts";
import { keptKeyAad, stateVersion } from "./labels.ts";
import { proveAuthorisation, requireKeyAlive } from "./licence.ts";
import { licenceToleranceSeconds, maxKeptBytes, maxStateFileBytes } from "./limits.ts";
import { type LinkFacts, linkFactsCodec } from "./link-facts.ts";
import { changeState } from "./state-change.ts";
import type { DownloadFolder } from "./state-folder.ts";
import { StateLock } from "./state-lock.ts";
import type { Terminal } from "./terminal.ts";
import type { Holder, Trust } from "./trust.ts";

/** What a link gave for one artefact: enough to fetch and install it without another link. */
export interface DownloadRecord extends Authorisation {
  readonly version: typeof recordVersion;
  readonly licence: Uint8Array;
  readonly release: Uint8Array;
  /** When both were accepted here. */
  readonly acceptedAtSeconds: number;
  /** The content key, encrypted to this terminal's decryption key. */
  readonly keptKey: Uint8Array;
  readonly link: LinkFacts;
}

/** What stood there before releases travelled to terminals: it can be shown, and is not used. */
interface FormerRecord extends Omit<DownloadRecord, "version" | "release" | "acceptedAtSeconds"> {
  readonly version: typeof stateVersion;
}

const recordVersion = 2;

const shared = {
  licence: byteString({ min: 1, max: maxLicenceBytes }),
  keptKey: byteString({ min: 1, max: maxKeptBytes }),
  link: linkFactsCodec,
};

const currentCodec: Codec<DownloadRecord> = tuple<DownloadRecord>({
  version: literal(recordVersion),
  licence: shared.licence,
  release: byteString({ min: 1, max: maxReleaseBytes }),
  acceptedAtSeconds: uint(),
  keptKey: shared.keptKey,
  link: shared.link,
});

const formerCodec: Codec<FormerRecord> = tuple<FormerRecord>({ version: literal(stateVersion), ...shared });

const recordCodec: Codec<DownloadRecord | FormerRecord> = {
  toCbor: (record) => (record.version === stateVersion ? formerCodec.toCbor(record) : currentCodec.toCbor(record)),
  fromCbor(value, field) {
    const isFormer = Array.isArray(value) && value[0] === stateVersion;
    return isFormer ? formerCodec.fromCbor(value, field) : currentCodec.fromCbor(value, field);
  },
};

export const downloadRecordFile: StateFile<DownloadRecord | FormerRecord> = {
  codec: recordCodec,
  maxBytes: maxStateFileBytes,
  what: "download",
};

/** A download with its release and licence proven. */
export interface Download {
  readonly folder: DownloadFolder;
  readonly record: DownloadRecord;
  readonly authorisation: VerifiedAuthorisation;
  readonly licence: VerifiedLicence;
  /** All of the plaintext is there, to be checked again before it is installed. */
  readonly complete: boolean;
}

/**
 * Writes down what a link gave, the content key encrypted. For who holds its module; where the same artefact lies here as software of
 * another module, that one has to be free too. Errors: those of `changeState`; TERMINAL_STATE_LOCKED.
 */
export async function saveDownload(
  terminal: Terminal,
  holder: Holder,
  given: {
    readonly authorisation: VerifiedAuthorisation;
    readonly encoded: Authorisation;
    readonly contentKey: Secret<"content key">;
    readonly link: LinkFacts;
  },
): Promise<Download> {
  const { authorisation, encoded, contentKey, link } = given;
  const { licence } = authorisation;
  const folder = terminal.folder.download(licence.artefactId);
  const owner = { publicKey: holder.keeper.publicKey, random: terminal.random };
  const keptKey = keepSecret(contentKey, owner, keptKeyAad({ artefactId: licence.artefactId, licenceDigest: licence.digest }));
  const acceptedAtSeconds = terminal.clock.nowSeconds();
  const record: DownloadRecord = {
    version: recordVersion,
    licence: encoded.licence,
    release: encoded.release,
    acceptedAtSeconds,
    keptKey,
    link,
  };
  return await changeState(terminal, holder, async () => {
    const former = (await readLicence(folder))?.module ?? licence.module;
    using _former = former === licence.module ? null : await StateLock.take(terminal.folder, { module: former });
    await makeFolder(folder.path);
    await saveState(folder.record, downloadRecordFile, record);
    return { folder, record, authorisation, licence, complete: await exists(folder.software) };
  });
}

/** Opens the content key of a download. Errors: CRYPTO_OPEN_FAILED (kept under other keys), LICENCE_EXPIRED (the key's life is over). */
export async function openContentKey(terminal: Terminal, holder: Holder, download: Download): Promise<Secret<"content key">> {
  const { licence, record } = download;
  requireKeyAlive(licence, terminal.clock.nowSeconds());
  const binding = { artefactId: licence.artefactId, licenceDigest: licence.digest };
  return await openKeptSecret(record.keptKey, { key: holder.keeper, kind: "content key" }, keptKeyAad(binding));
}

/** A download as it lies on the disk: usable, not any more for the reason given, or what is left of one. */
export type FoundDownload =
  | { readonly kind: "usable"; readonly download: Download }
  | UnusableDownload
  | { readonly kind: "leftover"; readonly folder: DownloadFolder };

export interface UnusableDownload {
  readonly kind: "unusable";
  readonly folder: DownloadFolder;
  /** What its licence says, unproven: to tell of what it was. Null when that cannot be read. */
  readonly module: string | null;
  /** When licence or content key end; null when that cannot be read. */
  readonly endsAtSeconds: number | null;
  readonly error: SealaneError;
}

/** Reads every download and proves its release and its licence for now. */
export async function findDownloads(terminal: Terminal, trust: Trust): Promise<readonly FoundDownload[]> {
  const found: FoundDownload[] = [];
  for (const id of await downloadIds(terminal)) {
    const folder = terminal.folder.download(id);
    try {
      const download = await loadDownload(terminal, trust, id);
      found.push(download === null ? { kind: "leftover", folder } : { kind: "usable", download });
    } catch (error) {
      if (!(error instanceof SealaneError)) throw error;
      const licence = await readLicence(folder);
      const endsAtSeconds =
        licence === null ? null : Math.min(licence.expiresAtSeconds, licence.keyExpiresAtSeconds ?? licence.expiresAtSeconds);
      found.push({ kind: "unusable", folder, module: licence?.module ?? null, endsAtSeconds, error });
    }
  }
  return found;
}

/** The download of one artefact; null where there is none that can be used. */
export async function findDownload(terminal: Terminal, trust: Trust, id: ArtefactId): Promise<Download | null> {
  try {
    return await loadDownload(terminal, trust, id);
  } catch (error) {
    if (error instanceof SealaneError) return null;
    throw error;
  }
}

/**
 * Removes a download that no command can use any more. What is over by this machine's clock alone stays, and is not used: the clock may be
 * ahead. It goes once the server has proved a time at which it was over (KLIFE). For the holder of the locks on downloads and its module.
 */
export async function removeUnusable(terminal: Terminal, found: FoundDownload): Promise<void> {
  await removeTemporary(found.kind === "usable" ? found.download.folder.path : found.folder.path);
  if (found.kind !== "usable" && !isEarly(found) && !isPerhapsOver(found, terminal.clock.floorSeconds())) await remove(found.folder.path);
}

/** A clock that is behind is set some day. */
function isEarly(found: FoundDownload): boolean {
  return found.kind === "unusable" && ["LICENCE_NOT_YET_VALID", "RELEASE_NOT_YET_VALID"].includes(found.error.code);
}

function isPerhapsOver(found: FoundDownload, provenSeconds: number): boolean {
  if (found.kind !== "unusable" || found.error.code !== "LICENCE_EXPIRED") return false;
  return found.endsAtSeconds !== null && provenSeconds < found.endsAtSeconds + licenceToleranceSeconds;
}

async function loadDownload(terminal: Terminal, trust: Trust, id: ArtefactId): Promise<Download | null> {
  const folder = terminal.folder.download(id);
  const record = await loadState(folder.record, downloadRecordFile);
  if (record === null) return null;
  if (record.version === stateVersion) throw terminalErrors.error("TERMINAL_RELEASE_MISSING", { artefact: id.toHex() });
  const { acceptedAtSeconds } = record;
  const authorisation = proveAuthorisation(record, { terminal, trust, artefactId: id, acceptedAtSeconds });
  const { licence } = authorisation;
  requireKeyAlive(licence, terminal.clock.nowSeconds());
  return { folder, record, authorisation, licence, complete: await exists(folder.software) };
}

/** What the licence of a download says, unproven; null when it cannot be read. */
export async function readLicence(folder: DownloadFolder): Promise<Licence | null> {
  try {
    const record = await loadState(folder.record, downloadRecordFile);
    return record === null ? null : parseLicence(record.licence).licence;
  } catch (error) {
    if (error instanceof SealaneError) return null;
    throw error;
  }
}

async function downloadIds(terminal: Terminal): Promise<readonly ArtefactId[]> {
  const folder = terminal.folder.downloads;
  const names = await namesIn(folder);
  return names.filter((name) => /^[0-9a-f]{64}$/.test(name)).map((name) => artefactId(Uint8Array.fromHex(name)));
}
