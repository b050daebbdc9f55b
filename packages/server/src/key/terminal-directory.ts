import type { PeerDirectory, Role } from "@sealane/link";
import { type Credential, type VerifiedCertificate, verifyCertificate } from "@sealane/pki";
import { type Thumbprint, thumbprint } from "@sealane/wire";
import { serverErrors } from "../errors.ts";
import type { ActiveTerminal, SignerOf } from "../storage/terminals.ts";
import { certificatesOf, type KeyRole, signingCertificateOf } from "./key-role.ts";

/** Where certificates of terminals come from (KDIR): the active ones. Made for one message; it keeps whose certificate it gave. */
export class TerminalDirectory implements PeerDirectory {
  readonly #role: KeyRole;
  #terminal: ActiveTerminal | null = null;

  constructor(role: KeyRole) {
    this.#role = role;
  }

  /** The terminal whose certificate was given; null before that, as for a terminal that is anonymous. */
  get terminal(): ActiveTerminal | null {
    return this.#terminal;
  }

  /** Errors: those of `verifyCertificate`. */
  async find(credential: Credential): Promise<VerifiedCertificate | null> {
    if (credential.kind !== "certificate") return null;
    const found = await this.#signer(thumbprint(credential.thumbprint));
    return found === null ? null : signingCertificateOf(this.#role, found.terminal, found.chain);
  }

  /** A chain in a message must be proven and be that of an active terminal. Errors: those of `verifyCertificate`, SERVER_TERMINAL_INACTIVE. */
  async verify(chain: readonly Uint8Array[], role: Role): Promise<VerifiedCertificate> {
    if (role !== "terminal") throw serverErrors.error("SERVER_TERMINAL_INACTIVE", { role });
    const { anchor, now } = this.#role;
    const certificate = verifyCertificate({ chain, anchors: [anchor], purpose: "terminal-sign", nowSeconds: now() });
    if ((await this.#signer(certificate.thumbprint)) === null)
      throw serverErrors.error("SERVER_TERMINAL_INACTIVE", { name: certificate.name });
    return certificate;
  }

  /** The terminal that signs with a certificate, and the certificate's chain. */
  async #signer(signingThumbprint: Thumbprint): Promise<SignerOf | null> {
    const { terminals } = this.#role.stores;
    const known = await terminals.findBySigner(signingThumbprint);
    const found = known === null ? await terminals.findByOtherSigner(signingThumbprint) : { terminal: known, chain: known.signingChain };
    this.#terminal = found?.terminal ?? null;
    return found;
  }

  /** The active terminal's own certificate, whatever came in the message. Errors: those of `verifyCertificate`. */
  async decryption({ name, suite }: Parameters<PeerDirectory["decryption"]>[0]): Promise<VerifiedCertificate | null> {
    this.#terminal = await this.#role.stores.terminals.find(name);
    if (this.#terminal === null) return null;
    const certificates = await certificatesOf(this.#role, this.#terminal, suite);
    return certificates.find(({ purpose }) => purpose === "terminal-decrypt") ?? null;
  }
}
