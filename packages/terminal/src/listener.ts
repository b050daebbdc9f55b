import { decryptionKindOf, defaultSuite } from "@sealane/crypto";
import { maxCertificateBytes } from "@sealane/link";
import { trustAnchor } from "@sealane/pki";
import { byteString, type Codec, literal, oneOf, text, tuple } from "@sealane/wire";
import { parseBaseUrl } from "./base-url.ts";
import { changing, loadState, type StateFile, saveState } from "./disk.ts";
import { listenerKeyPrefix, stateVersion } from "./labels.ts";
import { maxIdentityBytes } from "./limits.ts";
import type { Terminal } from "./terminal.ts";
import { type Holder, type Standing, standings, type Trust } from "./trust.ts";

/** What a terminal that is not enrolled needs to hear broadcasts and to use what it heard: whom it trusts, and what it is. */
export interface Listener {
  readonly version: typeof stateVersion;
  readonly url: string;
  /** DER of the authority whose servers it believes. */
  readonly authority: Uint8Array;
  readonly standing: Standing;
  /** Empty: only software that does not depend on the model. */
  readonly model: string;
}

const listenerCodec: Codec<Listener> = tuple<Listener>({
  version: literal(stateVersion),
  url: text(512),
  authority: byteString({ min: 1, max: maxCertificateBytes }),
  standing: oneOf(standings),
  model: text(64),
});

const listenerFile: StateFile<Listener> = { codec: listenerCodec, maxBytes: maxIdentityBytes, what: "listener" };

/** Reads what this terminal listens to; null before it ever did. Error: TERMINAL_STATE_DAMAGED. */
export async function loadListener(terminal: Terminal): Promise<Listener | null> {
  return await loadState(terminal.folder.listener, listenerFile);
}

/** Writes it down. Errors: TERMINAL_DISK_FULL, FILE_WRITE_FAILED. */
export async function saveListener(terminal: Terminal, listener: Listener): Promise<void> {
  await saveState(terminal.folder.listener, listenerFile, listener);
}

/** Whom a listener trusts. */
export function trustOf({ model, authority, standing }: Listener): Trust {
  return { name: null, model, anchors: [trustAnchor(authority)], standing };
}

/** The listener with the key that its secrets are kept under, which is made on first use. Errors: KEYSTORE_*, TERMINAL_DISK_FULL. */
export async function openListener({ keys, folder }: Terminal, listener: Listener): Promise<Holder> {
  const kind = decryptionKindOf(defaultSuite);
  const id = `${listenerKeyPrefix}${kind}-own`;
  if (!(await keys.has(id))) await changing(folder.keys, () => keys.generate(id, kind, "decrypt"));
  return { ...trustOf(listener), enrolled: null, url: parseBaseUrl(listener.url), keeper: await keys.decryptionKey(id) };
}
