import assert from "node:assert/strict";
import { test } from "node:test";
import { apiErrors } from "@sealane/api";
import { urlOf } from "@sealane/http";
import { parseBaseUrl } from "../../src/base-url.ts";
import { terminalAt } from "../../src/index.ts";
import { leastRateIn, openHttp } from "../../src/least-rate.ts";
import { Attempts } from "../../src/retry.ts";
import { code } from "../double/codes.ts";
import { FakeClock } from "../double/fake-clock.ts";

test("addresses are http or https, without credentials; routes stand below their path", () => {
  for (const wrong of ["ftp://host/", "host:80", "", "http://user:secret@host/", "file:///etc"]) {
    assert.throws(() => parseBaseUrl(wrong), code("TERMINAL_ADDRESS_WRONG"));
  }
  const base = parseBaseUrl("https://host/sealane?x#y");
  assert.equal(urlOf(base, "/v1/inbox", { after: 3, wait: 25 }).href, "https://host/sealane/v1/inbox?after=3&wait=25");
});

test("only failures that may pass are tried again, with pauses that grow to half a minute", async () => {
  const clock = new FakeClock();
  const random = { bytes: (length: number) => new Uint8Array(length) };
  const terminal = terminalAt({ stateFolder: "unused", clock, random });
  const attempts = new Attempts(terminal);
  await assert.rejects(attempts.pauseAfter(apiErrors.error("LINK_REFUSED")), code("LINK_REFUSED"));
  const passing = apiErrors.error("API_SERVER_BUSY");
  attempts.reset();
  for (let i = 0; i < 5; i++) await attempts.pauseAfter(passing);
  await assert.rejects(attempts.pauseAfter(passing), code("API_SERVER_BUSY"));
  assert.deepEqual(clock.pauses, [500, 1_000, 2_000, 4_000, 8_000]);
});

test("an empty least rate is the default, and one that is no whole number of bytes up to 1 GB is refused", () => {
  assert.deepEqual(leastRateIn({ SEALANE_LEAST_RATE: "" }), { bytesPerSecond: 1_024, seconds: 120 });
  assert.deepEqual(leastRateIn({ SEALANE_LEAST_RATE: "1000000000" }), { bytesPerSecond: 1_000_000_000, seconds: 120 });
  assert.deepEqual(leastRateIn({ SEALANE_LEAST_RATE: "200" }), { bytesPerSecond: 200, seconds: 120 });
  assert.equal(leastRateIn({ SEALANE_LEAST_RATE: "0" }), null);
  for (const written of ["1000000001", "-1", "1.5", "1e3", "1k", " 1", "0x10", "off", "9".repeat(400)]) {
    const environment = { SEALANE_LEAST_RATE: written };
    assert.throws(() => openHttp({ environment }), code("TERMINAL_LEAST_RATE_WRONG"), written);
  }
});
