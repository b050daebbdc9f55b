import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { hasCode } from "@sealane/wire";
import { DerReader } from "../../src/der.ts";
import { readTime } from "../../src/der-time.ts";
import { generalizedTime, oid, utcTime } from "../forged-certificate.ts";

const refused = (error: unknown): boolean => hasCode(error, "PKI_CERTIFICATE_MALFORMED");
const reader = (...bytes: readonly number[]): DerReader => new DerReader(Uint8Array.from(bytes), "test");

describe("a DER element is refused", () => {
  const rows: readonly (readonly [string, readonly number[]])[] = [
    ["without any byte", []],
    ["without a length", [0x04]],
    ["with an indefinite length", [0x04, 0x80, 0, 0]],
    ["with a long form for a short length", [0x04, 0x81, 0x01, 0xaa]],
    ["with a leading zero in its length", [0x04, 0x82, 0x00, 0x81, ...new Array<number>(0x81).fill(0)]],
    ["with a length of three bytes", [0x04, 0x83, 0x01, 0x00, 0x00]],
    ["with a length beyond the input", [0x04, 0x02, 0xaa]],
    ["with half a length", [0x04, 0x82, 0x01]],
    ["with a tag of several bytes", [0x1f, 0x81, 0x01, 0x00]],
  ];
  for (const [title, bytes] of rows) test(title, () => assert.throws(() => reader(...bytes).any(), refused));
  test("with another tag than expected", () => assert.throws(() => reader(0x04, 0).content(0x05), refused));
  test("when more follows than expected", () => assert.throws(() => reader(0x04, 0).end(), refused));
});

test("a DER reader gives elements in order and knows its end", () => {
  const elements = reader(0x30, 0x04, 0x02, 0x01, 0x07, 0x05, 0x00);
  assert.throws(() => elements.open(0x30, "inner").end(), refused);
  const inner = reader(0x30, 0x05, 0x02, 0x01, 0x07, 0x05, 0x00).open(0x30, "inner");
  assert.equal(inner.nextIs(0x02), true);
  assert.equal(inner.smallInteger(), 7);
  assert.deepEqual([...inner.whole(0x05)], [0x05, 0x00]);
  assert.equal(inner.done, true);
  inner.end();
});

describe("a value is refused", () => {
  const rows: readonly (readonly [string, (reader: DerReader) => unknown, readonly number[]])[] = [
    ["BOOLEAN 1", (r) => r.boolean(), [1, 1, 1]],
    ["BOOLEAN of two bytes", (r) => r.boolean(), [1, 2, 0xff, 0xff]],
    ["empty BOOLEAN", (r) => r.boolean(), [1, 0]],
    ["empty INTEGER", (r) => r.integer(), [2, 0]],
    ["INTEGER with a leading zero", (r) => r.integer(), [2, 2, 0, 1]],
    ["INTEGER with a leading sign", (r) => r.integer(), [2, 2, 0xff, 0x80]],
    ["negative small INTEGER", (r) => r.smallInteger(), [2, 1, 0xff]],
    ["small INTEGER 128", (r) => r.smallInteger(), [2, 2, 0, 128]],
    ["empty OBJECT IDENTIFIER", (r) => r.oid(), [6, 0]],
    ["OBJECT IDENTIFIER with a leading zero digit", (r) => r.oid(), [6, 2, 0x80, 0x01]],
    ["OBJECT IDENTIFIER that ends inside an arc", (r) => r.oid(), [6, 2, 0x2a, 0x81]],
    ["OBJECT IDENTIFIER of 33 bytes", (r) => r.oid(), [6, 33, ...new Array<number>(33).fill(1)]],
    ["BIT STRING with unused bits where bytes are wanted", (r) => r.bitStringBytes(), [3, 2, 1, 0]],
    ["BIT STRING without content", (r) => r.bitStringBytes(), [3, 0]],
    ["named bits without content", (r) => r.namedBits(), [3, 0]],
    ["named bits without a bit", (r) => r.namedBits(), [3, 1, 0]],
    ["named bits with 8 unused", (r) => r.namedBits(), [3, 2, 8, 0x80]],
    ["named bits with zeros at the end", (r) => r.namedBits(), [3, 2, 5, 0x80]],
    ["named bits with a bit in the unused ones", (r) => r.namedBits(), [3, 2, 7, 0x81]],
    ["named bits with a zero byte at the end", (r) => r.namedBits(), [3, 3, 0, 0x81, 0x00]],
  ];
  for (const [title, read, bytes] of rows) test(title, () => assert.throws(() => read(reader(...bytes)), refused));
});

test("values are read", () => {
  assert.equal(reader(1, 1, 0xff).boolean(), true);
  assert.equal(reader(1, 1, 0).boolean(), false);
  assert.deepEqual([...reader(2, 2, 0, 0x80).integer()], [0, 0x80]);
  assert.deepEqual(reader(3, 2, 1, 0x06).namedBits(), [5, 6]);
  assert.deepEqual(reader(3, 3, 7, 0x08, 0x80).namedBits(), [4, 8]);
  for (const dotted of ["2.5.29.17", "1.3.101.112", "0.9.2342", "2.25.273132093521790191817862106249223041910.23", "2.999.1"]) {
    assert.equal(new DerReader(oid(dotted), "test").oid(), dotted);
  }
});

describe("times", () => {
  const read = (element: Uint8Array): number => readTime(new DerReader(element, "time"), "time");
  const right: readonly (readonly [Uint8Array, string])[] = [
    [utcTime("700101000000Z"), "1970-01-01T00:00:00Z"],
    [utcTime("500101000000Z"), "1950-01-01T00:00:00Z"],
    [utcTime("491231235959Z"), "2049-12-31T23:59:59Z"],
    [utcTime("000229120000Z"), "2000-02-29T12:00:00Z"],
    [generalizedTime("20500101000000Z"), "2050-01-01T00:00:00Z"],
    [generalizedTime("24000229000000Z"), "2400-02-29T00:00:00Z"],
    [generalizedTime("99991231235959Z"), "9999-12-31T23:59:59Z"],
  ];
  for (const [element, expected] of right)
    test(`${expected} is read`, () => assert.equal(read(element), new Date(expected).getTime() / 1000));
  const wrong: readonly (readonly [string, Uint8Array])[] = [
    ["UTCTime without seconds", utcTime("2601010000Z")],
    ["UTCTime with an offset", utcTime("260101000000+0100")],
    ["UTCTime without Z", utcTime("260101000000")],
    ["UTCTime with a line feed", utcTime("260101000000Z\n")],
    ["UTCTime with a sign", utcTime("26010100000-Z")],
    ["UTCTime of the month 0", utcTime("260001000000Z")],
    ["UTCTime of the month 13", utcTime("261301000000Z")],
    ["UTCTime of the day 0", utcTime("260100000000Z")],
    ["UTCTime of 29 February 2026", utcTime("260229000000Z")],
    ["UTCTime of 31 April", utcTime("260431000000Z")],
    ["UTCTime of 24 o'clock", utcTime("260101240000Z")],
    ["UTCTime of minute 60", utcTime("260101006000Z")],
    ["UTCTime of second 60", utcTime("260101000060Z")],
    ["GeneralizedTime before 2050", generalizedTime("20491231235959Z")],
    ["GeneralizedTime with a fraction", generalizedTime("20500101000000.5Z")],
    ["GeneralizedTime of 29 February 2100", generalizedTime("21000229000000Z")],
    ["text", Uint8Array.of(0x0c, 0)],
  ];
  for (const [title, element] of wrong) test(`${title} is refused`, () => assert.throws(() => read(element), refused));
});
