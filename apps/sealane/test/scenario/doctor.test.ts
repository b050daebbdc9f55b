import assert from "node:assert/strict";
import { chmod, cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { removeTree } from "@sealane/testkit/remove-tree";
import { ownCertificates } from "../../src/doctor/certificates.ts";
import type { Finding } from "../../src/doctor/finding.ts";
import { privateFiles } from "../../src/doctor/private-files.ts";
import { codeOf, freePort, run } from "./command.ts";

const daySeconds = 86_400;

async function newState(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sealane-doctor-"));
  t.after(() => removeTree(folder));
  const made = await run("sealane", ["init", "--url", `http://127.0.0.1:${await freePort()}`, "--state", folder, "--json"]);
  assert.equal(made.exitCode, 0, made.stdout);
  return folder;
}

function faults(findings: readonly Finding[]): readonly (readonly [string, string | undefined])[] {
  return findings.filter(({ ok }) => !ok).map(({ check, advice }) => [check, advice]);
}

test("the doctor names every secret that others have rights to, one a row, with the command that mends it", async (t) => {
  const state = await newState(t);
  assert.deepEqual(faults(await privateFiles(state)), []);
  const open: readonly (readonly [string, number, string])[] = [
    ["server", 0o755, "700"],
    ["server/keys", 0o710, "700"],
    ["server/storage.key", 0o640, "600"],
    ["server/data.sqlite", 0o604, "600"],
    ["server/keys/issuer.pem", 0o602, "600"],
    ["operator", 0o701, "700"],
    ["operator/keys", 0o750, "700"],
    ["operator/operator.token", 0o644, "600"],
    ["operator/keys/root.pem", 0o660, "600"],
  ];
  for (const [path, mode] of open) await chmod(join(state, path), mode);
  const expected = open.map(([path, , owners]) => [`private: ${join(state, path)}`, `chmod ${owners} ${join(state, path)}`] as const);
  assert.deepEqual(faults(await privateFiles(state)).toSorted(), expected.toSorted());
  for (const [path, , owners] of open) await chmod(join(state, path), Number.parseInt(owners, 8));
  assert.deepEqual(faults(await privateFiles(state)), []);
});

test("WHO: the doctor proves every certificate of its folders, and names what ends soon before it has ended", async (t) => {
  const state = await newState(t);
  const nowSeconds = Math.floor(Date.now() / 1000);
  const found = async (seconds = nowSeconds): Promise<readonly Finding[]> => await ownCertificates(state, seconds);
  assert.deepEqual(
    (await found()).map(({ check, ok }) => [check, ok]),
    ["server", "operator"].map((folder) => [`certificates: ${join(state, folder)}`, true]),
  );
  const soon = await found(nowSeconds + 340 * daySeconds);
  assert.deepEqual([...new Set(soon.map(({ ok }) => ok))], [true]);
  const publisher = `certificate: ${join(state, "operator", "publisher.cbor")}`;
  assert.match(soon.find(({ check }) => check === publisher)?.found ?? "", /^ends in 2[45] days: /);
  const over = faults(await found(nowSeconds + 370 * daySeconds));
  assert.ok(over.some(([check]) => check === publisher));
  assert.ok(over.some(([check]) => check === `certificate: ${join(state, "server", "certificates", "licence-sign.cbor")}`));
  assert.equal(
    over.some(([check]) => check.endsWith(".der")),
    false,
    "authorities live longer",
  );

  const restore = "Restore this file from a backup of its folder";
  const [authority, issuer, publishers] = ["server/authority.der", "server/issuer.der", "operator/publishers.der"].map((path) =>
    join(state, path),
  );
  assert.ok(authority !== undefined && issuer !== undefined && publishers !== undefined);
  await cp(authority, issuer);
  await writeFile(publishers, "x");
  await writeFile(join(state, "operator", "operator.cbor"), "");
  assert.deepEqual(faults(await found()), [
    [`certificate: ${issuer}`, restore],
    [`certificate: ${publishers}`, restore],
    [`certificate: ${join(state, "operator", "operator.cbor")}`, restore],
  ]);
});

test("the doctor prints a fault with its advice on the next line, and ends with exit code 10", async (t) => {
  const state = await newState(t);
  await rm(join(state, "operator", "publisher.cbor"));
  const path = join(state, "server", "row.key");
  await writeFile(path, "", { mode: 0o644 });
  const { stdout, exitCode } = await run("sealane", ["doctor", "--state", state]);
  assert.equal(exitCode, 10);
  assert.ok(stdout.includes(`FAULT  private: ${path}: mode 0644\n       chmod 600 ${path}\n`), stdout);
  assert.match(stdout, /^FAULT {2}server answers: API_SERVER_UNREACHABLE: .*\n {7}\S/m);
  const data = await run("sealane", ["doctor", "--state", state, "--json"]);
  assert.equal(codeOf(data), "DOCTOR_FOUND_FAULTS");
});
