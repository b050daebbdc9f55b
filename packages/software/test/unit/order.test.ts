import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { concatBytes, parseName, SealaneError } from "@sealane/wire";
import { type Order, signOrder, verifyOrder } from "../../src/order.ts";
import { daySeconds, makeAuthority, makeSigner, nowSeconds } from "../signers.ts";

const authority = await makeAuthority();
const signer = await makeSigner(authority, "operator", "order-sign");
const recipient = parseName("gateway-7");
const content: Order = {
  issuer: parseName("operator"),
  number: nowSeconds * 1000,
  issuedAtSeconds: nowSeconds,
  expiresAtSeconds: nowSeconds + daySeconds,
  recipients: [recipient],
  actions: [
    { kind: "reset-clock", toSeconds: nowSeconds },
    { kind: "reset-sequence", module: "hmi", toSequence: 3 },
    { kind: "reset-suite", suite: "x25519" },
  ],
};
const issued = await signOrder({ ...signer, order: content });
const trust = { anchors: [authority.anchor], nowSeconds, recipient };

function isOfOrders(error: unknown): boolean {
  return error instanceof SealaneError && error.code.startsWith("ORDER_");
}

describe("NEWEST: an order", () => {
  test("proves who gave it, to one of its terminals and to whoever hands it on", () => {
    for (const each of [recipient, null]) {
      const { digest, certificate, ...said } = verifyOrder(issued, { ...trust, recipient: each });
      assert.deepEqual([said, digest.length, certificate.name], [content, 32, "operator"]);
    }
    assert.throws(() => verifyOrder(issued, { ...trust, recipient: parseName("gateway-8") }), { code: "ORDER_RECIPIENT_WRONG" });
  });

  test("is refused with a code of orders after any bit was flipped", () => {
    for (let bit = 0; bit < issued.length * 8; bit++) {
      const at = bit >> 3;
      const flipped = issued.with(at, (issued[at] ?? 0) ^ (1 << (bit & 7)));
      assert.throws(() => verifyOrder(flipped, trust), isOfOrders, `bit ${bit}`);
    }
  });

  test("is malformed at every truncation, and with a byte behind it", () => {
    for (let length = 0; length < issued.length; length++)
      assert.throws(() => verifyOrder(issued.subarray(0, length), trust), { code: "ORDER_MALFORMED" });
    assert.throws(() => verifyOrder(concatBytes(issued, new Uint8Array(1)), trust), { code: "ORDER_MALFORMED" });
  });

  test("is in force from its beginning to its end, with a minute for clocks that differ", () => {
    const at = (seconds: number) => () => verifyOrder(issued, { ...trust, nowSeconds: seconds });
    const { issuedAtSeconds: begins, expiresAtSeconds: ends } = content;
    assert.throws(at(begins - 61), { code: "ORDER_NOT_YET_VALID" });
    for (const seconds of [begins - 60, ends + 59]) assert.ok(at(seconds)());
    assert.throws(at(ends + 60), { code: "ORDER_EXPIRED" });
    assert.throws(at(Number.NaN), isOfOrders);
  });
});
