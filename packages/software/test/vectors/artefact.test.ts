import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { headerLengthFromPrefix } from "../../src/artefact-header.ts";
import { sealBytes } from "../../src/seal.ts";
import { openIndependently } from "../independent-open.ts";

/** The format is fixed: whoever changes a byte of it makes old artefacts unreadable and must give it another name. */
interface Vector {
  /** Byte i of the plaintext is i modulo 251. */
  readonly plaintextBytes: number;
  readonly segmentBytes: number;
  readonly contentKey: string;
  readonly salt: string;
  readonly header: string;
  readonly artefactId: string;
  readonly listDigest: string;
  readonly sha256: string;
  /** SHA-256 of the whole file. */
  readonly fileSha256: string;
  /** The first bytes behind the header. */
  readonly bodyStart: string;
}

const { vectors } = JSON.parse(readFileSync(new URL("artefact-1.json", import.meta.url), "utf8")) as { readonly vectors: Vector[] };

describe("published artefacts", () => {
  test("are there", () => assert.ok(vectors.length >= 5));

  for (const vector of vectors) {
    test(`ANY: come out byte for byte (${vector.plaintextBytes} bytes in segments of ${vector.segmentBytes})`, () => {
      const plaintext = new Uint8Array(vector.plaintextBytes).map((_, i) => i % 251);
      const given = [Buffer.from(vector.contentKey, "hex"), Buffer.from(vector.salt, "hex")];
      const random = { bytes: (length: number) => Uint8Array.from(given.shift() ?? []).slice(0, length) };
      const { artefact, sealed } = sealBytes(plaintext, { segmentBytes: vector.segmentBytes, random });
      const headerBytes = headerLengthFromPrefix(artefact);
      const { plaintextBytes, segmentBytes, contentKey, salt } = vector;
      assert.deepEqual(
        {
          plaintextBytes,
          segmentBytes,
          contentKey,
          salt,
          header: hex(artefact.subarray(0, headerBytes)),
          artefactId: hex(sealed.artefactId),
          listDigest: hex(sealed.listDigest),
          sha256: hex(sealed.sha256),
          fileSha256: createHash("sha256").update(artefact).digest("hex"),
          bodyStart: hex(artefact.subarray(headerBytes, headerBytes + 32)),
        },
        vector,
      );
      const opened = openIndependently(artefact, Buffer.from(contentKey, "hex"));
      assert.equal(Buffer.compare(opened.plaintext, plaintext), 0);
      assert.equal(opened.artefactId, vector.artefactId);
    });
  }
});

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
