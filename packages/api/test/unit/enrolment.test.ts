import assert from "node:assert/strict";
import { test } from "node:test";
import { digest, encode, hasCode, parseName } from "@sealane/wire";
import { type EnrolToken, formatEnrolToken, parseEnrolToken } from "../../src/index.ts";

const token: EnrolToken = {
  url: "https://server.test:7440",
  fingerprint: digest(new Uint8Array(32).fill(1)),
  tokenId: new Uint8Array(8).fill(2),
  tokenSecret: new Uint8Array(32).fill(3),
  name: parseName("gateway-1"),
  model: "demo",
};

test("an enrolment token is one word and reads back", () => {
  const word = formatEnrolToken(token);
  assert.match(word, /^sealane-enrol-1\.[A-Za-z0-9_-]+$/);
  const read = parseEnrolToken(`\n ${word}\n`);
  assert.equal(read.url, token.url);
  assert.equal(read.name, token.name);
  assert.deepEqual(Buffer.from(read.tokenSecret), Buffer.from(token.tokenSecret));
});

test("every truncation and a changed prefix of a token are refused without quoting it", () => {
  const word = formatEnrolToken(token);
  const wrong = [...Array(word.length).keys()].map((length) => word.slice(0, length));
  wrong.push(`x${word}`, `${word}A`, word.replace("-1.", "-2."), `sealane-enrol-1.${Buffer.from(encode([1, 2])).toString("base64url")}`);
  for (const text of wrong) {
    assert.throws(
      () => parseEnrolToken(text),
      (error) =>
        hasCode(error, "ENROL_TOKEN_MALFORMED") &&
        error.cause === undefined &&
        !(text.length > 40 && JSON.stringify(error).includes(text.slice(16))),
    );
  }
});
