import { keystoreErrors } from "../errors.ts";
import { TokenLibrary } from "./library.ts";
import { type AskPin, TokenPin } from "./pin.ts";
import { Pkcs11KeyStore } from "./pkcs11-key-store.ts";
import { TokenAccess } from "./token-access.ts";
import { TokenKey } from "./token-key.ts";
import { objectOf, type Pkcs11Uri, parsePkcs11Uri } from "./uri.ts";

/** What a `pkcs11:` URI leaves open. */
export interface Pkcs11Options {
  /** The PKCS #11 module where the URI has no `module-path`: an absolute path. */
  readonly modulePath?: string;
  /** Asks for the PIN where the URI has no `pin-source`; once for each store. */
  readonly askPin?: AskPin;
}

/** One key of a token, with the session that reaches it. */
export interface Pkcs11Key extends AsyncDisposable {
  readonly key: TokenKey;
}

/**
 * Opens a token as a key store. Nothing is loaded and nobody is asked before the first key is. Several stores may share a token: where
 * the URI has `object=NAME` the labels of a store's keys begin with `NAME-`.
 *
 * ```ts
 * const keys = openPkcs11KeyStore("pkcs11:token=plant?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/sealane/pin");
 * await keys.generate("server-sign", "p256", "sign");
 * const handle = await keys.signingKey("server-sign");
 * ```
 *
 * Errors: KEYSTORE_TOKEN_URI_WRONG, also for `id` and for a NAME that is not 1 to 64 of `a-z 0-9 -`; KEYSTORE_TOKEN_MODULE_WRONG where
 * no module is named.
 */
export function openPkcs11KeyStore(uri: string | Pkcs11Uri, options: Pkcs11Options = {}): Pkcs11KeyStore {
  const parsed = typeof uri === "string" ? parsePkcs11Uri(uri) : uri;
  const name = objectOf(parsed);
  return new Pkcs11KeyStore(accessTo(parsed, options), name === null ? "" : `${name}-`);
}

/**
 * Finds the key that a URI names, whatever its label: it need not be one that a key store could have given.
 *
 * ```ts
 * await using opened = await openPkcs11Key("pkcs11:token=plant;object=Release%20key?module-path=...", { askPin });
 * const handle = opened.key.signingKey();
 * ```
 *
 * Errors: KEYSTORE_TOKEN_URI_WRONG, also for a URI that names no key; KEYSTORE_TOKEN_MODULE_WRONG; those of {@link TokenKey.find}.
 */
export async function openPkcs11Key(uri: string | Pkcs11Uri, options: Pkcs11Options = {}): Promise<Pkcs11Key> {
  const parsed = typeof uri === "string" ? parsePkcs11Uri(uri) : uri;
  if (parsed.key === null) throw keystoreErrors.error("KEYSTORE_TOKEN_URI_WRONG", { attribute: "object" });
  const access = accessTo(parsed, options);
  try {
    const key = await TokenKey.find(access, parsed.key);
    return { key, [Symbol.asyncDispose]: () => access[Symbol.asyncDispose]() };
  } catch (error) {
    await access[Symbol.asyncDispose]();
    throw error;
  }
}

function accessTo({ modulePath, token, pinFile }: Pkcs11Uri, options: Pkcs11Options): TokenAccess {
  const path = modulePath ?? options.modulePath;
  if (path === undefined) throw keystoreErrors.error("KEYSTORE_TOKEN_MODULE_WRONG");
  const pin = new TokenPin({ file: pinFile, ask: options.askPin ?? null });
  return new TokenAccess({ token, pin, library: () => TokenLibrary.at(path) });
}
