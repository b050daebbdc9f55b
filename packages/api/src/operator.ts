/** JSON bodies of the operator routes. Times are seconds since the epoch; bytes are lower-case hex or base64. */

/** GET terminals, terminal. */
export interface TerminalView {
  readonly name: string;
  readonly model: string;
  readonly status: "enrolling" | "active";
  readonly enrolledAtSeconds: number;
  readonly lastSeenSeconds: number | null;
  readonly certificateExpiresAtSeconds: number;
  /** What the terminal said it has installed when it was last seen. */
  readonly installed: readonly { readonly module: string; readonly version: string; readonly sequence: number }[];
}

/** POST tokens. */
export interface TokenRequest {
  readonly name: string;
  readonly model: string;
  readonly lifeSeconds?: number;
}

export interface TokenView {
  /** Printed once; the server keeps a digest only. */
  readonly token: string;
  readonly expiresAtSeconds: number;
}

/** GET server. */
export interface ServerView {
  readonly name: string;
  readonly fingerprint: string;
  /** One for each kind of key: base64 DER certificates, leaf first. */
  readonly decryptionChains: readonly (readonly string[])[];
  readonly authority: string;
  readonly version: string;
}

/** POST artefacts. */
export interface ArtefactView {
  readonly artefactId: string;
  readonly fileBytes: number;
  /** False when the store had it already. */
  readonly stored: boolean;
}

/** POST, GET releases. */
export interface ReleaseView {
  readonly module: string;
  readonly version: string;
  readonly sequence: number;
  readonly models: readonly string[];
  readonly artefactId: string;
  readonly sha256: string;
  readonly plaintextBytes: number;
  readonly publishedAtSeconds: number;
  readonly publisher: string;
}

/** POST offers. */
export interface OfferRequest {
  readonly terminals: readonly string[];
  readonly module: string;
  readonly mechanism?: string;
  readonly suite?: string;
}

export interface OfferView {
  readonly offered: readonly string[];
}
