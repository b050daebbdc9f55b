import assert from "node:assert/strict";
import { test } from "node:test";
import { suites } from "@sealane/crypto";
import { firstPayload } from "@sealane/testkit";
import { type CborValue, decode } from "@sealane/wire";
import { otherRole } from "../../src/index.ts";
import { opened, openedBy } from "./independent-encryption.ts";
import { derived, encode, extract } from "./independent-schedule.ts";
import { signerOf } from "./independent-signature.ts";
import type { Vector } from "./vector.ts";
import { bytesAt, partiesOfSuite, vectors, withAllWays } from "./vector-files.ts";

/** What is in the vectors, taken apart by other implementations on node:crypto alone. */

test("EQ3 EQ4 EQ7S KCERT: another implementation checks an M1 that is a signature, and finds in its header who signed", () => {
  const found = vectors.flatMap((vector) => {
    const { mechanism, form, originator, messages } = vector;
    const isSignature =
      mechanism === "open-broadcast" || mechanism === "group-broadcast" || (mechanism === "signed-agreement" && form === "plain");
    if (!isSignature) return [];
    const bytes = Uint8Array.fromHex(messages[0] ?? "");
    const message = decode(bytes, bytes.length) as readonly CborValue[];
    const party = partiesOfSuite(vector.suite)[originator];
    const signed = signerOf(vector, message, party);
    assert.ok(signed !== null, vector.seed);
    assert.equal(signed.signer, mechanism === "signed-agreement" ? "x5t" : "x5chain", vector.seed);
    const content = decode(signed.payload, signed.payload.length) as readonly CborValue[];
    assert.ok(content.includes(party.name), vector.seed);
    return [vector.suite];
  });
  assert.deepEqual(new Set(found), new Set(suites.map(({ name }) => name)));
  assert.equal(found.length, 26);
});

test("EQ1 EQ2 EQ5 EQ6 EQ8: another implementation of key transport, and of HPKE on P-256, finds the number that the state behind M1 holds", () => {
  const places: Readonly<Partial<Record<Vector["mechanism"], number>>> = {
    "signed-transport": 0,
    "anonymous-transport": 0,
    "mutual-nonce": 3,
  };
  let checked = 0;
  for (const vector of vectors) {
    const place = places[vector.mechanism];
    if (place === undefined || !withAllWays.includes(vector.suite)) continue;
    const bytes = Uint8Array.fromHex(vector.messages[0] ?? "");
    const parties = partiesOfSuite(vector.suite);
    const opened = openedBy(vector, decode(bytes, bytes.length) as readonly CborValue[], parties[otherRole(vector.originator)]);
    const padded = vector.mechanism === "anonymous-transport" ? opened.lastIndexOf(0x80) : opened.length;
    const content = decode(opened.subarray(0, padded), padded) as readonly CborValue[];
    assert.deepEqual(content[place], bytesAt(vector.originatorState, [1, 6]), vector.seed);
    checked++;
  }
  assert.equal(checked, 10);
});

test("KDER EQ11: PRK is extracted from the numbers that the states hold, with the salt of the answer or of zeros, and the answer confirms it", () => {
  let checked = 0;
  for (const vector of vectors) {
    const { mechanism, form, messages, originatorState, recipientState, prk } = vector;
    if (originatorState === null || mechanism === "mutual-agreement" || form === "two-way") continue;
    const first = bytesAt(originatorState, [1, 6]);
    if (mechanism === "mutual-nonce") {
      assert.equal(extract(new Uint8Array(32), encode([first, bytesAt(recipientState, [1, 10])])), prk);
    } else {
      const answer = messages[1] ?? null;
      assert.equal(extract(bytesAt(answer, [5, 1]), first), prk);
      assert.equal(bytesAt(answer, [5, 2]).toHex(), derived(vector, "confirmation of the recipient", 32));
    }
    checked++;
  }
  assert.ok(checked >= 60, `${checked}`);
});

test("KDER: another implementation opens the first record, and finds the confirmation of the side that owes one", () => {
  const found = new Map<string, number>();
  for (const vector of vectors) {
    const { mechanism, originator, firstRecord, th } = vector;
    if (firstRecord === null) continue;
    const side = mechanism === "mutual-agreement" || mechanism === "mutual-nonce" ? "recipient" : "originator"; // who writes first
    const sender = side === "originator" ? originator : otherRole(originator);
    const [key, iv] = [`record key ${sender} to ${otherRole(sender)}`, `record iv ${sender} to ${otherRole(sender)}`];
    const owes = mechanism !== "mutual-nonce";
    const aad = encode([Uint8Array.fromHex(th), sender === "server" ? 1 : 2, 0, owes ? 1 : 0]);
    const nonce = Uint8Array.fromHex(derived(vector, iv, 12));
    const plaintext = opened(Uint8Array.fromHex(derived(vector, key, 32)), { nonce, aad, ciphertext: bytesAt(firstRecord, [1]) });
    const confirmation = owes ? derived(vector, `confirmation of the ${side}`, 32) : "";
    assert.equal(plaintext.toString("hex"), confirmation + Buffer.from(firstPayload).toString("hex"), vector.seed);
    const what = owes ? side : "none";
    found.set(what, (found.get(what) ?? 0) + 1);
  }
  assert.deepEqual([...found.keys()].toSorted(), ["none", "originator", "recipient"]);
  assert.ok([...found.values()].reduce((sum, count) => sum + count, 0) >= 100);
});
