import assert from "node:assert/strict";
import { test } from "node:test";
import { SealaneError } from "@sealane/wire";
import { firstConfig } from "../../src/config/first-config.ts";
import { parseConfig } from "../../src/config/load-config.ts";

function faultOf(text: string): Readonly<Record<string, unknown>> {
  try {
    parseConfig(text, "server.yaml");
  } catch (error) {
    assert.ok(error instanceof SealaneError && error.code === "CONFIG_WRONG", String(error));
    return error.details;
  }
  return assert.fail("the configuration was taken");
}

const whole = `
listen:
  host: 0.0.0.0
  port: 7440
  tls: { certificate_file: tls.pem, key_file: tls.key }
public_url: https://sealane.example
roles: [key, ca, operator]
database:
  url: postgres://sealane@db/sealane?schema=fleet
  password_file: /run/secrets/database
storage_key_file: /run/credentials/storage.key
trusted_proxies: [10.0.0.0/8]
log: { level: warn }
limits: { requests_per_minute: 50 }
`;

test("a configuration with everything is taken, and so is an empty one", () => {
  const config = parseConfig(whole, "server.yaml");
  assert.equal(config.database?.url, "postgres://sealane@db/sealane?schema=fleet");
  assert.equal(config.limits?.["requests_per_minute"], 50);
  assert.deepEqual(parseConfig("", "server.yaml"), {});
  assert.deepEqual(parseConfig("# nothing\n", "server.yaml"), {});
});

const faults: readonly (readonly [string, string, Readonly<Record<string, unknown>>])[] = [
  ["an unknown key", "listen:\n  hots: 0.0.0.0\n", { key: "listen.hots", nearest: "host", line: 2, column: 3 }],
  ["an unknown key at the top", "rolls: [key]\n", { key: "rolls", nearest: "roles", line: 1, column: 1 }],
  ["an unknown limit", "limits:\n  request_per_minute: 5\n", { key: "limits.request_per_minute", nearest: "requests_per_minute", line: 2 }],
  ["a wrong type", "\nlisten:\n  port: many\n", { key: "listen.port", line: 3, column: 9 }],
  ["a wrong value", "roles: [key, keys]\n", { key: "roles.1", line: 1, column: 14 }],
  ["a number out of range", "listen: { port: 70000 }\n", { key: "listen.port", line: 1 }],
  ["a missing key", "listen:\n  tls:\n    key_file: x\n", { key: "listen.tls", line: 3 }],
  ["YAML that is none", "listen: [\n", { line: 2 }],
  ["one key twice", "log: {}\nlog: {}\n", { line: 2, column: 1 }],
  ["an alias", "log: &a {}\nlimits: *a\n", { reason: "aliases are not allowed", line: 2 }],
  ["a list", "- key\n", { line: 1 }],
  [
    "a secret in the file",
    "database:\n  url: postgres://u@h/d\n  password: hunter2\n",
    { key: "database.password", nearest: "password_file", line: 3 },
  ],
];

test("all faults of a configuration are told at once, in the order of the file", () => {
  const { key, line, others } = faultOf("roles: [key, keys]\nlimits:\n  zebra: 1\nlisten:\n  port: many\n  hots: x\n");
  assert.deepEqual([key, line], ["roles.1", 1]);
  const told = String(others).split("; ");
  assert.deepEqual(
    ["limits.zebra", "listen.port", "listen.hots"].map((each, index) => told[index]?.includes(`key ${each},`)),
    [true, true, true],
    String(others),
  );
  assert.equal(told.length, 3);
  assert.equal(String(faultOf("log: {}\nlog: {}\nroles: *a\n")["others"]).includes("line 3"), true);
});

test("a known key is suggested only where it may be meant", () => {
  assert.ok(!("nearest" in faultOf("limits:\n  zebra: 1\n")));
  assert.ok(!("nearest" in faultOf("colour: red\n")));
  assert.equal(faultOf("limit: {}\n")["nearest"], "limits");
});

for (const [what, text, expected] of faults) {
  test(`${what} is told with its place`, () => {
    const details = faultOf(text);
    for (const [name, value] of Object.entries(expected)) assert.equal(details[name], value, `${name} in ${JSON.stringify(details)}`);
    assert.equal(details["file"], "server.yaml");
    assert.ok(!JSON.stringify(details).includes("hunter2"));
  });
}

test("what `init` writes is a configuration", () => {
  const url = "https://sealane.example";
  assert.deepEqual(parseConfig(firstConfig({ url, passwordFile: undefined }), "server.yaml"), { public_url: url });
  const database = { url: "postgres://u@h/d", password_file: "/p" };
  const written = firstConfig({ url, database: database.url, passwordFile: database.password_file });
  assert.deepEqual(parseConfig(written, "server.yaml"), { public_url: url, database });
});
