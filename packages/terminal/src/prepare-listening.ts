import { enrolInfoCodec, maxEnrolReplyBytes, mediaType, routes } from "@sealane/api";
import { sha256 } from "@sealane/crypto";
import { type HttpClient, urlOf } from "@sealane/http";
import { type TrustAnchor, trustAnchor } from "@sealane/pki";
import { decodeAs, equalBytes, type Thumbprint } from "@sealane/wire";
import { parseBaseUrl } from "./base-url.ts";
import { terminalErrors } from "./errors.ts";
import { type Enrolment, loadEnrolment, loadIdentity } from "./identity.ts";
import { type Listener, loadListener, openListener, saveListener } from "./listener.ts";
import { retrying } from "./retry.ts";
import { StateLock } from "./state-lock.ts";
import type { Terminal } from "./terminal.ts";
import type { Holder, Standing } from "./trust.ts";

/** Whom a terminal that is not enrolled is to trust; told once, it is remembered. */
export interface TrustInput {
  /** Where the server is. */
  readonly url?: string;
  /** DER of the CA certificate. */
  readonly authority?: Uint8Array;
  /** SHA-256 of the CA certificate, in place of it: the server is then asked for it. */
  readonly fingerprint?: Thumbprint;
  /** Who stands behind that authority; its operator unless told. */
  readonly standing?: Standing;
  /** The model of this terminal; software that depends on the model needs it. */
  readonly model?: string;
}

/** With whose trust this terminal listens. */
export interface Prepared {
  readonly holder: Holder;
  /** Null for a listener. */
  readonly enrolment: Enrolment | null;
}

/**
 * Decides whom this terminal trusts while it listens: whom it is enrolled with, or whom it was told once.
 *
 * Errors: TERMINAL_TRUST_NEEDED, TERMINAL_TRUST_CONFLICT (something else than before), TERMINAL_ADDRESS_WRONG, PKI_FINGERPRINT_WRONG and
 * other PKI_*; those of the HTTP client and WIRE_* where the server is asked; those of `loadEnrolment`; TERMINAL_STATE_LOCKED,
 * TERMINAL_STATE_DAMAGED, TERMINAL_DISK_FULL, FILE_WRITE_FAILED, KEYSTORE_*.
 */
export async function prepareListening(terminal: Terminal, http: HttpClient, input: TrustInput): Promise<Prepared> {
  if ((await loadIdentity(terminal)) !== null) return await asEnrolled(terminal, input);
  const known = await loadListener(terminal);
  const listener = known === null ? await newListener(terminal, http, input) : changedListener(known, input);
  using _lock = await StateLock.takeSoon(terminal, "downloads");
  if (listener !== known) await saveListener(terminal, listener);
  return { holder: await openListener(terminal, listener), enrolment: null };
}

async function asEnrolled(terminal: Terminal, input: TrustInput): Promise<Prepared> {
  const enrolment = await loadEnrolment(terminal);
  const isOwn =
    enrolment.anchors.every((anchor) => isSame(anchor.thumbprint, input)) && (input.model ?? enrolment.model) === enrolment.model;
  if (!isOwn) throw terminalErrors.error("TERMINAL_TRUST_CONFLICT");
  const url = input.url === undefined ? enrolment.url : parseBaseUrl(input.url);
  return { holder: { ...enrolment, url }, enrolment };
}

async function newListener(terminal: Terminal, http: HttpClient, input: TrustInput): Promise<Listener> {
  const { url, standing = "operator", model = "" } = input;
  if (url === undefined) throw terminalErrors.error("TERMINAL_TRUST_NEEDED", { option: "url" });
  const base = parseBaseUrl(url);
  const { der: authority } = await anchorOf(terminal, http, { ...input, base });
  return { version: 1, url: base.href, authority, standing, model };
}

async function anchorOf(terminal: Terminal, http: HttpClient, input: TrustInput & { readonly base: URL }): Promise<TrustAnchor> {
  const { authority, fingerprint, base } = input;
  if (authority !== undefined) return trustAnchor(authority, fingerprint === undefined ? {} : { fingerprint });
  if (fingerprint === undefined) throw terminalErrors.error("TERMINAL_TRUST_NEEDED", { option: "trust" });
  const request = { method: "GET", url: urlOf(base, routes.enrol) } as const;
  const bytes = await retrying(terminal, () => http.exchange(request, { type: mediaType.cbor, maxBytes: maxEnrolReplyBytes }));
  return trustAnchor(decodeAs(enrolInfoCodec, bytes, { maxBytes: maxEnrolReplyBytes, what: "reply" }).authority, { fingerprint });
}

/** The same listener, at another address or with another word for who stands behind it. Error: TERMINAL_TRUST_CONFLICT. */
function changedListener(known: Listener, input: TrustInput): Listener {
  const { url = known.url, standing = known.standing, model = known.model } = input;
  if (!isSame(sha256(known.authority), input) || model !== known.model) throw terminalErrors.error("TERMINAL_TRUST_CONFLICT");
  const changed = { ...known, url: parseBaseUrl(url).href, standing };
  return changed.url === known.url && changed.standing === known.standing ? known : changed;
}

/** Whether what was told of the authority, if anything, is of this one. */
function isSame(own: Uint8Array, { authority, fingerprint }: TrustInput): boolean {
  const told = [...(authority === undefined ? [] : [sha256(authority)]), ...(fingerprint === undefined ? [] : [fingerprint])];
  return told.every((each) => equalBytes(each, own));
}
