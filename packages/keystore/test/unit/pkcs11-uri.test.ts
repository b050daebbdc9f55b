import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import { hasCode } from "@sealane/wire";
import { openPkcs11Key, openPkcs11KeyStore, parsePkcs11Uri, withOwnName } from "../../src/index.ts";

const nothing = { label: null, serial: null, manufacturer: null, model: null, slotId: null };
const empty = { token: nothing, key: null, modulePath: null, pinFile: null };

describe("KSIM: a pkcs11: URI", () => {
  test("names a token, a key, a module and a PIN's file", () => {
    const accepted: readonly (readonly [string, object])[] = [
      ["pkcs11:", empty],
      ["pkcs11:token=plant", { ...empty, token: { ...nothing, label: "plant" } }],
      [
        "pkcs11:token=a%20b%3b;serial=0012;manufacturer=M;model=v%2B2;slot-id=18446744073709551615",
        { ...empty, token: { label: "a b;", serial: "0012", manufacturer: "M", model: "v+2", slotId: 18446744073709551615n } },
      ],
      ["pkcs11:object=Release%20key", { ...empty, key: { label: "Release key", id: null } }],
      ["pkcs11:object=sch%C3%B6n;type=private", { ...empty, key: { label: "schön", id: null } }],
      ["pkcs11:id=%00%fFa", { ...empty, key: { label: null, id: Uint8Array.of(0, 0xff, 0x61) } }],
      ["pkcs11:token=a=b&c", { ...empty, token: { ...nothing, label: "a=b&c" } }],
      [
        "pkcs11:?module-path=/usr/lib/p11%20a.so&pin-source=file:/etc/pin",
        { ...empty, modulePath: "/usr/lib/p11 a.so", pinFile: "/etc/pin" },
      ],
      ["pkcs11:?pin-source=file:///etc/a%2520pin", { ...empty, pinFile: "/etc/a pin" }],
    ];
    for (const [text, expected] of accepted) assert.deepEqual(parsePkcs11Uri(text), expected, text);
  });

  test("is refused where it is not understood, by the name of the attribute", () => {
    const refused: readonly (readonly [string, string])[] = [
      ["", "scheme"],
      ["token=plant", "scheme"],
      ["PKCS11:token=plant", "scheme"],
      ["pkcs11:token=a#b", "scheme"],
      ["pkcs11:token", "form"],
      ["pkcs11:token=a;", "form"],
      ["pkcs11:;token=a", "form"],
      ["pkcs11:Token=a", "form"],
      ["pkcs11:token=", "token"],
      ["pkcs11:token=a;token=b", "token"],
      ["pkcs11:token=a b", "token"],
      ["pkcs11:token=ä", "token"],
      ["pkcs11:token=%", "token"],
      ["pkcs11:token=%4", "token"],
      ["pkcs11:token=%ff", "token"],
      ["pkcs11:token=a%00b", "token"],
      ["pkcs11:token=a/b", "token"],
      ["pkcs11:slot-id=1a", "slot-id"],
      ["pkcs11:slot-id=-1", "slot-id"],
      ["pkcs11:object=a;type=public", "type"],
      ["pkcs11:token=a;type=private", "type"],
      ["pkcs11:library-version=3", "library-version"],
      ["pkcs11:x-mine=3", "x-mine"],
      ["pkcs11:module-path=/a", "module-path"],
      ["pkcs11:?token=a", "token"],
      ["pkcs11:?module-name=a", "module-name"],
      ["pkcs11:?module-path=softhsm.so", "module-path"],
      ["pkcs11:?module-path=/a&module-path=/b", "module-path"],
      ["pkcs11:?pin-source=/etc/pin", "pin-source"],
      ["pkcs11:?pin-source=file:pin", "pin-source"],
      ["pkcs11:?pin-source=file://host/pin", "pin-source"],
      ["pkcs11:?pin-source=|command", "pin-source"],
      ["pkcs11:?pin-source=https://host/pin", "pin-source"],
    ];
    for (const [text, attribute] of refused) {
      assert.throws(
        () => parsePkcs11Uri(text),
        (error) => hasCode(error, "KEYSTORE_TOKEN_URI_WRONG") && error.details["attribute"] === attribute,
        text,
      );
    }
  });

  test("holds no PIN, and what refuses it does not repeat it", () => {
    for (const text of ["pkcs11:token=a?pin-value=481516", "pkcs11:token=a;pin-value=481516"]) {
      assert.throws(
        () => parsePkcs11Uri(text),
        (error) => hasCode(error, "KEYSTORE_TOKEN_URI_WRONG") && !inspect(error, { depth: 9 }).includes("481516"),
      );
    }
  });

  test("of a token opens a store and of a key opens the key, where a module is named", async () => {
    const code = (expected: string) => (error: unknown) => hasCode(error, expected);
    for (const wrong of ["id=%01", "object=a;id=%01", "object=Release%20key", `object=${"x".repeat(65)}`]) {
      assert.throws(() => openPkcs11KeyStore(`pkcs11:${wrong}?module-path=/none.so`), code("KEYSTORE_TOKEN_URI_WRONG"));
    }
    openPkcs11KeyStore("pkcs11:object=a;type=private?module-path=/none.so");
    assert.throws(() => openPkcs11KeyStore("pkcs11:token=a"), code("KEYSTORE_TOKEN_MODULE_WRONG"));
    await assert.rejects(openPkcs11Key("pkcs11:token=a?module-path=/none.so"), code("KEYSTORE_TOKEN_URI_WRONG"));
    await assert.rejects(openPkcs11Key("pkcs11:object=a"), code("KEYSTORE_TOKEN_MODULE_WRONG"));
  });

  test("gets a name of its own for the keys of one owner, and stays the same otherwise", () => {
    const random = { bytes: (length: number) => new Uint8Array(length).fill(0xab) };
    const query = "?module-path=/a.so&pin-source=file:/pin";
    for (const [given, made] of [
      [`pkcs11:token=a;serial=1${query}`, `pkcs11:token=a;serial=1;object=sealane-abababab${query}`],
      [`pkcs11:object=plant;type=private;token=a${query}`, `pkcs11:token=a;object=plant-abababab${query}`],
      ["pkcs11:", "pkcs11:object=sealane-abababab"],
    ] as const) {
      assert.equal(withOwnName(given, random), made);
      assert.deepEqual(parsePkcs11Uri(made).token, parsePkcs11Uri(given).token);
    }
    for (const wrong of ["pkcs11:id=%01", "pkcs11:object=A", `pkcs11:object=${"x".repeat(56)}`, "pkcs11:pin-value=1", "x"]) {
      assert.throws(
        () => withOwnName(wrong, random),
        (error) => hasCode(error, "KEYSTORE_TOKEN_URI_WRONG"),
      );
    }
  });
});
