import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import { cryptoErrors, Secret } from "../../src/index.ts";
import { assertHidden, assertShown, markedBytes, renderings } from "./exposure.ts";

describe("a secret", () => {
  test("lends its bytes", () => {
    using secret = Secret.take("test key", Uint8Array.of(1, 2, 3));
    assert.equal(secret.length, 3);
    assert.equal(
      secret.use((bytes) => bytes.join()),
      "1,2,3",
    );
  });

  test("is shown by nothing that prints, logs or copies", () => {
    const bytes = markedBytes();
    assertShown(bytes);
    const secret = Secret.copy("test key", bytes);
    for (const text of renderings(secret)) assertHidden(text, bytes);
    for (const text of renderings({ deep: [{ secret }] })) assertHidden(text, bytes);
    for (const text of renderings(new Map([["secret", secret]]))) assertHidden(text, bytes);
  });

  test("prints as its kind and refuses JSON", () => {
    const secret = Secret.copy("test key", markedBytes());
    assert.equal(`${secret}`, "[secret test key]");
    assert.throws(() => JSON.stringify({ inside: [secret] }), { code: "CRYPTO_SECRET_EXPOSED" });
  });

  test("is not shown by the errors about it", () => {
    const bytes = markedBytes();
    const secret = Secret.copy("test key", bytes);
    const failed: unknown[] = [];
    for (const fail of [
      () => JSON.stringify(secret),
      () => secret.use(() => assert.fail("the reader failed")),
      () => secret.use((held) => cryptoErrors.error("CRYPTO_OPEN_FAILED", { bytes: held.length })),
    ]) {
      try {
        failed.push(fail());
      } catch (error) {
        failed.push(error);
      }
    }
    assert.equal(failed.length, 3);
    for (const error of failed) assertHidden(inspect(error, { depth: null, showHidden: true }), bytes);
  });

  test("is wiped when its block ends", () => {
    const bytes = markedBytes();
    let kept: Secret | undefined;
    {
      using secret = Secret.take("test key", bytes);
      kept = secret;
    }
    assert.deepEqual(bytes, new Uint8Array(32));
    assert.throws(() => kept?.use((held) => held), { code: "CRYPTO_SECRET_GONE" });
    assert.throws(() => kept?.length, { code: "CRYPTO_SECRET_GONE" });
    kept[Symbol.dispose](); // a second time does no harm
    assert.equal(String(kept), "[secret test key]");
  });

  test("is wiped when its block fails", () => {
    const bytes = markedBytes();
    assert.throws(() => {
      using secret = Secret.take("test key", bytes);
      throw new Error(String(secret));
    });
    assert.deepEqual(bytes, new Uint8Array(32));
  });

  test("taken is the same memory, copied is not and lies outside the memory that small Buffers share", () => {
    const bytes = markedBytes();
    Secret.take("test key", bytes).use((held) => assert.equal(held, bytes));
    using copied = Secret.copy("test key", Buffer.from(bytes));
    copied.use((held) => {
      assert.notEqual(held, bytes);
      assert.equal(held.buffer.byteLength, 32);
      assert.deepEqual(held, bytes);
    });
  });

  test("survives being cloned by nothing: the clone has no bytes", () => {
    const clone: unknown = structuredClone(Secret.copy("test key", markedBytes()));
    assert.ok(!(clone instanceof Secret));
    assert.deepEqual(clone, { kind: "test key" });
  });
});
