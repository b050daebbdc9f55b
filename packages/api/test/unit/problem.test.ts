import assert from "node:assert/strict";
import { test } from "node:test";
import { apiErrors, errorOfProblem, pathOf, problemOf, routes } from "../../src/index.ts";

test("a problem body carries the code and none of the details", () => {
  const error = apiErrors.error("LINK_REFUSED", { name: "gateway-1" });
  const body = JSON.stringify(problemOf(error));
  assert.ok(!body.includes("gateway-1"));
  assert.equal(errorOfProblem(body, 403).code, "LINK_REFUSED");
});

test("a body that is no problem of ours becomes a code of ours", () => {
  for (const body of ["", "<html>", "[]", "null", '{"code":1}', '{"code":"__proto__"}', '{"code":"PKI_NAME_WRONG"}']) {
    assert.equal(errorOfProblem(body, 502).code, "API_SERVER_FAILED");
    assert.equal(errorOfProblem(body, 404).code, "API_REPLY_WRONG");
  }
});

test("a parameter cannot leave its place in a path", () => {
  assert.equal(pathOf(routes.terminal, "a/../b?c"), "/v1/terminals/a%2F..%2Fb%3Fc");
});
