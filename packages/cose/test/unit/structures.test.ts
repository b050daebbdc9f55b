import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { cryptoErrors } from "@sealane/crypto";
import { type CborMap, type CborValue, decode, encode, SealaneError, Tagged, wireErrors } from "@sealane/wire";
import { coseErrors, headerLabel } from "../../src/index.ts";
import { bytesAt, elementsOf, externalAad, payload, structures, withElement } from "./structures.ts";

const listed = new Set([...Object.keys(coseErrors.entries), ...Object.keys(cryptoErrors.entries), ...Object.keys(wireErrors.entries)]);
const ample = 10_000;

function headerWith(header: CborMap, ...more: readonly (readonly [number | string, CborValue])[]): CborMap {
  return new Map([...header, ...more]);
}

function headerOf(bytes: Uint8Array): CborMap {
  const header = decode(bytes, ample);
  assert.ok(header instanceof Map);
  return header;
}

for (const structure of structures) {
  const { name, tagged, failure } = structure;

  describe(name, () => {
    test("is read back", async () => {
      const value = await structure.protect();
      assert.equal(value instanceof Tagged, tagged);
      assert.deepEqual(Buffer.from(await structure.read(value)), payload);
      assert.deepEqual(Buffer.from(await structure.read(decode(encode(value), ample))), payload);
    });

    test("is refused with another external_aad or key", async () => {
      const value = await structure.protect();
      for (const aad of [new Uint8Array(), payload, externalAad.subarray(1), Buffer.concat([externalAad, Buffer.of(0)])]) {
        await assert.rejects(structure.read(value, aad), { code: failure });
      }
      await assert.rejects(structure.readWithOtherKey(value), { code: failure });
    });

    test("is refused with any one bit changed", async () => {
      const bytes = encode(await structure.protect());
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const flipped = Uint8Array.from(bytes);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        await assert.rejects(
          async () => await structure.read(decode(flipped, ample)),
          (error: unknown) => error instanceof SealaneError && listed.has(error.code),
          `bit ${bit}`,
        );
      }
    });

    test("is refused with its tag added, removed or replaced", async () => {
      const value = await structure.protect();
      const items = elementsOf(value);
      const forms = [items, ...[16, 17, 18, 61, 96].map((tag) => new Tagged(tag, items)), new Tagged(61, value), [value]];
      const wrong = forms.filter((form) => Buffer.compare(encode(form), encode(value)) !== 0);
      assert.equal(wrong.length, forms.length - 1);
      for (const form of wrong) await assert.rejects(structure.read(form), { code: "COSE_STRUCTURE_WRONG" });
    });

    test("is refused with parameters in the unprotected header that it does not have", async () => {
      const value = await structure.protect();
      const header = elementsOf(value)[1];
      assert.ok(header instanceof Map);
      assert.deepEqual([...header.keys()], structure.unprotected);
      const algorithm = headerOf(bytesAt(value, 0)).get(headerLabel.alg) ?? null;
      const additions: readonly (readonly [number | string, CborValue])[] = [
        [headerLabel.kid, Buffer.from("11")],
        [headerLabel.alg, algorithm],
        [headerLabel.crit, [headerLabel.alg]],
        [headerLabel.x5chain, new Uint8Array(10)],
        [headerLabel.iv, new Uint8Array(12)],
        [headerLabel.ek, new Uint8Array(32)],
        [99, 1],
        ["kid", "x"],
      ];
      for (const addition of additions.filter(([label]) => !header.has(label))) {
        await assert.rejects(structure.read(withElement(value, 1, headerWith(header, addition))), { code: "COSE_HEADER_WRONG" });
      }
      for (const label of header.keys()) {
        const without = new Map([...header].filter(([other]) => other !== label));
        await assert.rejects(structure.read(withElement(value, 1, without)), { code: "COSE_HEADER_WRONG" });
      }
    });

    test("is refused with any other protected header", async () => {
      const value = await structure.protect();
      const header = headerOf(bytesAt(value, 0));
      const headers: readonly CborMap[] = [
        new Map(),
        new Map([[headerLabel.alg, 0]]),
        new Map([[headerLabel.alg, -8]]),
        new Map([[headerLabel.alg, -65540]]),
        new Map([[headerLabel.alg, "HS256"]]),
        new Map([[headerLabel.alg, null]]),
        new Map([["1", header.get(headerLabel.alg) ?? null]]),
        headerWith(header, [headerLabel.kid, Buffer.from("11")]),
        headerWith(header, [headerLabel.crit, [headerLabel.alg]]),
        headerWith(header, [headerLabel.x5chain, new Uint8Array(10)]),
        headerWith(header, ["alg", 5]),
      ];
      for (const other of headers) {
        for (const bytes of other.size === 0 ? [new Uint8Array(), encode(other)] : [encode(other)]) {
          await assert.rejects(structure.read(withElement(value, 0, bytes)), { code: "COSE_HEADER_WRONG" });
        }
      }
    });

    test("is refused with a protected header in another encoding, or that is none", async () => {
      const value = await structure.protect();
      const bytes = bytesAt(value, 0);
      const others: readonly CborValue[] = [
        Buffer.concat([Buffer.of(0xb8, 1), bytes.subarray(1)]), // a longer head
        Buffer.concat([Buffer.of(0xbf), bytes.subarray(1), Buffer.of(0xff)]), // no length
        Buffer.concat([bytes, Buffer.of(0)]),
        bytes.subarray(0, -1),
        encode([1, 2]),
        encode(null),
        new Map([[1, 2]]),
        null,
        "header",
      ];
      for (const other of others) {
        await assert.rejects(structure.read(withElement(value, 0, other)), { code: "COSE_STRUCTURE_WRONG" });
      }
    });

    test("is refused with elements missing, added or of another kind", async () => {
      const value = await structure.protect();
      const items = elementsOf(value);
      const wrap = (elements: CborValue): CborValue => (value instanceof Tagged ? new Tagged(value.tag, elements) : elements);
      const wrong: CborValue[] = [
        wrap([]),
        wrap(items.slice(1)),
        wrap(items.slice(0, -1)),
        wrap([...items, null]),
        wrap(null),
        wrap(new Map()),
      ];
      for (let i = 0; i < items.length; i++) {
        for (const other of [null, 1, "text", [], new Map(), new Uint8Array()]) {
          const sameKind =
            (other instanceof Uint8Array && items[i] instanceof Uint8Array) || (other instanceof Map && items[i] instanceof Map);
          if (!sameKind && !(other === null && items[i] === null)) wrong.push(withElement(value, i, other));
        }
      }
      for (const other of [...wrong, null, 1, "x", new Uint8Array(3)]) {
        await assert.rejects(structure.read(other), { code: "COSE_STRUCTURE_WRONG" });
      }
    });
  });
}
