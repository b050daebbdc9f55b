import { Secret } from "@sealane/crypto";
import { parsePkcs11Uri } from "../../src/index.ts";
import { TokenLibrary } from "../../src/pkcs11/library.ts";
import { TokenPin } from "../../src/pkcs11/pin.ts";
import { Pkcs11KeyStore } from "../../src/pkcs11/pkcs11-key-store.ts";
import { TokenAccess } from "../../src/pkcs11/token-access.ts";
import { objectOf } from "../../src/pkcs11/uri.ts";
import { FakeCryptoki, FakeToken } from "./fake-cryptoki.ts";

/** A module with one token, and stores on it. */
export class Bench {
  readonly cryptoki: FakeCryptoki = new FakeCryptoki();
  readonly token: FakeToken = new FakeToken("plant");
  readonly library: TokenLibrary = new TokenLibrary(this.cryptoki);
  asked = 0;

  constructor() {
    this.cryptoki.tokens = [this.token];
  }

  open(pin = "1234", uri = "pkcs11:token=plant"): Pkcs11KeyStore {
    const ask = (): Secret => {
      this.asked++;
      return Secret.take("pin", new TextEncoder().encode(pin));
    };
    const parsed = parsePkcs11Uri(uri);
    const access = new TokenAccess({
      library: async () => this.library,
      token: parsed.token,
      pin: new TokenPin({ file: null, ask }),
    });
    const name = objectOf(parsed);
    return new Pkcs11KeyStore(access, name === null ? "" : `${name}-`);
  }
}
