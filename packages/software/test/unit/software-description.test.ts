import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decodeAs, encode, encodeAs } from "@sealane/wire";
import { type SoftwareDescription, softwareDescriptionCodec } from "../../src/software-description.ts";
import { description } from "../signers.ts";

function again(extra: Partial<Record<keyof SoftwareDescription, unknown>>): SoftwareDescription {
  const changed = { ...description, ...extra } as SoftwareDescription;
  return decodeAs(softwareDescriptionCodec, encodeAs(softwareDescriptionCodec, changed), { maxBytes: 16_384, what: "software" });
}

describe("the description of a software", () => {
  const right: readonly Partial<SoftwareDescription>[] = [
    {},
    { module: "a", version: "1", sequence: 0, models: [], entry: null },
    { module: "x".repeat(64), version: "v 2.4.0 (beta)", models: Array.from({ length: 64 }, (_, i) => `model ${i}`) },
    { entry: "a" },
    { entry: "opt/ümlaut/..hidden/x.y" },
    { plaintextBytes: 0, segmentBytes: 65_536, format: "file", softwareClass: "content" },
    { plaintextBytes: 2 ** 42, segmentBytes: 4_194_304, softwareClass: "system" },
  ];
  for (const extra of right) {
    test(`ANY: is read as it was written: ${JSON.stringify(extra).slice(0, 60)}`, () => {
      assert.deepEqual(again(extra), { ...description, ...extra });
    });
  }

  const wrong: readonly (readonly [keyof SoftwareDescription, readonly unknown[]])[] = [
    ["module", ["", "HMI", "a b", "a/b", "x".repeat(65), "ä", "a\n", 1]],
    ["version", ["", " 1", "1 ", "x".repeat(65), "1\n", "ä", "\u0000"]],
    ["sequence", [-1, "1"]],
    ["models", [[""], [1], Array.from({ length: 65 }, () => "m"), ["x".repeat(65)]]],
    ["softwareClass", ["System", 0]],
    ["format", ["zip"]],
    [
      "entry",
      [
        "",
        ".",
        "..",
        "../x",
        "a/..",
        "a/../b",
        "a/./b",
        "/a",
        "a/",
        "a//b",
        "a\\b",
        "c:x",
        "a\u0000",
        "a\n",
        "x".repeat(256),
        "é".repeat(128),
      ],
    ],
    ["artefactId", [new Uint8Array(31)]],
    ["listDigest", [new Uint8Array(33)]],
    ["sha256", ["text"]],
    ["plaintextBytes", [-1, 2 ** 42 + 1, 2 ** 40 + 1]],
    ["segmentBytes", [0, 65_535, 4_194_305]],
  ];
  for (const [field, values] of wrong) {
    test(`is refused with a wrong ${field}`, () => {
      for (const value of values) assert.throws(() => again({ [field]: value }), { code: "WIRE_SHAPE_WRONG" }, JSON.stringify(value));
    });
  }

  test("is refused with a field more or less", () => {
    const fields = softwareDescriptionCodec.toCbor(description);
    assert.ok(Array.isArray(fields));
    for (const list of [fields.slice(1), [...fields, null], []]) {
      const read = (): unknown => decodeAs(softwareDescriptionCodec, encode(list), { maxBytes: 16_384, what: "software" });
      assert.throws(read, { code: "WIRE_SHAPE_WRONG" });
    }
  });
});
