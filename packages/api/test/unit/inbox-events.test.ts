import assert from "node:assert/strict";
import { test } from "node:test";
import { maxMessageBytes } from "@sealane/link";
import { hasCode } from "@sealane/wire";
import { formatInboxEvent, maxInboxEventCharacters, parseInboxEvent } from "../../src/index.ts";

const event = { id: "7", event: "message", data: "AQID" };

test("EQ1: an event of the inbox is an id, a type and the link message in base64url, and reads back", () => {
  const message = { position: 7, message: Uint8Array.of(1, 2, 3) };
  assert.equal(formatInboxEvent(message), "id: 7\nevent: message\ndata: AQID\n\n");
  assert.deepEqual(parseInboxEvent(event), message);
  assert.equal(parseInboxEvent({ ...event, id: "9007199254740991" }).position, Number.MAX_SAFE_INTEGER);
});

test("the largest message fits into the bound of an event, and a larger one is refused", () => {
  const largest = new Uint8Array(maxMessageBytes).fill(255);
  const data = Buffer.from(largest).toString("base64url");
  assert.deepEqual(parseInboxEvent({ ...event, data }).message, largest);
  assert.ok(formatInboxEvent({ position: Number.MAX_SAFE_INTEGER, message: largest }).length <= maxInboxEventCharacters);
  const larger = Buffer.from(new Uint8Array(maxMessageBytes + 1)).toString("base64url");
  assert.throws(
    () => parseInboxEvent({ ...event, data: larger }),
    (error) => hasCode(error, "API_REPLY_WRONG"),
  );
});

test("an event of any other form is refused", () => {
  const wrong = [
    ...[undefined, "", "0", "07", "-1", "1.5", "1e3", " 7", "7 ", "٧", "9007199254740992", "99999999999999999"].map((id) => ({ id })),
    ...[undefined, "", "Message", "message ", "offer"].map((type) => ({ event: type })),
    ...["", "A", "AQI=", "AQID\n", "AQ ID", "A+/D", "AQJ", "é"].map((data) => ({ data })),
  ];
  for (const change of wrong) {
    assert.throws(
      () => parseInboxEvent({ ...event, ...change }),
      (error) => hasCode(error, "API_REPLY_WRONG"),
      JSON.stringify(change),
    );
  }
});
