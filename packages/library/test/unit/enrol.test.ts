import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { formatEnrolToken } from "@sealane/api";
import { digest, parseName } from "@sealane/wire";
import { enrol, makeKeys } from "../../src/identity.ts";
import { code, testEnvironment } from "../world.ts";

// That an enrolment succeeds is shown with the packed library and a real server: npm run scenario -- pack.
const token = formatEnrolToken({
  url: "http://127.0.0.1:9/base",
  fingerprint: digest(new Uint8Array(32)),
  tokenId: new Uint8Array(8),
  tokenSecret: new Uint8Array(32),
  name: parseName("gateway-1"),
  model: "m1",
});

describe("an enrolment that does not succeed", () => {
  const attempt = async (fetch: typeof globalThis.fetch, signal?: AbortSignal): Promise<unknown> =>
    await enrol({ token, keys: makeKeys(), environment: testEnvironment(), fetch, ...(signal === undefined ? {} : { signal }) });

  test("says what the server said, and asks at the token's address without credentials or redirects", async () => {
    const asked: unknown[] = [];
    const problem = Response.json({ code: "API_SERVER_BUSY" }, { status: 503, headers: { "content-type": "application/problem+json" } });
    const attempted = attempt(async (url, init) => {
      asked.push(String(url), init?.redirect, init?.credentials);
      return problem;
    });
    await assert.rejects(attempted, code("API_SERVER_BUSY"));
    assert.deepEqual(asked, ["http://127.0.0.1:9/base/v1/enrol", "error", "omit"]);
  });

  test("is refused when the reply is of another form or without end", async () => {
    await assert.rejects(
      attempt(async () => new Response("<html>", { status: 404 })),
      code("API_REPLY_FOREIGN"),
    );
    await assert.rejects(
      attempt(async () => new Response("")),
      code("WIRE_TRUNCATED"),
    );
    const endless = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(new Uint8Array(65_536)) });
    await assert.rejects(
      attempt(async () => new Response(endless)),
      code("API_REPLY_WRONG"),
    );
  });

  test("tells an unreachable server from the caller's own signal", async () => {
    await assert.rejects(
      attempt(() => Promise.reject(new TypeError("fetch failed"))),
      code("API_SERVER_UNREACHABLE"),
    );
    const reason = new Error("enough");
    await assert.rejects(attempt(globalThis.fetch, AbortSignal.abort(reason)), reason);
  });

  test("does not begin with a token that cannot be read, which the error does not repeat", async () => {
    const input = { token: token.slice(0, -3), keys: makeKeys(), environment: testEnvironment(), fetch: () => assert.fail() };
    await assert.rejects(
      enrol(input),
      (error: Error) => "code" in error && error.code === "ENROL_TOKEN_MALFORMED" && !error.stack?.includes(token.slice(20, 60)),
    );
  });
});
