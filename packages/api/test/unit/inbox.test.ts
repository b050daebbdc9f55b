import assert from "node:assert/strict";
import { test } from "node:test";
import { hasCode } from "@sealane/wire";
import { formatInboxAuthorization, parseInboxAuthorization } from "../../src/index.ts";

const authorization = {
  signingThumbprint: new Uint8Array(32).fill(4),
  signature: [new Uint8Array(4), new Map(), null, new Uint8Array(64)],
};

test("an inbox authorization reads back", () => {
  const header = formatInboxAuthorization(authorization);
  assert.deepEqual(Buffer.from(parseInboxAuthorization(header).signingThumbprint), Buffer.from(authorization.signingThumbprint));
});

test("anything else in the authorization header is refused", () => {
  const header = formatInboxAuthorization(authorization);
  const wrong = [
    undefined,
    "",
    "Bearer x",
    "Sealane ",
    "Sealane !!",
    `${header}AAAA`,
    header.replace("Sealane", "sealane"),
    `Sealane ${"A".repeat(4000)}`,
  ];
  for (const text of wrong)
    assert.throws(
      () => parseInboxAuthorization(text),
      (error) => hasCode(error, "API_REQUEST_WRONG"),
    );
});
