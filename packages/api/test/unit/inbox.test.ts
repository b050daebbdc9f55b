import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeAs, hasCode, parseName } from "@sealane/wire";
import { formatInboxAuthorization, inboxStatementCodec, parseInboxAuthorization } from "../../src/index.ts";

const authorization = {
  signingThumbprint: new Uint8Array(32).fill(4),
  signature: [new Uint8Array(4), new Map(), null, new Uint8Array(64)],
};

test("an inbox authorization reads back", () => {
  const header = formatInboxAuthorization(authorization);
  assert.deepEqual(Buffer.from(parseInboxAuthorization(header).signingThumbprint), Buffer.from(authorization.signingThumbprint));
});

test("KDIR: the longest authorization, with an ML-DSA-65 signature and names of 128 bytes, reads back and is below a proxy's bound", () => {
  const name = parseName("n".repeat(128));
  const statement = encodeAs(inboxStatementCodec, { terminal: name, server: name, issuedAtSeconds: 2 ** 53 - 1 });
  const signature = [new Uint8Array(6), new Map(), statement, new Uint8Array(3_309)];
  const header = formatInboxAuthorization({ ...authorization, signature });
  assert.ok(header.length < 8_192 - 1_024, `${header.length} characters`);
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
    `Sealane ${"A".repeat(8_000)}`,
  ];
  for (const text of wrong)
    assert.throws(
      () => parseInboxAuthorization(text),
      (error) => hasCode(error, "API_REQUEST_WRONG"),
    );
});
