import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { shellWord } from "@sealane/cli";
import { removeTree } from "@sealane/testkit/remove-tree";
import { pin, SoftToken } from "@sealane/testkit/tokens";
import { without } from "@sealane/testkit/tools";
import { exitCodes } from "@sealane/wire";
import { codeOf, type Ended, freePort, run, start } from "./command.ts";

const command = fileURLToPath(new URL("../../bin/sealane.js", import.meta.url));

async function emptyFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sealane-token-commands-"));
  t.after(() => removeTree(folder));
  return folder;
}

function demandSecret({ stdout, stderr }: Ended): void {
  assert.equal(`${stdout}${stderr}`.includes(pin), false, "the PIN was printed");
}

/** What a command shows at a terminal of its own (`script`), where somebody types when it asks. It has to end well. */
async function typing(line: readonly string[], person: { readonly after: string; readonly text: string }): Promise<string> {
  const child = spawn("script", ["-qec", line.map(shellWord).join(" "), "/dev/null"], { stdio: ["pipe", "pipe", "inherit"] });
  let shown = "";
  child.stdout.on("data", (piece: Buffer) => {
    const hadAsked = shown.includes(person.after);
    shown += piece.toString("utf8");
    if (!hadAsked && shown.includes(person.after)) child.stdin.write(person.text);
  });
  const [exitCode] = (await once(child, "exit")) as [number | null];
  assert.equal(exitCode, 0, shown);
  return shown;
}

describe("KSIM: commands with keys in tokens", { skip: without("script", "softHsm", "pkcs11js") }, () => {
  test("a URI with a PIN, suites that the token lacks, a PIN that nobody can give: told, and nothing is made", async (t) => {
    await using token = new SoftToken();
    const folder = await emptyFolder(t);
    const state = join(folder, "state");
    const p256 = ["--suites", "p256"];
    for (const [options, exit, code] of [
      [["--key", `${token.uri()}&pin-value=${pin}`, ...p256], exitCodes.usage, "KEYSTORE_TOKEN_URI_WRONG"],
      [["--publisher-key", `pkcs11:token=a;id=%01?pin-source=file:/${pin}`, ...p256], exitCodes.usage, "KEYSTORE_TOKEN_URI_WRONG"],
      [["--key", token.uri()], exitCodes.incompatible, "KEYSTORE_TOKEN_KIND_UNSUPPORTED"],
      [["--publisher-key", token.uri(), "--suites", "pq"], exitCodes.incompatible, "KEYSTORE_TOKEN_KIND_UNSUPPORTED"],
      [["--key", token.uriWithoutPin(), "--no-input", ...p256], exitCodes.configuration, "KEYSTORE_TOKEN_PIN_MISSING"],
    ] as const) {
      const ended = await run("sealane", ["init", "--state", state, "--json", ...options]);
      assert.deepEqual([ended.exitCode, codeOf(ended)], [exit, code]);
      demandSecret(ended);
      assert.deepEqual(
        (await readdir(folder, { recursive: true })).filter((name) => name !== "state"),
        [],
      );
    }
    const told = await run("sealane", ["init", "--state", state, "--key", token.uri()]);
    assert.match(told.stderr, /suite hybrid, kind x-wing.*--suites p256/s);
  });

  test("a PIN is asked for at the keyboard, not shown, and written nowhere; a server that starts unattended says what it needs", async (t) => {
    await using token = new SoftToken();
    const state = join(await emptyFolder(t), "state");
    const port = await freePort();
    const line = ["init", "--state", state, "--url", `http://127.0.0.1:${port}`, "--suites", "p256", "--key", token.uriWithoutPin("a")];
    const shown = await typing([process.execPath, command, ...line], {
      after: `PIN of the token ${token.label}: `,
      text: `${pin}9\u007f\r`,
    });
    assert.match(shown, /to run unattended it needs pin-source/);
    assert.equal(shown.includes(pin), false, "the PIN was shown");
    for (const name of await readdir(state, { recursive: true, withFileTypes: true })) {
      if (name.isFile()) assert.equal((await readFile(join(name.parentPath, name.name))).includes(pin), false, name.name);
    }
    const unattended = await run("sealane", ["server", "run", "--state", state, "--json", "--no-input"]);
    assert.deepEqual([unattended.exitCode, codeOf(unattended)], [exitCodes.configuration, "KEYSTORE_TOKEN_PIN_MISSING"]);
    assert.match(unattended.stdout, /pin-source/);
  });

  test("the publisher's key in a token signs releases; while it is away nothing is published", async (t) => {
    await using token = new SoftToken();
    const state = join(await emptyFolder(t), "state");
    const url = `http://127.0.0.1:${await freePort()}`;
    const init = await run("sealane", ["init", "--state", state, "--url", url, "--publisher-key", token.uri("press"), "--json"]);
    assert.equal(init.exitCode, 0, init.stdout);
    assert.deepEqual((await readdir(join(state, "operator"))).sort(), [
      "authority.der",
      "issuer.der",
      "keys",
      "operator.cbor",
      "operator.token",
      "profile.json",
      "publisher.cbor",
      "publishers.der",
    ]);
    assert.deepEqual((await readdir(join(state, "operator", "keys"))).sort(), ["operator.pem", "publishers.pem", "root.pem"]);
    const server = start("sealane", ["server", "run", "--state", state, "--json"]);
    try {
      await once(server.stdout ?? server, "data"); // it listens
      const publish = ["publish", command, "--name", "app", "--version", "1", "--state", state, "--json"];
      token.takeAway();
      const refused = await run("sealane", publish);
      assert.deepEqual([refused.exitCode, codeOf(refused)], [exitCodes.retryLater, "KEYSTORE_TOKEN_GONE"]);
      token.bringBack();
      const published = await run("sealane", publish);
      assert.equal(published.exitCode, 0, published.stdout);
      const profile = await readFile(join(state, "operator", "profile.json"), "utf8");
      const login = ["login", "--url", url, "--token-file", join(state, "operator", "operator.token"), "--state", state];
      assert.equal((await run("sealane", login)).exitCode, 0);
      assert.equal(await readFile(join(state, "operator", "profile.json"), "utf8"), profile, "where the publisher's key is was forgotten");
      for (const ended of [init, refused, published]) demandSecret(ended);
    } finally {
      server.kill("SIGTERM");
      await once(server, "exit");
    }
  });
});
