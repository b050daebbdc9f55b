import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { describe, test } from "node:test";
import { type SigningKey, SoftwareKey } from "@sealane/crypto";
import { hasCode, parseName } from "@sealane/wire";
import type { PkiCode } from "../../src/errors.ts";
import { type Purpose, parseCertificate, trustAnchor, verifyCertificate } from "../../src/index.ts";
import { createAuthority, issueAuthority, issueCertificate } from "../../src/issue/index.ts";
import { purposes } from "../../src/labels.ts";
import {
  certificateSigning,
  constraints,
  der,
  extension,
  forge,
  forgeAuthority,
  isAuthority,
  leafKey,
  rootKey,
} from "../forged-certificate.ts";
import { seededRandom } from "../seeded-random.ts";

const random = seededRandom("issue");
const notBeforeSeconds = Date.UTC(2026, 0, 1) / 1000;
const notAfterSeconds = Date.UTC(2036, 0, 1) / 1000;
const validity = { notBeforeSeconds, notAfterSeconds };
const key = rootKey.signingKey();
const certificate = await createAuthority({ name: parseName("authority"), key, ...validity, random });
const authority = { certificate, key };
const subject = { name: parseName("terminal:1"), purpose: "terminal-sign", publicKey: leafKey.publicKey } as const;
const right = { authority, subject, ...validity, random };

const rejectsCode = (run: Promise<unknown>, code: PkiCode): Promise<void> => assert.rejects(run, (error) => hasCode(error, code));

describe("KCERT: a new authority", () => {
  test("can be trusted", () => {
    const anchor = trustAnchor(certificate);
    assert.equal(anchor.name, "authority");
    assert.equal(anchor.certificate.pathLength, 1);
    assert.equal(anchor.certificate.notBeforeSeconds, notBeforeSeconds);
    assert.equal(anchor.certificate.notAfterSeconds, notAfterSeconds);
    assert.equal(new X509Certificate(certificate).ca, true);
  });
  test("may have the longest name", async () => {
    const name = parseName("a".repeat(128));
    const long = trustAnchor(await createAuthority({ name, key, ...validity, random }));
    assert.equal(long.name, name);
    const issued = await issueCertificate({ ...right, authority: { certificate: long.der, key } });
    verifyCertificate({ chain: [issued], anchors: [long], purpose: "terminal-sign", nowSeconds: notBeforeSeconds });
  });
});

describe("KCERT, WHO: an intermediate authority", () => {
  const issuerKey = SoftwareKey.generate("ed25519").signingKey();
  const purposesListed: readonly Purpose[] = ["terminal-sign", "server-sign"];
  const wanted = {
    authority,
    commonName: "issuer of authority",
    publicKey: issuerKey.publicKey,
    purposes: purposesListed,
    ...validity,
    random,
  };
  const anchor = trustAnchor(certificate);
  const issuedBy = async (purposes: readonly Purpose[]): Promise<{ readonly certificate: Uint8Array; readonly key: SigningKey }> => ({
    certificate: await issueAuthority({ ...wanted, purposes }),
    key: issuerKey,
  });

  test("lists what it may certify, may have no authority below it, and certifies", async () => {
    const issuer = await issuedBy(purposesListed);
    const parsed = parseCertificate(issuer.certificate);
    assert(parsed.kind === "authority");
    assert.deepEqual(parsed.purposes, purposesListed);
    assert.equal(parsed.pathLength, 0);
    assert.equal(parsed.name, null);
    const leaf = await issueCertificate({ ...right, authority: issuer });
    const chain = [leaf, issuer.certificate];
    const proven = verifyCertificate({ chain, anchors: [anchor], purpose: "terminal-sign", nowSeconds: notBeforeSeconds });
    assert.deepEqual(proven.chain, chain);
  });
  test("issues nothing that it does not list", async () => {
    const issuer = await issuedBy(purposesListed);
    for (const purpose of ["release-sign", "order-sign", "licence-sign"] as const) {
      await rejectsCode(issueCertificate({ ...right, authority: issuer, subject: { ...subject, purpose } }), "PKI_ISSUER_PURPOSE_WRONG");
    }
    await rejectsCode(
      issueAuthority({ ...wanted, authority: issuer, commonName: "x", purposes: ["release-sign"] }),
      "PKI_ISSUER_PURPOSE_WRONG",
    );
    await rejectsCode(issueAuthority({ ...wanted, authority: issuer, commonName: "x" }), "PKI_PATH_TOO_LONG");
  });
  test("ends with its issuer", async () => {
    const late = await issueAuthority({ ...wanted, notAfterSeconds: notAfterSeconds + 1 });
    assert.equal(parseCertificate(late).notAfterSeconds, notAfterSeconds);
  });
  test("is not made with an empty list, a key that cannot sign, or its issuer's name", async () => {
    await rejectsCode(issueAuthority({ ...wanted, purposes: [] }), "PKI_PURPOSE_WRONG");
    await rejectsCode(issueAuthority({ ...wanted, publicKey: SoftwareKey.generate("x25519").publicKey }), "PKI_KEY_WRONG");
    await rejectsCode(issueAuthority({ ...wanted, commonName: "authority" }), "PKI_NAME_WRONG");
    await rejectsCode(issueAuthority({ ...wanted, authority: { certificate, key: issuerKey } }), "PKI_AUTHORITY_KEY_WRONG");
  });
  test("by a handle that gives either of ECDSA's two signatures has the one with the low s", async () => {
    const p256 = SoftwareKey.generate("p256").signingKey();
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
    const high: SigningKey = {
      ...p256,
      sign: async (message) => {
        const low = await p256.sign(message);
        const s = order - BigInt(`0x${low.subarray(32).toHex()}`);
        return Uint8Array.of(...low.subarray(0, 32), ...Uint8Array.fromHex(s.toString(16).padStart(64, "0")));
      },
    };
    const root = await createAuthority({ name: parseName("authority"), key: high, ...validity, random });
    const above = { certificate: root, key: high };
    const leaf = await issueCertificate({ ...right, authority: above });
    verifyCertificate({ chain: [leaf], anchors: [trustAnchor(root)], purpose: "terminal-sign", nowSeconds: notBeforeSeconds });
  });
});

describe("KCERT: an issued certificate", () => {
  for (const purpose of Object.keys(purposes) as Purpose[]) {
    const { keyKinds } = purposes[purpose];
    test(`for ${purpose} is proven for that purpose only, with keys of its kinds only`, async () => {
      const publicKeys = (["ed25519", "x25519", "x-wing"] as const).map((kind) => SoftwareKey.generate(kind).publicKey);
      const publicKey = publicKeys.find(({ kind }) => keyKinds.includes(kind)) ?? assert.fail();
      for (const wrong of publicKeys.filter(({ kind }) => !keyKinds.includes(kind))) {
        await rejectsCode(
          issueCertificate({ ...right, subject: { name: parseName("party"), purpose, publicKey: wrong } }),
          "PKI_KEY_WRONG",
        );
      }
      const der = await issueCertificate({ ...right, subject: { name: parseName("party"), purpose, publicKey } });
      const input = { chain: [der], anchors: [trustAnchor(certificate)], nowSeconds: notAfterSeconds };
      const proven = verifyCertificate({ ...input, purpose, name: parseName("party") });
      assert.equal(Buffer.compare(proven.publicKey.spki, publicKey.spki), 0);
      for (const other of Object.keys(purposes) as Purpose[]) {
        if (other === purpose) continue;
        assert.throws(
          () => verifyCertificate({ ...input, purpose: other }),
          (error) => hasCode(error, "PKI_PURPOSE_WRONG"),
        );
      }
    });
  }
  test("for enrolment requests has an X-Wing key", () => assert.deepEqual(purposes["enrol-decrypt"].keyKinds, ["x-wing"]));
  test("ends with its authority", async () => {
    const der = await issueCertificate({ ...right, notAfterSeconds: notAfterSeconds + 1000 });
    assert.equal(parseCertificate(der).notAfterSeconds, notAfterSeconds);
  });
  test("has a positive serial number of 16 bytes that is never the same", async () => {
    const extremes = [0x00, 0xff].map((byte) => ({ bytes: (length: number) => new Uint8Array(length).fill(byte) }));
    for (const source of extremes) {
      const { serial } = parseCertificate(await issueCertificate({ ...right, random: source }));
      assert.equal(serial.length, 16);
      assert.equal((serial[0] ?? 0) >> 6, 1);
    }
    const serials = new Set<string>();
    for (let i = 0; i < 10; i++) serials.add(Buffer.from(parseCertificate(await issueCertificate(right)).serial).toString("hex"));
    assert.equal(serials.size, 10);
  });
  test("names its authority by the key identifier", async () => {
    const issued = new X509Certificate(await issueCertificate(right));
    assert(issued.checkIssued(new X509Certificate(certificate)));
    assert(!issued.ca);
  });
  test("takes over the key identifier that its authority has", async () => {
    const identifier = extension("2.5.29.14", { critical: false, value: der(0x04, Uint8Array.of(1, 2, 3)) });
    const foreign = await forgeAuthority({ extensions: [constraints(isAuthority), certificateSigning, identifier] });
    const issued = await issueCertificate({ ...right, authority: { certificate: foreign, key } });
    assert(new X509Certificate(issued).checkIssued(new X509Certificate(foreign)));
  });
  test("is signed by a handle that answers later, as a token does", async () => {
    const token: SigningKey = { ...key, sign: (message) => Promise.resolve().then(() => key.sign(message)) };
    const der = await issueCertificate({ ...right, authority: { certificate, key: token } });
    verifyCertificate({ chain: [der], anchors: [trustAnchor(certificate)], purpose: "terminal-sign", nowSeconds: notBeforeSeconds });
  });
  test("can come from an authority of another maker without key identifier", async () => {
    const foreign = await forgeAuthority();
    const der = await issueCertificate({ ...right, authority: { certificate: foreign, key } });
    verifyCertificate({ chain: [der], anchors: [trustAnchor(foreign)], purpose: "terminal-sign", nowSeconds: notBeforeSeconds });
  });
});

describe("KCERT: issuing is refused", () => {
  test("below a certificate that is no authority", async () =>
    await rejectsCode(
      issueCertificate({ ...right, authority: { certificate: await forge(), key: leafKey.signingKey() } }),
      "PKI_ISSUER_NOT_CA",
    ));
  test("with another key than the authority's", async () =>
    await rejectsCode(issueCertificate({ ...right, authority: { certificate, key: leafKey.signingKey() } }), "PKI_AUTHORITY_KEY_WRONG"));
  test("when the handle signs wrongly", async () => {
    for (const signature of [new Uint8Array(64), new Uint8Array(63)]) {
      const broken: SigningKey = { ...key, sign: () => signature };
      await rejectsCode(issueCertificate({ ...right, authority: { certificate, key: broken } }), "PKI_AUTHORITY_KEY_WRONG");
      await rejectsCode(createAuthority({ name: subject.name, key: broken, ...validity, random }), "PKI_AUTHORITY_KEY_WRONG");
    }
  });
  test("for a key that cannot do what the purpose wants", async () => {
    const x25519 = SoftwareKey.generate("x25519").publicKey;
    await rejectsCode(issueCertificate({ ...right, subject: { ...subject, publicKey: x25519 } }), "PKI_KEY_WRONG");
    await rejectsCode(issueCertificate({ ...right, subject: { ...subject, purpose: "server-agree" } }), "PKI_KEY_WRONG");
  });
  test("for a validity that no certificate can say", async () => {
    const wrong = [
      { notBeforeSeconds: notAfterSeconds + 1 },
      { notBeforeSeconds: -1 },
      { notBeforeSeconds: notBeforeSeconds + 0.5 },
      { notAfterSeconds: Number.NaN },
      { notAfterSeconds: notBeforeSeconds - 1 },
    ];
    for (const changes of wrong) await rejectsCode(issueCertificate({ ...right, ...changes }), "PKI_VALIDITY_WRONG");
    const late = { name: subject.name, key, notBeforeSeconds, notAfterSeconds: 253_402_300_800, random };
    await rejectsCode(createAuthority(late), "PKI_VALIDITY_WRONG");
    assert.equal(parseCertificate(await createAuthority({ ...late, notAfterSeconds: 253_402_300_799 })).notAfterSeconds, 253_402_300_799);
  });
});
