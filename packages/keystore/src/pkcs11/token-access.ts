import { keystoreErrors } from "../errors.ts";
import { flags, refusals, users } from "./constants.ts";
import type { Cryptoki, Handle } from "./cryptoki.ts";
import type { TokenLibrary } from "./library.ts";
import type { TokenPin } from "./pin.ts";
import { endsConnection, isRefusal, refusalIn, TokenAway, tokenError } from "./refusal.ts";
import type { TokenSelector } from "./uri.ts";

/** A session with a token, logged in. */
export interface Connection {
  readonly cryptoki: Cryptoki;
  readonly session: Handle;
  readonly slot: Handle;
  /** What the token can do: the numbers of its mechanisms. */
  readonly mechanisms: ReadonlySet<number>;
  /** The library's epoch in which it was made. */
  readonly epoch: number;
  /** Gives the PIN for the operation that was just begun, as keys ask that authenticate always. Errors: KEYSTORE_TOKEN_PIN_*. */
  authenticate(): Promise<void>;
}

/** What a store needs to reach its token. */
export interface TokenAccessOptions {
  readonly library: () => Promise<TokenLibrary>;
  readonly token: TokenSelector;
  readonly pin: TokenPin;
}

/** One store's way to its token: one session, made when it is first needed and made anew when it is lost. */
export class TokenAccess implements AsyncDisposable {
  readonly #options: TokenAccessOptions;
  #connection: Connection | null = null;

  constructor(options: TokenAccessOptions) {
    this.#options = options;
  }

  /**
   * Runs work on the token, in turn with all other work of the module. Where the session is lost, the work is begun once more on a
   * new one, so that it must bear to be done twice.
   * Errors: KEYSTORE_TOKEN_GONE, KEYSTORE_TOKEN_AMBIGUOUS, KEYSTORE_TOKEN_PIN_*, KEYSTORE_TOKEN_KIND_UNSUPPORTED,
   * KEYSTORE_TOKEN_FAILED, KEYSTORE_TOKEN_SUPPORT_MISSING, KEYSTORE_TOKEN_MODULE_WRONG; those of the work.
   */
  async run<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const library = await this.#options.library();
    const attempt = async (): Promise<T> => await work(await this.#connect(library));
    return await library.inTurn(async () => {
      try {
        return await attempt();
      } catch (error) {
        if (!endsConnection(error)) throw tokenError(error);
        this.#disconnect(library);
      }
      try {
        return await attempt();
      } catch (error) {
        if (!endsConnection(error)) throw tokenError(error);
        this.#disconnect(library);
        throw keystoreErrors.error("KEYSTORE_TOKEN_GONE", { reason: refusalIn(error)?.name ?? null }, error);
      }
    });
  }

  /** Ends the session and wipes the PIN. A module that was never loaded is left alone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#options.pin[Symbol.dispose]();
    if (this.#connection === null) return;
    const library = await this.#options.library();
    await library.inTurn(async () => this.#disconnect(library));
  }

  async #connect(library: TokenLibrary): Promise<Connection> {
    if (this.#connection?.epoch === library.epoch) return this.#connection;
    this.#connection = null;
    const { cryptoki } = library;
    const { token, pin } = this.#options;
    const { handle, label } = library.findSlot(token);
    const session = openSession(cryptoki, handle);
    try {
      const logIn = async (user: number): Promise<void> => {
        await pin.use(label, (text) => login({ cryptoki, session, user, label }, text));
      };
      await logIn(users.normal);
      const mechanisms = new Set(cryptoki.C_GetMechanismList(handle));
      this.#connection = {
        cryptoki,
        session,
        slot: handle,
        mechanisms,
        epoch: library.epoch,
        authenticate: () => logIn(users.contextSpecific),
      };
      return this.#connection;
    } catch (error) {
      close(cryptoki, session);
      throw error;
    }
  }

  #disconnect(library: TokenLibrary): void {
    const connection = this.#connection;
    this.#connection = null;
    // in another epoch the number may be somebody else's session
    if (connection?.epoch === library.epoch) close(connection.cryptoki, connection.session);
  }
}

/** Some modules answer for an absent token that it holds nothing (SoftHSM 2.6): whoever finds nothing has to look. Error: {@link TokenAway}. */
export function requirePresent({ cryptoki, slot }: Connection): void {
  try {
    cryptoki.C_GetTokenInfo(slot);
  } catch (cause) {
    throw refusalIn(cause) === null ? cause : new TokenAway("The slot is empty", { cause });
  }
}

/** For reading only where the token allows no more. */
function openSession(cryptoki: Cryptoki, slot: Handle): Handle {
  try {
    return cryptoki.C_OpenSession(slot, flags.serial | flags.readWrite);
  } catch (error) {
    if (!isRefusal(error, refusals.tokenWriteProtected)) throw error;
    return cryptoki.C_OpenSession(slot, flags.serial);
  }
}

/** Who is logged in is the process's: another store may have come before. Errors: KEYSTORE_TOKEN_PIN_WRONG, KEYSTORE_TOKEN_PIN_LOCKED. */
function login(
  at: { readonly cryptoki: Cryptoki; readonly session: Handle; readonly user: number; readonly label: string },
  pin: string,
): void {
  try {
    at.cryptoki.C_Login(at.session, at.user, pin);
  } catch (error) {
    const details = { token: at.label };
    if (isRefusal(error, refusals.userAlreadyLoggedIn)) return;
    if (isRefusal(error, refusals.pinIncorrect, refusals.pinInvalid, refusals.pinLength)) {
      throw keystoreErrors.error("KEYSTORE_TOKEN_PIN_WRONG", details);
    }
    if (isRefusal(error, refusals.pinLocked, refusals.pinExpired, refusals.userPinNotInitialized)) {
      throw keystoreErrors.error("KEYSTORE_TOKEN_PIN_LOCKED", details);
    }
    throw error;
  }
}

function close(cryptoki: Cryptoki, session: Handle): void {
  try {
    cryptoki.C_CloseSession(session);
  } catch (error) {
    if (refusalIn(error) === null) throw error; // a refusal says that it is closed already
  }
}
