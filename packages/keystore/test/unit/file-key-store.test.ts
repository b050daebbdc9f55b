import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { chmod, mkdir, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import { Secret } from "@sealane/crypto";
import { hasCode } from "@sealane/wire";
import { FileKeyStore } from "../../src/index.ts";
import { type KeyPlace, keyStoreContract } from "./key-store-contract.ts";

interface Folder extends AsyncDisposable {
  /** Where keys go; made by the store. */
  readonly keys: string;
}

async function makeFolder(): Promise<Folder> {
  const outer = await mkdtemp(join(tmpdir(), "sealane-keys-"));
  return { keys: join(outer, "a", "keys"), [Symbol.asyncDispose]: () => rm(outer, { recursive: true }) };
}

const passwordOf = (text: string): Secret => Secret.take("password", new TextEncoder().encode(text));
const rejectsCode = (run: Promise<unknown>, code: string): Promise<void> => assert.rejects(run, (error) => hasCode(error, code));

const place = (password?: string) => async (): Promise<KeyPlace> => {
  const folder = await makeFolder();
  const options = (): { password?: Secret } => (password === undefined ? {} : { password: passwordOf(password) });
  return { open: () => new FileKeyStore(folder.keys, options()), [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
};

const encryptable = {
  sign: ["ed25519", "p256", "ml-dsa-65", "rsa2048"],
  decrypt: ["x25519", "p256", "rsa2048"],
  agree: ["x25519", "p256"],
} as const;
keyStoreContract("files", place(), {
  sign: encryptable.sign,
  decrypt: [...encryptable.decrypt, "x-wing"],
  agree: [...encryptable.agree, "x-wing", "ffdhe2048"],
});
keyStoreContract("encrypted files", place("correct horse"), encryptable);

describe("a key file", () => {
  test("is one of mode 0600 in a folder of 0700, and nothing is left beside it", async () => {
    await using folder = await makeFolder();
    const store = new FileKeyStore(folder.keys);
    const umask = process.umask(0);
    try {
      await store.generate("one", "ed25519");
    } finally {
      process.umask(umask);
    }
    await rejectsCode(new FileKeyStore(folder.keys).generate("one", "ed25519"), "KEYSTORE_KEY_EXISTS");
    assert.deepEqual(await readdir(folder.keys), ["one.pem"]);
    assert.equal((await stat(join(folder.keys, "one.pem"))).mode & 0o777, 0o600);
    assert.equal((await stat(folder.keys)).mode & 0o777, 0o700);
  });

  test("that others can read or write is refused", async () => {
    await using folder = await makeFolder();
    await new FileKeyStore(folder.keys).generate("one", "ed25519");
    for (const mode of [0o640, 0o604, 0o620, 0o601]) {
      await chmod(join(folder.keys, "one.pem"), mode);
      await rejectsCode(new FileKeyStore(folder.keys).signingKey("one"), "KEYSTORE_FILE_EXPOSED");
    }
    await chmod(join(folder.keys, "one.pem"), 0o400);
    await new FileKeyStore(folder.keys).signingKey("one");
  });

  test("in a folder that others can change is refused, and none is made there", async () => {
    await using folder = await makeFolder();
    await new FileKeyStore(folder.keys).generate("one", "ed25519");
    for (const mode of [0o720, 0o702, 0o777]) {
      await chmod(folder.keys, mode);
      await rejectsCode(new FileKeyStore(folder.keys).signingKey("one"), "KEYSTORE_FILE_EXPOSED");
      await rejectsCode(new FileKeyStore(folder.keys).generate("two", "ed25519"), "KEYSTORE_FILE_EXPOSED");
    }
    await chmod(folder.keys, 0o755);
    await new FileKeyStore(folder.keys).signingKey("one");
  });

  test("of other content is told as damaged", async () => {
    await using folder = await makeFolder();
    const store = new FileKeyStore(folder.keys);
    await store.generate("one", "ed25519");
    const path = join(folder.keys, "one.pem");
    const right = await readFile(path, "utf8");
    const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey;
    const contents = [
      "",
      "x",
      right.slice(0, -10),
      right.slice(0, 60),
      ` ${right}`,
      `${right}${right}`,
      `${right}x`,
      right.replace("PRIVATE KEY", "PUBLIC KEY"),
      right.replaceAll("PRIVATE KEY", "EC PRIVATE KEY"),
      right.replace("-----\n", "-----\n?"),
      right.replace("-----\n", "-----\nMII="),
      right.replace(/\n(.)/, (_, first: string) => `\n${first === "M" ? "N" : "M"}`),
      p384.export({ type: "pkcs8", format: "pem" }),
      p384.export({ type: "sec1", format: "pem" }),
      right.replace("\n-----END", "=\n-----END"),
      right.replace("\n-----END", `${"\n".repeat(17_000)}-----END`),
    ];
    for (const content of contents) {
      await writeFile(path, content);
      await rejectsCode(new FileKeyStore(folder.keys).signingKey("one"), "KEYSTORE_KEY_DAMAGED");
    }
    await rm(path);
    await mkdir(path, { mode: 0o700 });
    await rejectsCode(new FileKeyStore(folder.keys).signingKey("one"), "KEYSTORE_KEY_DAMAGED");
  });

  test("is read once", async () => {
    await using folder = await makeFolder();
    const store = new FileKeyStore(folder.keys);
    await store.generate("one", "ed25519");
    const reader = new FileKeyStore(folder.keys);
    await reader.publicKey("one");
    await writeFile(join(folder.keys, "one.pem"), "damaged");
    await reader.signingKey("one");
  });

  test("is overwritten before it is removed", async () => {
    await using folder = await makeFolder();
    const store = new FileKeyStore(folder.keys);
    await store.generate("one", "ed25519");
    await using kept = await open(join(folder.keys, "one.pem"), "r");
    const before = await kept.stat();
    await store.remove("one");
    const after = await kept.readFile();
    assert.equal(after.length, before.size);
    assert(after.every((byte) => byte === 0));
  });

  test("shares its folder with other files", async () => {
    await using folder = await makeFolder();
    const store = new FileKeyStore(folder.keys);
    await store.generate("one", "ed25519");
    for (const name of ["readme", "A.pem", ".sealane-0011.tmp", "two.pem.bak", ".pem"]) await writeFile(join(folder.keys, name), "");
    assert.deepEqual(await store.list(), ["one"]);
  });

  test("cannot be where a file is in place of the folder", async () => {
    await using folder = await makeFolder();
    await mkdir(join(folder.keys, ".."), { recursive: true });
    await writeFile(folder.keys, "");
    const store = new FileKeyStore(folder.keys);
    await rejectsCode(store.generate("one", "ed25519"), "KEYSTORE_ACCESS_FAILED");
    await rejectsCode(store.signingKey("one"), "KEYSTORE_ACCESS_FAILED");
    await rejectsCode(store.has("one"), "KEYSTORE_ACCESS_FAILED");
    await rejectsCode(store.list(), "KEYSTORE_ACCESS_FAILED");
    await rejectsCode(store.remove("one"), "KEYSTORE_ACCESS_FAILED");
  });
});

describe("a password", () => {
  test("that is wrong, missing or needless is told", async () => {
    await using folder = await makeFolder();
    await new FileKeyStore(folder.keys, { password: passwordOf("right") }).generate("encrypted", "ed25519");
    await new FileKeyStore(folder.keys).generate("plain", "ed25519");
    const wrong = new FileKeyStore(folder.keys, { password: passwordOf("wrong") });
    await rejectsCode(wrong.signingKey("encrypted"), "KEYSTORE_PASSWORD_WRONG");
    await rejectsCode(wrong.signingKey("plain"), "KEYSTORE_KEY_UNENCRYPTED");
    await rejectsCode(new FileKeyStore(folder.keys).signingKey("encrypted"), "KEYSTORE_PASSWORD_MISSING");
    assert.throws(
      () => new FileKeyStore(folder.keys, { password: passwordOf("") }),
      (error) => hasCode(error, "KEYSTORE_PASSWORD_MISSING"),
    );
  });

  test("encrypts no X-Wing key, and none is left in the clear", async () => {
    await using folder = await makeFolder();
    const store = new FileKeyStore(folder.keys, { password: passwordOf("right") });
    await rejectsCode(store.generate("one", "x-wing"), "KEYSTORE_ENCRYPTION_UNSUPPORTED");
    assert.deepEqual([await store.has("one"), await readdir(folder.keys)], [false, []]);
  });

  test("encrypts: the file holds no plain key", async () => {
    await using folder = await makeFolder();
    await new FileKeyStore(folder.keys, { password: passwordOf("right") }).generate("one", "ed25519");
    const text = await readFile(join(folder.keys, "one.pem"), "utf8");
    const der = Buffer.from(text.replace(/-----[A-Z ]+-----/g, ""), "base64");
    assert.equal(der.includes(Buffer.from("2b6570", "hex")), false); // the identifier of Ed25519
    assert(der.includes(Buffer.from("2a864886f70d01050d", "hex"))); // PBES2
  });

  test("is not shown by the store", () => {
    const store = new FileKeyStore("keys", { password: passwordOf("horse") });
    for (const text of [inspect(store, { depth: 9, showHidden: true }), JSON.stringify(store), String(store)]) {
      assert.equal(text.includes("horse") || text.includes("104"), false);
    }
  });
});
