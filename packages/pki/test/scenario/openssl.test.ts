import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { SoftwareKey, systemRandom } from "@sealane/crypto";
import { without } from "@sealane/testkit/tools";
import { hasCode, parseName } from "@sealane/wire";
import type { PkiCode } from "../../src/errors.ts";
import { parseCertificate, purposeOid, trustAnchor, verifyCertificate } from "../../src/index.ts";
import { createAuthority, issueCertificate } from "../../src/issue/index.ts";

/** The `openssl` command as the other implementation: it judges our certificates, and we judge those that it issues. */

let folder = "";
const path = (name: string): string => join(folder, name);
const openssl = (...args: readonly string[]): string => execFileSync("openssl", args, { encoding: "utf8", cwd: folder, stdio: "pipe" });

before(() => {
  folder = mkdtempSync(join(tmpdir(), "sealane-pki-"));
});
after(() => rmSync(folder, { recursive: true }));

function toPem(der: Uint8Array): string {
  return `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString("base64")}\n-----END CERTIFICATE-----\n`;
}

function toDer(pem: string): Uint8Array {
  return Uint8Array.from(Buffer.from(pem.replace(/-----[A-Z ]+-----/g, ""), "base64"));
}

describe("KCERT: openssl accepts what is issued", { skip: without("openssl") }, () => {
  const notBeforeSeconds = Date.UTC(2026, 0, 2, 3, 4, 5) / 1000;
  const notAfterSeconds = Date.UTC(2056, 6, 8, 9, 10, 11) / 1000;
  const validity = { notBeforeSeconds, notAfterSeconds, random: systemRandom };
  const at = ["-attime", String(notBeforeSeconds + 60)];
  const strict = ["verify", "-x509_strict", "-check_ss_sig", ...at];

  before(async () => {
    const key = SoftwareKey.generate("ed25519").signingKey();
    const root = await createAuthority({ name: parseName("authority"), key, ...validity });
    const other = await createAuthority({ name: parseName("authority"), key: SoftwareKey.generate("ed25519").signingKey(), ...validity });
    writeFileSync(path("root.pem"), toPem(root));
    writeFileSync(path("other.pem"), toPem(other));
    for (const [name, kind] of [
      ["terminal-sign", "ed25519"],
      ["server-decrypt", "x25519"],
    ] as const) {
      const subject = { name: parseName(`party:${name}`), purpose: name, publicKey: SoftwareKey.generate(kind).publicKey };
      const issued = await issueCertificate({ authority: { certificate: root, key }, subject, ...validity });
      writeFileSync(path(`${name}.pem`), toPem(issued));
    }
  });

  test("as a chain, and not below another root of the same name", () => {
    assert.match(openssl(...strict, "-CAfile", "root.pem", "root.pem", "terminal-sign.pem", "server-decrypt.pem"), /^(?:.*: OK\n){3}$/);
    assert.throws(() => openssl(...strict, "-CAfile", "other.pem", "terminal-sign.pem"));
    assert.throws(() => openssl("verify", "-attime", String(notAfterSeconds + 1), "-CAfile", "root.pem", "terminal-sign.pem"));
    assert.throws(() => openssl("verify", "-attime", String(notBeforeSeconds - 1), "-CAfile", "root.pem", "terminal-sign.pem"));
  });

  test("with the dates that were asked for", () => {
    for (const name of ["root", "terminal-sign"]) {
      assert.equal(
        openssl("x509", "-in", `${name}.pem`, "-noout", "-dates"),
        "notBefore=Jan  2 03:04:05 2026 GMT\nnotAfter=Jul  8 09:10:11 2056 GMT\n",
      );
    }
  });

  test("with the names, usages and purposes that are in the profile", () => {
    const extensions = "basicConstraints,keyUsage,extendedKeyUsage,subjectAltName";
    const shown = (name: string): readonly string[] =>
      openssl("x509", "-in", `${name}.pem`, "-noout", "-subject", "-issuer", "-ext", extensions)
        .split("\n")
        .map((line) => line.trim().replace(" = ", "=")) // OpenSSL 3.0 writes blanks there, later ones do not
        .filter((line) => line !== "");
    assert.deepEqual(shown("root").toSorted(), [
      "CA:TRUE, pathlen:1",
      "Certificate Sign, CRL Sign",
      "URI:urn:sealane:authority",
      "X509v3 Basic Constraints: critical",
      "X509v3 Key Usage: critical",
      "X509v3 Subject Alternative Name: critical",
      "issuer=CN=authority",
      "subject=CN=authority",
    ]);
    const leaf = (purpose: "terminal-sign" | "server-decrypt", usage: string): readonly string[] =>
      [
        usage,
        purposeOid(purpose),
        `URI:urn:sealane:party:${purpose}`,
        "X509v3 Extended Key Usage: critical",
        "X509v3 Key Usage: critical",
        "X509v3 Subject Alternative Name: critical",
        "issuer=CN=authority",
        "subject=",
      ].toSorted();
    assert.deepEqual(shown("terminal-sign").toSorted(), leaf("terminal-sign", "Digital Signature"));
    assert.deepEqual(shown("server-decrypt").toSorted(), leaf("server-decrypt", "Key Agreement"));
  });
});

describe("KCERT: of what openssl issues", { skip: without("openssl") }, () => {
  const nowSeconds = Math.floor(Date.now() / 1000) + 60;
  const san = "subjectAltName=critical,URI:urn:sealane:terminal:1";
  const usage = "keyUsage=critical,digitalSignature";
  const purpose = `extendedKeyUsage=critical,${purposeOid("terminal-sign")}`;
  const ca = (more = ""): readonly string[] => [`basicConstraints=critical,CA:TRUE${more}`, "keyUsage=critical,keyCertSign"];

  /** Makes a key and a certificate below `issuer` (below itself without one), as NAME.key and NAME.pem. */
  function issue(
    name: string,
    extensions: readonly string[],
    options: { issuer?: string; subject?: string; days?: number; rsa?: boolean } = {},
  ): void {
    const { issuer, subject = `/CN=${name}`, days = 100, rsa = false } = options;
    const algorithm = rsa ? ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"] : ["-algorithm", "ED25519"];
    openssl("genpkey", ...algorithm, "-out", `${name}.key`);
    writeFileSync(path(`${name}.cnf`), ["[req]", "distinguished_name=dn", "[dn]", "[v3]", ...extensions, ""].join("\n"));
    const config = ["-config", `${name}.cnf`, "-subj", subject, "-key", `${name}.key`];
    if (issuer === undefined) {
      openssl("req", "-x509", "-new", ...config, "-extensions", "v3", "-days", String(days), "-out", `${name}.pem`);
      return;
    }
    openssl("req", "-new", ...config, "-out", `${name}.csr`);
    const by = ["-CA", `${issuer}.pem`, "-CAkey", `${issuer}.key`, "-CAcreateserial", "-days", String(days)];
    openssl("x509", "-req", "-in", `${name}.csr`, ...by, "-extfile", `${name}.cnf`, "-extensions", "v3", "-out", `${name}.pem`);
  }

  const certificate = (name: string): Uint8Array => toDer(readFileSync(path(`${name}.pem`), "utf8"));
  const verify = (names: readonly string[], options: { root?: string; now?: number } = {}): unknown =>
    verifyCertificate({
      chain: names.map(certificate),
      anchors: [trustAnchor(certificate(options.root ?? "ca"))],
      purpose: "terminal-sign",
      nowSeconds: options.now ?? nowSeconds,
    });
  const throwsCode = (run: () => unknown, code: PkiCode): void => assert.throws(run, (error) => hasCode(error, code));

  before(() => {
    issue("ca", ca());
    issue("same-name", ca(), { subject: "/CN=ca" });
    issue("ca-0", ca(",pathlen:0"));
    issue("ca-rsa", ca(), { rsa: true });
    issue("between", [...ca(), purpose], { issuer: "ca" });
    issue("between-silent", ca(), { issuer: "ca" });
    issue("between-0", ca(), { issuer: "ca-0" });
    issue("right", [san, usage, purpose], { issuer: "ca" });
    issue("deep", [san, usage, purpose], { issuer: "between" });
    issue("deep-0", [san, usage, purpose], { issuer: "between-0" });
    issue("deep-silent", [san, usage, purpose], { issuer: "between-silent" });
    issue("below-leaf", [san, usage, purpose], { issuer: "right" });
  });

  test("a right certificate is proven, below an intermediate too", () => {
    verify(["right"]);
    verify(["deep", "between"]);
    throwsCode(() => verify(["deep-silent", "between-silent"]), "PKI_ISSUER_PURPOSE_WRONG");
    assert.match(openssl("verify", "-CAfile", "ca.pem", "-untrusted", "between.pem", "deep.pem"), /OK/);
  });

  test("a certificate that we issue below its authority with a name of several parts is proven", async () => {
    const subject = "/C=DE/O=M\\xC3\\xBCller + S\\xC3\\xB6hne/OU=Betrieb/CN=Wurzel, die erste";
    issue("long-name", ca(), { subject });
    const der = readFileSync(path("long-name.key"), "utf8").replace(/-----[A-Z ]+-----/g, "");
    const key = SoftwareKey.fromPkcs8(Buffer.from(der, "base64")).signingKey();
    const root = certificate("long-name");
    const issued = await issueCertificate({
      authority: { certificate: root, key },
      subject: { name: parseName("terminal:1"), purpose: "terminal-sign", publicKey: SoftwareKey.generate("ed25519").publicKey },
      notBeforeSeconds: nowSeconds - 60,
      notAfterSeconds: nowSeconds + 60,
      random: systemRandom,
    });
    verifyCertificate({ chain: [issued], anchors: [trustAnchor(root)], purpose: "terminal-sign", nowSeconds });
    writeFileSync(path("issued.pem"), toPem(issued));
    assert.match(openssl("verify", "-attime", String(nowSeconds), "-CAfile", "long-name.pem", "issued.pem"), /OK/);
  });

  const leaves: readonly (readonly [string, PkiCode, readonly string[]])[] = [
    ["wrong purpose", "PKI_PURPOSE_WRONG", [san, usage, `extendedKeyUsage=critical,${purposeOid("server-sign")}`]],
    ["TLS purpose", "PKI_PURPOSE_WRONG", [san, usage, "extendedKeyUsage=critical,clientAuth"]],
    ["two purposes", "PKI_PURPOSE_WRONG", [san, usage, `${purpose},${purposeOid("licence-sign")}`]],
    ["any purpose", "PKI_PURPOSE_WRONG", [san, usage, "extendedKeyUsage=critical,anyExtendedKeyUsage"]],
    ["no purpose", "PKI_PURPOSE_WRONG", [san, usage]],
    ["two names", "PKI_NAME_WRONG", [`${san},URI:urn:sealane:terminal:2`, usage, purpose]],
    ["a DNS name", "PKI_NAME_WRONG", ["subjectAltName=DNS:terminal", usage, purpose]],
    ["a common name only", "PKI_NAME_WRONG", [usage, purpose]],
    ["an unknown critical extension", "PKI_EXTENSION_UNKNOWN", [san, usage, purpose, "1.2.3.4=critical,DER:0500"]],
  ];
  for (const [title, code, extensions] of leaves) {
    test(`${title} is refused`, () => {
      issue("wrong", extensions, { issuer: "ca" });
      throwsCode(() => verify(["wrong"]), code);
    });
  }

  test("an issuer that is no authority is refused", () => throwsCode(() => verify(["below-leaf", "right"]), "PKI_ISSUER_NOT_CA"));
  test("an intermediate beyond the path length is refused", () => {
    throwsCode(() => verify(["deep-0", "between-0"], { root: "ca-0" }), "PKI_PATH_TOO_LONG");
    assert.throws(() => openssl("verify", "-CAfile", "ca-0.pem", "-untrusted", "between-0.pem", "deep-0.pem"));
  });
  test("another root of the same name is refused", () => throwsCode(() => verify(["right"], { root: "same-name" }), "PKI_SIGNATURE_WRONG"));
  test("an unknown signature algorithm is refused", () => throwsCode(() => trustAnchor(certificate("ca-rsa")), "PKI_ALGORITHM_UNKNOWN"));
  test("expired and future ones are refused", () => {
    const { notBeforeSeconds, notAfterSeconds } = parseCertificate(certificate("right"));
    throwsCode(() => verify(["right"], { now: notAfterSeconds + 1 }), "PKI_CERTIFICATE_EXPIRED");
    throwsCode(() => verify(["right"], { now: notBeforeSeconds - 1 }), "PKI_CERTIFICATE_NOT_YET_VALID");
  });
});
