import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type KeyKind, keyKindsOf, type SigningKey, SoftwareKey, suites, systemRandom } from "@sealane/crypto";
import { without } from "@sealane/testkit/tools";
import { hasCode, parseName } from "@sealane/wire";
import type { PkiCode } from "../../src/errors.ts";
import { type Purpose, parseCertificate, purposeOid, trustAnchor, verifyCertificate } from "../../src/index.ts";
import { createAuthority, issueCertificate } from "../../src/issue/index.ts";

/** Keys of every kind, certified by authorities of each kind, and the `openssl` command and OpenSSL within Node as second opinions. */

const missing = without("openssl");
const version = spawnSync("openssl", ["version"], { encoding: "utf8" });
/** OpenSSL 3.5 was the first with ML-DSA. */
const [, major = 0, minor = 0] = (/^OpenSSL (\d+)\.(\d+)/.exec(version.stdout ?? "") ?? []).map(Number);
const knowsMlDsa = major > 3 || (major === 3 && minor >= 5);

let folder = "";
const path = (name: string): string => join(folder, name);
const openssl = (...args: readonly string[]): string => execFileSync("openssl", args, { encoding: "utf8", cwd: folder, stdio: "pipe" });

before(() => {
  folder = mkdtempSync(join(tmpdir(), "sealane-key-kinds-"));
});
after(() => rmSync(folder, { recursive: true }));

const nowSeconds = Math.floor(Date.now() / 1000);
const validity = { notBeforeSeconds: nowSeconds - 60, notAfterSeconds: nowSeconds + 86_400, random: systemRandom };
const authorityKinds = ["ed25519", "p256", "ml-dsa-65"] as const;

const kinds = keyKindsOf(suites);
/** Every purpose of a terminal with every kind of key that it may have; making the larger RSA keys would take long. */
const subjects: readonly (readonly [Purpose, KeyKind, string])[] = [
  ...kinds.signing.map((kind) => ["terminal-sign", kind, "Digital Signature"] as const),
  ...kinds.decryption.map((kind) => ["terminal-decrypt", kind, usageOf(kind)] as const),
  ...kinds.agreement.map((kind) => ["terminal-agree", kind, usageOf(kind)] as const),
].filter(([, kind]) => kind !== "rsa3072" && kind !== "rsa4096");

/** As openssl writes it. */
function usageOf(kind: KeyKind): string {
  return kind.startsWith("rsa") || kind === "x-wing" ? "Key Encipherment" : "Key Agreement";
}

for (const by of authorityKinds) {
  describe(`KCERT KDIR: what an authority with a key of kind ${by} issues`, () => {
    let root: Uint8Array = new Uint8Array(0);
    let key: SigningKey | undefined;

    before(async () => {
      key = SoftwareKey.generate(by).signingKey();
      root = await createAuthority({ name: parseName("authority"), key, ...validity });
      writeFileSync(path(`${by}.pem`), toPem(root));
    });

    for (const [purpose, kind, usage] of subjects) {
      test(`a certificate of a key of kind ${kind} for ${purpose}`, async () => {
        const { publicKey } = SoftwareKey.generate(kind);
        const authority = { certificate: root, key: key ?? assert.fail() };
        const subject = { name: parseName("party"), purpose, publicKey };
        const issued = await issueCertificate({ authority, subject, ...validity });
        const { publicKey: read } = verifyCertificate({ chain: [issued], anchors: [trustAnchor(root)], purpose, nowSeconds });
        assert.deepEqual(read.spki, publicKey.spki);
        // OpenSSL within Node knows every signature.
        const [leaf, issuer] = [new X509Certificate(issued), new X509Certificate(root)];
        assert.ok(leaf.checkIssued(issuer) && leaf.verify(issuer.publicKey));
        assert.ok(!leaf.verify(new X509Certificate(await otherRoot(by)).publicKey));
        if (missing !== false) return;
        const name = `${by}-${kind}-${purpose}`;
        writeFileSync(path(`${name}.pem`), toPem(issued));
        assert.match(openssl("x509", "-in", `${name}.pem`, "-noout", "-ext", "keyUsage"), new RegExp(`critical\\s+${usage}\\s*$`));
        // The command reads the keys of a path before it judges it.
        const isReadable = (each: KeyKind): boolean => each !== "x-wing" && (knowsMlDsa || each !== "ml-dsa-65");
        if (!isReadable(kind) || !isReadable(by)) return;
        assert.match(openssl("verify", "-x509_strict", "-CAfile", `${by}.pem`, `${name}.pem`), /: OK\n$/);
      });
    }
  });
}

/** Another authority of the same name and kind. */
async function otherRoot(kind: KeyKind): Promise<Uint8Array> {
  return await createAuthority({ name: parseName("authority"), key: SoftwareKey.generate(kind).signingKey(), ...validity });
}

describe("KCERT: of what openssl issues with P-256", { skip: missing }, () => {
  const san = "subjectAltName=critical,URI:urn:sealane:terminal:1";
  const purpose = (name: Purpose): string => `extendedKeyUsage=critical,${purposeOid(name)}`;
  const certificate = (name: string): Uint8Array =>
    Uint8Array.from(Buffer.from(readFileSync(path(`${name}.pem`), "utf8").replace(/-----[A-Z ]+-----/g, ""), "base64"));
  const throwsCode = (run: () => unknown, code: PkiCode): void => assert.throws(run, (error) => hasCode(error, code));
  const p256 = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
  const rsa = (bits: number, exponent = 65_537): readonly string[] => [
    ...["-algorithm", "RSA", "-pkeyopt", `rsa_keygen_bits:${bits}`],
    ...["-pkeyopt", `rsa_keygen_pubexp:${exponent}`],
  ];

  /** A certificate of a new key below the authority `ca`. */
  function issue(
    name: string,
    key: readonly string[],
    extensions: readonly string[],
    signing: readonly string[] = ["-sha256"],
  ): Uint8Array {
    openssl("genpkey", ...key, "-out", `${name}.key`);
    writeFileSync(path(`${name}.cnf`), ["[req]", "distinguished_name=dn", "[dn]", "[v3]", ...extensions, ""].join("\n"));
    openssl("req", "-new", "-config", `${name}.cnf`, "-subj", `/CN=${name}`, "-key", `${name}.key`, "-out", `${name}.csr`);
    const by = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "10", ...signing];
    openssl("x509", "-req", "-in", `${name}.csr`, ...by, "-extfile", `${name}.cnf`, "-extensions", "v3", "-out", `${name}.pem`);
    return certificate(name);
  }

  const verify = (der: Uint8Array, asked: Purpose): unknown =>
    verifyCertificate({ chain: [der], anchors: [trustAnchor(certificate("ca"))], purpose: asked, nowSeconds: nowSeconds + 60 });

  before(() => {
    openssl("genpkey", ...p256, "-out", "ca.key");
    writeFileSync(
      path("ca.cnf"),
      "[req]\ndistinguished_name=dn\n[dn]\n[v3]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n",
    );
    const made = ["-config", "ca.cnf", "-subj", "/CN=ca", "-key", "ca.key", "-extensions", "v3", "-days", "100"];
    openssl("req", "-x509", "-new", "-sha256", ...made, "-out", "ca.pem");
  });

  const right: readonly (readonly [Purpose, readonly string[], string])[] = [
    ["terminal-sign", p256, "digitalSignature"],
    ["terminal-sign", rsa(2048), "digitalSignature"],
    ["terminal-decrypt", p256, "keyAgreement"],
    ["terminal-decrypt", rsa(2048), "keyEncipherment"],
    ["terminal-agree", p256, "keyAgreement"],
  ];
  for (const [asked, key, usage] of right) {
    test(`a right one is proven (${asked}, ${key[1]})`, () => {
      const extensions = [san, `keyUsage=critical,${usage}`, purpose(asked)];
      // OpenSSL signs with either s, and only the lower one is accepted: 64 tries without it are as likely as a key that is guessed.
      for (let tries = 64; ; tries--) {
        try {
          verify(issue("right", key, extensions), asked);
          return;
        } catch (error) {
          if (tries === 0 || !hasCode(error, "PKI_SIGNATURE_WRONG")) throw error;
        }
      }
    });
  }

  const wrong: readonly (readonly [string, PkiCode, Purpose, readonly string[], string])[] = [
    ["a key usage for encipherment with P-256", "PKI_PURPOSE_WRONG", "terminal-decrypt", p256, "keyEncipherment"],
    ["a key usage for agreement with RSA", "PKI_PURPOSE_WRONG", "terminal-decrypt", rsa(2048), "keyAgreement"],
    ["two key usages", "PKI_PURPOSE_WRONG", "terminal-sign", p256, "digitalSignature,keyAgreement"],
    ["an RSA key that agrees", "PKI_KEY_WRONG", "terminal-agree", rsa(2048), "keyEncipherment"],
    ["RSA of 1024 bits", "PKI_KEY_WRONG", "terminal-sign", rsa(1024), "digitalSignature"],
    ["RSA of 2056 bits", "PKI_KEY_WRONG", "terminal-sign", rsa(2056), "digitalSignature"],
    ["RSA with the exponent 3", "PKI_KEY_WRONG", "terminal-sign", rsa(2048, 3), "digitalSignature"],
    [
      "a key for RSASSA-PSS only",
      "PKI_KEY_WRONG",
      "terminal-sign",
      ["-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"],
      "digitalSignature",
    ],
    ["P-384", "PKI_KEY_WRONG", "terminal-sign", ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"], "digitalSignature"],
    ["a curve that is spelled out", "PKI_KEY_WRONG", "terminal-sign", [...p256, "-pkeyopt", "ec_param_enc:explicit"], "digitalSignature"],
  ];
  for (const [what, code, asked, key, usage] of wrong) {
    test(`${what} is refused`, () => {
      const der = issue("wrong", key, [san, `keyUsage=critical,${usage}`, purpose(asked)]);
      throwsCode(() => verify(der, asked), code);
    });
  }

  test("ECDSA with another hash is refused", () => {
    const der = issue("sha384", p256, [san, "keyUsage=critical,digitalSignature", purpose("terminal-sign")], ["-sha384"]);
    throwsCode(() => parseCertificate(der), "PKI_ALGORITHM_UNKNOWN");
  });
});

function toPem(der: Uint8Array): string {
  return `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString("base64")}\n-----END CERTIFICATE-----\n`;
}
