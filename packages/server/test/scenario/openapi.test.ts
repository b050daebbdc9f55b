import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { routes } from "@sealane/api";
import { Validator } from "@seriousme/openapi-schema-validator";
import { replyOf } from "./device.ts";
import { TestServer } from "./test-server.ts";

const file = fileURLToPath(new URL("../../../../docs/openapi.yaml", import.meta.url));
const methods = ["get", "head", "post", "put", "patch", "delete"];

test("the OpenAPI document is one, and has every route of the server and no other", async (t) => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(readFileSync(file, "utf8"));
  assert.ok(valid, JSON.stringify(errors));
  const { paths } = validator.resolveRefs() as { readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>> };
  const expected = Object.values(routes).map((route) => route.replaceAll(/:([a-z]+)/g, "{$1}"));
  assert.deepEqual(Object.keys(paths).toSorted(), [...new Set(expected)].toSorted());

  const server = await TestServer.start(t);
  for (const [path, operations] of Object.entries(paths)) {
    const url = server.url + path.replace("{id}", "0".repeat(path.includes("links") ? 32 : 64)).replace("{name}", "nobody");
    for (const method of methods) {
      const reply = await fetch(url, { method: method.toUpperCase() });
      const { code } = await replyOf(reply);
      const isThere = code !== "API_ROUTE_UNKNOWN" && !(method === "head" && operations["head"] === undefined);
      assert.equal(isThere, operations[method] !== undefined, `${method} ${path}: ${reply.status} ${code}`);
    }
  }
});
