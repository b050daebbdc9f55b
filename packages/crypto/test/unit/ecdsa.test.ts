import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isLowS, lowS, SoftwareKey } from "../../src/index.ts";

const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const withS = (s: bigint): Uint8Array => Uint8Array.fromHex(`${"01".repeat(32)}${s.toString(16).padStart(64, "0")}`);

describe("of two ECDSA signatures the one with the low s", () => {
  test("is given for both", async () => {
    const low = await SoftwareKey.generate("p256").signingKey().sign(Buffer.from("a message"));
    const s = BigInt(`0x${low.subarray(32).toHex()}`);
    const high = Uint8Array.from([...low.subarray(0, 32), ...withS(order - s).subarray(32)]);
    assert.ok(isLowS(low) && !isLowS(high));
    assert.deepEqual(lowS(high), Uint8Array.from(low));
    assert.deepEqual(Uint8Array.from(lowS(low)), Uint8Array.from(low));
  });
  test("ends in the middle of the group", () => {
    assert.ok(isLowS(withS(order / 2n)));
    assert.ok(!isLowS(withS(order / 2n + 1n)));
    assert.deepEqual(lowS(withS(order / 2n + 1n)), withS(order / 2n));
    assert.deepEqual(lowS(withS(order - 1n)), withS(1n));
  });
  test("is none of another length, or with an s beyond the group", () => {
    const lengths = [0, 1, 31, 32, 33, 63, 65, 96, 128].map((length) => new Uint8Array(length).fill(0xff));
    for (const wrong of [...lengths, withS(order), withS(order + 1n), withS(2n ** 256n - 1n)]) {
      assert.throws(() => lowS(wrong), { code: "CRYPTO_SIGNATURE_WRONG" });
      assert.ok(!isLowS(wrong));
    }
  });
});
