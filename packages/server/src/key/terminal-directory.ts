import type { PeerDirectory, Role } from "@sealane/link";
import { type Credential, type VerifiedCertificate, verifyCertificate } from "@sealane/pki";
import { thumbprint } from "@sealane/wire";
import { serverErrors } from "../errors.ts";
import type { ActiveTerminal } from "../storage/terminals.ts";
import { type KeyRole, signingCertificateOf } from "./key-role.ts";

/** Where certificates of terminals come from (KDIR): the active ones. Made for one message; it keeps whose certificate it gave. */
export class TerminalDirectory implements PeerDirectory {
  readonly #role: KeyRole;
  #terminal: ActiveTerminal | null = null;

  constructor(role: KeyRole) {
    this.#role = role;
  }

  /** The terminal whose certificate was given. Error: SERVER_TERMINAL_INACTIVE before that. */
  get terminal(): ActiveTerminal {
    if (this.#terminal === null) throw serverErrors.error("SERVER_TERMINAL_INACTIVE");
    return this.#terminal;
  }

  /** Errors: those of `verifyCertificate`. */
  async find(credential: Credential): Promise<VerifiedCertificate | null> {
    if (credential.kind !== "certificate") return null;
    this.#terminal = await this.#role.stores.terminals.findBySigner(thumbprint(credential.thumbprint));
    return this.#terminal === null ? null : signingCertificateOf(this.#role, this.#terminal);
  }

  /** A chain in a message must be proven and be that of an active terminal. Errors: those of `verifyCertificate`, SERVER_TERMINAL_INACTIVE. */
  async verify(chain: readonly Uint8Array[], role: Role): Promise<VerifiedCertificate> {
    if (role !== "terminal") throw serverErrors.error("SERVER_TERMINAL_INACTIVE", { role });
    const { anchor, now, stores } = this.#role;
    const certificate = verifyCertificate({ chain, anchors: [anchor], purpose: "terminal-sign", nowSeconds: now() });
    this.#terminal = await stores.terminals.findBySigner(certificate.thumbprint);
    if (this.#terminal === null) throw serverErrors.error("SERVER_TERMINAL_INACTIVE", { name: certificate.name });
    return certificate;
  }
}
