import assert from "node:assert/strict";
import { test } from "node:test";
import { apiErrors } from "@sealane/api";
import { keystoreErrors } from "@sealane/keystore";
import type { FastifyRequest } from "fastify";
import { serverErrors } from "../../src/errors.ts";
import { failureOf, logFieldsOf, outwardOf } from "../../src/http/failure.ts";

const onLinks = { routeOptions: { config: { refusal: "LINK_REFUSED" } } } as unknown as FastifyRequest;
const onOthers = { routeOptions: { config: {} } } as unknown as FastifyRequest;

test("every error that is the other end's fault is one refusal on a route for strangers", () => {
  for (const [code, entry] of Object.entries(serverErrors.entries)) {
    const outward = outwardOf(serverErrors.error(code as keyof typeof serverErrors.entries), onLinks).code;
    if (entry.blame === "system") assert.ok(["API_SERVER_FAILED", "API_SERVER_BUSY"].includes(outward), code);
    else assert.equal(outward, "LINK_REFUSED", code);
  }
  assert.equal(outwardOf(new TypeError("anything"), onLinks).code, "LINK_REFUSED");
  assert.equal(outwardOf(apiErrors.error("ARTEFACT_UNKNOWN"), onLinks).code, "LINK_REFUSED");
});

test("KSIM: what is wrong with the server's own keys is never told as the fault of who asks", () => {
  for (const code of Object.keys(keystoreErrors.entries)) {
    const outward = outwardOf(keystoreErrors.error(code as keyof typeof keystoreErrors.entries, { token: "hsm" }), onLinks);
    assert.ok(["API_SERVER_FAILED", "API_SERVER_BUSY"].includes(outward.code), code);
    assert.deepEqual(outward.details, {});
  }
});

test("what depends on the transport alone is told as it is", () => {
  for (const code of ["API_BODY_TOO_LARGE", "API_REQUEST_WRONG", "API_RATE_EXCEEDED", "API_SERVER_BUSY"] as const) {
    assert.equal(outwardOf(apiErrors.error(code), onLinks).code, code);
  }
});

test("an unexpected error is told as the server's failure and logged without its words", () => {
  const failure = failureOf(new TypeError("quotes a secret", { cause: new RangeError("another secret") }));
  assert.equal(outwardOf(failure, onOthers).code, "API_SERVER_FAILED");
  const line = JSON.stringify(logFieldsOf(failure));
  assert.ok(line.includes("TypeError") && line.includes("RangeError") && line.includes("errors.test.ts"));
  assert.equal(line.includes("secret"), false);
});

test("what is thrown need not be an error", () => {
  assert.equal(outwardOf(failureOf("text"), onOthers).code, "API_SERVER_FAILED");
  assert.equal(outwardOf(failureOf(undefined), onLinks).code, "LINK_REFUSED");
});
