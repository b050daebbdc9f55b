import assert from "node:assert/strict";
import { test } from "node:test";
import { apiErrors, errorOfReply, pathOf, problemOf, routes } from "../../src/index.ts";

function errorOf(status: number, body = "", headers: Readonly<Record<string, string>> = {}): ReturnType<typeof errorOfReply> {
  return errorOfReply({ status, header: (name) => headers[name], body });
}

test("a problem body carries the code and none of the details", () => {
  const error = apiErrors.error("LINK_REFUSED", { name: "gateway-1" });
  const body = JSON.stringify(problemOf(error));
  assert.ok(!body.includes("gateway-1"));
  assert.equal(errorOf(403, body).code, "LINK_REFUSED");
});

test("a reply that no server of ours gives is told by its status: later, failed, or something else that answered", () => {
  for (const body of ["", "<html>", "[]", "null", '{"code":1}', '{"code":"__proto__"}', '{"code":"PKI_NAME_WRONG"}']) {
    assert.equal(errorOf(429, body).code, "API_RATE_EXCEEDED");
    for (const status of [408, 425, 502, 503, 504]) assert.equal(errorOf(status, body).code, "API_SERVER_BUSY");
    for (const status of [500, 501, 505]) assert.equal(errorOf(status, body).code, "API_SERVER_FAILED");
    for (const status of [301, 400, 401, 403, 404, 407]) assert.equal(errorOf(status, body).code, "API_REPLY_FOREIGN");
  }
  assert.deepEqual(errorOf(503, "", { "retry-after": "7" }).details, { status: 503, retryAfterSeconds: 7 });
  for (const written of ["-1", "1e3", "soon", "9".repeat(10)])
    assert.deepEqual(errorOf(429, "", { "retry-after": written }).details, { status: 429 });
});

test("a redirect and a page of HTML are named with status, type and target, without what may be a secret in it", () => {
  const headers = { "content-type": "text/html; charset=utf-8", location: "https://user:secret@portal.example/login?token=secret#x" };
  assert.deepEqual(errorOf(302, "<html>", headers).details, { status: 302, type: "text/html", target: "https://portal.example/login" });
  assert.deepEqual(errorOf(301, "", { location: "/login?token=secret" }).details, { status: 301, target: "/login" });
  assert.equal(String(errorOf(301, "", { location: `/${"x".repeat(9000)}` }).details["target"]).length, 200);
});

test("a parameter cannot leave its place in a path", () => {
  assert.equal(pathOf(routes.terminal, "a/../b?c"), "/v1/terminals/a%2F..%2Fb%3Fc");
});
