import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseSign1, requireBytes } from "@sealane/cose";
import { type Suite, suites } from "@sealane/crypto";
import { endsOf, establish, headerOf, makeGroup, makePair, openPart, sealPart, withBody } from "@sealane/testkit";
import { type CborValue, decode, encode } from "@sealane/wire";
import { acceptMessage, decodeMessage } from "../../src/index.ts";
import { codeOf } from "../codes.ts";
import { accepting, artefact, begin, type Way, waysOf } from "../ways.ts";

/** Messages whose signature gives back what it has room for (PSS-R): M1 of four mechanisms, and one form of M3. */
const rsaSuites = suites.filter(({ recovery }) => recovery !== null);
const pair = await makePair(rsaSuites);

/** Bytes that the signature of a suite has room for. */
function capacityOf({ name }: Suite): number {
  return Number(name.slice("rsa".length)) / 8 - 66;
}

/** How far payloads are from the capacity, in bytes: shorter, exactly as long, longer. */
const distances = [-20, -1, 0, 1, 300];

const bodies: readonly string[] = ["recovered-transport", "open-broadcast", "group-broadcast", "signed-agreement"];

describe("EQ2 EQ3 EQ4 EQ5 EQ7S: M1 whose signature gives back its payload", () => {
  for (const way of waysOf(({ mechanism }) => bodies.includes(mechanism.name), rsaSuites)) {
    // With g^y in it, a payload is never shorter than what the signature has room for.
    const hasValue = way.mechanism.name === "group-broadcast" || way.mechanism.name === "signed-agreement";
    for (const distance of hasValue ? [300] : distances) {
      test(`${way.ids}: a payload of the capacity ${distance < 0 ? "-" : "+"} ${Math.abs(distance)} bytes (${way.title})`, async () => {
        const licence = new Uint8Array(hasValue ? 300 : await licenceBytes(way, distance)).fill(7);
        const { sent, group, signature } = await beginWith(way, licence);
        const { protectedHeader, rest } = parseSign1(signature);
        assert.equal(protectedHeader.get(1), -65539);
        const [payload, bytes] = rest.map(requireBytes);
        assert.ok(payload !== undefined && bytes !== undefined);
        assert.equal(bytes.length, capacityOf(way.suite) + 66);
        if (!hasValue) assert.equal(payload.length, Math.max(0, distance));
        const give = async (structure: CborValue): Promise<string> =>
          await codeOf(() => acceptMessage(accepting(pair, way, { group }), withSignature(way, sent.message, structure)));
        const [head = null, unprotected = null] = signature as readonly CborValue[];
        const changed = (given: Uint8Array): CborValue => [head, unprotected, given, bytes];
        assert.equal(await give(changed(payload)), "accepted");
        assert.equal(await give(changed(Uint8Array.of(...payload, 0))), "CRYPTO_SIGNATURE_WRONG");
        if (payload.length > 0) {
          assert.equal(await give(changed(payload.subarray(0, -1))), "CRYPTO_SIGNATURE_WRONG");
          assert.equal(await give(changed(payload.map((byte, at) => (at === 0 ? byte ^ 1 : byte)))), "CRYPTO_SIGNATURE_WRONG");
        }
        assert.equal(await give([head, unprotected, null, bytes]), "COSE_STRUCTURE_WRONG");
        assert.equal(await give([head, unprotected, payload, bytes.subarray(1)]), "CRYPTO_SIGNATURE_WRONG");
        assert.equal(await give([head, unprotected, payload, Uint8Array.of(0, ...bytes)]), "CRYPTO_SIGNATURE_WRONG");
        assert.equal(await give([head, unprotected, payload, new Uint8Array(bytes.length).fill(255)]), "CRYPTO_SIGNATURE_WRONG");
        // The algorithm of a detached signature by the same key.
        const other = encode(new Map([...protectedHeader, [1, -37]]));
        assert.equal(await give([other, unprotected, payload, bytes]), "COSE_HEADER_WRONG");
      });
    }
  }
});

describe("EQ14iii: M3 whose licence is signed", () => {
  for (const way of waysOf(({ form }) => form === "licence-signed", rsaSuites)) {
    test(`EQ14iii: a licence shorter than the room in the signature, as long, and longer (${way.title})`, async () => {
      const { from, to } = endsOf(pair, way.originator);
      const digest = new Uint8Array(32);
      const statement = ["licence-signed", from.self.name, to.self.name, digest, digest, digest, null, null];
      const capacity = capacityOf(way.suite);
      for (const distance of distances) {
        const licence = new Uint8Array(fitting(encode([statement]).length, capacity + distance)).fill(7);
        assert.equal(encode([statement, licence]).length, capacity + distance);
        const third = { artefactId: artefact, licence, release: null };
        const { mechanism, suite, originator, options } = way;
        const ends = await establish(pair, { mechanism: mechanism.name, suite, originator, options, third });
        assert.deepEqual(ends.third, third);
        const [, records] = decodeMessage(ends.messages[2] ?? assert.fail()).body as readonly CborValue[];
        const [, second] = (records as readonly Uint8Array[]).map((record) => decode(record, record.length));
        const [, ciphertext] = second as readonly Uint8Array[];
        const structure = [encode(new Map([[1, -65539]])), new Map(), new Uint8Array(Math.max(0, distance)), new Uint8Array(capacity + 66)];
        assert.equal(ciphertext?.length, encode(structure).length + 16);
      }
    });
  }
});

/** M1 with a licence, and the signature that it is or encrypts. */
async function beginWith(way: Way, licence: Uint8Array) {
  const group = makeGroup(way.suite);
  const sent = await begin(pair, way, { group, options: { licence } });
  return { sent, group, signature: await signatureIn(way, sent.message) };
}

async function signatureIn(way: Way, message: Uint8Array): Promise<CborValue> {
  const { body } = decodeMessage(message);
  if (way.mechanism.broadcast) return body;
  if (way.form === "plain") return (body as readonly CborValue[])[2] ?? null;
  const opened = await openPart(message, endsOf(pair, way.originator).to);
  return decode(opened, opened.length);
}

function withSignature(way: Way, message: Uint8Array, signature: CborValue): Uint8Array {
  if (way.mechanism.broadcast) return withBody(message, signature);
  if (way.form === "plain") return withBody(message, (decodeMessage(message).body as readonly CborValue[]).with(2, signature));
  assert.equal(headerOf(message).number, 1);
  return sealPart(message, { plaintext: encode(signature), to: endsOf(pair, way.originator).to });
}

/** How long a licence must be for a payload at this distance from the capacity. */
async function licenceBytes(way: Way, distance: number): Promise<number> {
  const long = 600;
  const { signature } = await beginWith(way, new Uint8Array(long));
  const [rest] = parseSign1(signature).rest.map(requireBytes);
  const without = capacityOf(way.suite) + (rest?.length ?? 0) - encode(new Uint8Array(long)).length;
  return fitting(without, capacityOf(way.suite) + distance);
}

/** The length of the byte string that makes so many bytes of CBOR longer by what is missing. */
function fitting(present: number, wanted: number): number {
  const missing = wanted - present;
  return (
    Array.from({ length: 4 }, (_, head) => missing - head).find((length) => encode(new Uint8Array(length)).length === missing) ??
    assert.fail()
  );
}
