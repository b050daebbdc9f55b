import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SoftwareKey } from "@sealane/crypto";
import { hasCode } from "@sealane/wire";
import type { PkiCode } from "../../src/errors.ts";
import { parseCertificate } from "../../src/index.ts";
import {
  certificateSigning,
  constraints,
  der,
  digitalSignature,
  distinguishedName,
  ed25519Algorithm,
  extension,
  type Forgery,
  forge,
  forgeAuthority,
  integer,
  isAuthority,
  keyAgreement,
  keyUsage,
  leafExtensions,
  leafKey,
  oid,
  purposeUsage,
  rootName,
  sequence,
  subjectAltName,
  utcTime,
  utf8,
} from "../forged-certificate.ts";

const name = subjectAltName("urn:sealane:terminal:1");
const x25519Spki = SoftwareKey.generate("x25519").publicKey.spki;
const ecdsaSha384 = sequence(oid("1.2.840.10045.4.3.3"));
const unknownCritical = extension("1.3.6.1.4.1.99999.1", { critical: true, value: sequence() });

test("KCERT: a certificate of a party is read", async () => {
  const certificate = parseCertificate(await forge());
  assert(certificate.kind === "end entity");
  assert.equal(certificate.name, "terminal:1");
  assert.equal(certificate.purpose, "terminal-sign");
  assert.deepEqual([...certificate.serial], [0x42]);
  assert.equal(certificate.notBeforeSeconds, Date.UTC(2020, 0, 1) / 1000);
  assert.equal(certificate.notAfterSeconds, Date.UTC(2040, 0, 1) / 1000 - 1);
  assert.equal(Buffer.compare(certificate.publicKey.spki, leafKey.publicKey.spki), 0);
  assert.equal(Buffer.compare(certificate.issuer, rootName), 0);
});

test("KCERT: a certificate of an authority is read", async () => {
  const limited = parseCertificate(await forgeAuthority({ pathLength: 1 }));
  assert(limited.kind === "authority");
  assert.equal(limited.pathLength, 1);
  assert.equal(limited.name, null);
  const free = parseCertificate(await forgeAuthority({ extensions: [constraints(isAuthority), certificateSigning, name] }));
  assert(free.kind === "authority");
  assert.equal(free.pathLength, null);
  assert.equal(free.name, "terminal:1");
});

test("KCERT: a common name and unknown extensions that are not critical are ignored", async () => {
  const also = extension("1.3.6.1.4.1.99999.1", { critical: false, value: sequence() });
  const certificate = parseCertificate(await forge({ subject: distinguishedName("somebody"), extensions: [...leafExtensions, also] }));
  assert(certificate.kind === "end entity");
  assert.equal(certificate.name, "terminal:1");
});

test("a certificate keeps its own copy of the bytes", async () => {
  const bytes = await forge();
  const before = Uint8Array.from(bytes);
  const certificate = parseCertificate(bytes);
  bytes.fill(0);
  assert.equal(Buffer.compare(certificate.der, before), 0);
});

/** Rows of what limits certificates below an authority, critical or not. */
function limiting(among: (extension: Uint8Array) => readonly Uint8Array[]): readonly (readonly [string, PkiCode, Forgery])[] {
  const named = [
    ["name constraints", "2.5.29.30"],
    ["policy mappings", "2.5.29.33"],
    ["policy constraints", "2.5.29.36"],
    ["inhibitAnyPolicy", "2.5.29.54"],
  ] as const;
  return named.flatMap(([what, dotted]) =>
    [true, false].map(
      (critical) =>
        [
          `with ${what} that are ${critical ? "" : "not "}critical`,
          "PKI_EXTENSION_UNKNOWN",
          { extensions: among(extension(dotted, { critical, value: sequence() })) },
        ] as const,
    ),
  );
}

describe("KCERT: a certificate is refused", () => {
  const rows: readonly (readonly [string, PkiCode, Forgery])[] = [
    ["of version 1", "PKI_CERTIFICATE_MALFORMED", { version: new Uint8Array(0) }],
    ["of version 2", "PKI_CERTIFICATE_MALFORMED", { version: der(0xa0, integer(1)) }],
    ["of version 4", "PKI_CERTIFICATE_MALFORMED", { version: der(0xa0, integer(3)) }],
    ["with serial number 0", "PKI_CERTIFICATE_MALFORMED", { serial: integer(0) }],
    ["with a negative serial number", "PKI_CERTIFICATE_MALFORMED", { serial: integer(0x80) }],
    ["with a serial number of 21 bytes", "PKI_CERTIFICATE_MALFORMED", { serial: integer(...new Array<number>(21).fill(1)) }],
    ["with a serial number that is not shortest", "PKI_CERTIFICATE_MALFORMED", { serial: integer(0, 1) }],
    ["with another signature algorithm outside", "PKI_CERTIFICATE_MALFORMED", { outerAlgorithm: ecdsaSha384 }],
    [
      "with another signature algorithm inside",
      "PKI_CERTIFICATE_MALFORMED",
      { innerAlgorithm: ecdsaSha384, outerAlgorithm: ed25519Algorithm },
    ],
    ["with another signature algorithm on both sides", "PKI_ALGORITHM_UNKNOWN", { innerAlgorithm: ecdsaSha384 }],
    [
      "with parameters of its signature algorithm",
      "PKI_CERTIFICATE_MALFORMED",
      { innerAlgorithm: sequence(oid("1.3.101.112"), Uint8Array.of(5, 0)) },
    ],
    ["with an empty issuer", "PKI_CERTIFICATE_MALFORMED", { issuer: sequence() }],
    ["with an issuer of empty sets", "PKI_CERTIFICATE_MALFORMED", { issuer: sequence(der(0x31)) }],
    ["with an issuer that is no name", "PKI_CERTIFICATE_MALFORMED", { issuer: sequence(integer(1)) }],
    ["with one time only", "PKI_CERTIFICATE_MALFORMED", { validity: sequence(utcTime("200101000000Z")) }],
    [
      "with three times",
      "PKI_CERTIFICATE_MALFORMED",
      { validity: sequence(utcTime("200101000000Z"), utcTime("391231235959Z"), utcTime("391231235959Z")) },
    ],
    ["with a unique identifier", "PKI_CERTIFICATE_MALFORMED", { uniqueIdentifier: der(0x81, Uint8Array.of(0, 1)) }],
    ["without extensions", "PKI_CERTIFICATE_MALFORMED", { extensions: [] }],
    ["with something behind the extensions", "PKI_CERTIFICATE_MALFORMED", { afterExtensions: sequence() }],
    ["with something behind the signature", "PKI_CERTIFICATE_MALFORMED", { afterSignature: sequence() }],
    ["with an extension twice", "PKI_CERTIFICATE_MALFORMED", { extensions: [...leafExtensions, digitalSignature] }],
    ["with an unknown critical extension", "PKI_EXTENSION_UNKNOWN", { extensions: [...leafExtensions, unknownCritical] }],
    ...limiting((value) => [...leafExtensions, value]),
    [
      "with an explicit FALSE for critical",
      "PKI_CERTIFICATE_MALFORMED",
      { extensions: [...leafExtensions, sequence(oid("2.5.29.35"), Uint8Array.of(1, 1, 0), der(4, sequence()))] },
    ],
    ["with an X25519 key for signing", "PKI_KEY_WRONG", { spki: x25519Spki, extensions: [name, keyAgreement, purposeUsage(1)] }],
    ["with an Ed25519 key for decryption", "PKI_KEY_WRONG", { extensions: [name, digitalSignature, purposeUsage(2)] }],
    ["with a key of an unknown kind", "PKI_KEY_WRONG", { spki: sequence(sequence(oid("1.3.101.113")), der(3, new Uint8Array(58))) }],
    ["with a damaged key", "PKI_KEY_WRONG", { spki: sequence(sequence(oid("1.3.101.112")), der(3, new Uint8Array(32))) }],

    ["without a subject alternative name", "PKI_NAME_WRONG", { extensions: [digitalSignature, purposeUsage(1)] }],
    [
      "with a common name in its place",
      "PKI_NAME_WRONG",
      { subject: distinguishedName("terminal:1"), extensions: [digitalSignature, purposeUsage(1)] },
    ],
    [
      "with two names",
      "PKI_NAME_WRONG",
      { extensions: [subjectAltName("urn:sealane:terminal:1", "urn:sealane:terminal:2"), digitalSignature, purposeUsage(1)] },
    ],
    [
      "with one name twice",
      "PKI_NAME_WRONG",
      { extensions: [subjectAltName("urn:sealane:terminal:1", "urn:sealane:terminal:1"), digitalSignature, purposeUsage(1)] },
    ],
    ["with no entry in its names", "PKI_CERTIFICATE_MALFORMED", { extensions: [subjectAltName(), digitalSignature, purposeUsage(1)] }],
    [
      "with a DNS name",
      "PKI_NAME_WRONG",
      {
        extensions: [
          extension("2.5.29.17", { critical: true, value: sequence(der(0x82, utf8("urn:sealane:a"))) }),
          digitalSignature,
          purposeUsage(1),
        ],
      },
    ],
    ["with another URI", "PKI_NAME_WRONG", { extensions: [subjectAltName("urn:other:a"), digitalSignature, purposeUsage(1)] }],
    ["with an empty name", "PKI_NAME_WRONG", { extensions: [subjectAltName("urn:sealane:"), digitalSignature, purposeUsage(1)] }],
    ["with a name in capitals", "PKI_NAME_WRONG", { extensions: [subjectAltName("urn:sealane:A"), digitalSignature, purposeUsage(1)] }],
    [
      "with a zero byte in its name",
      "PKI_NAME_WRONG",
      { extensions: [subjectAltName("urn:sealane:a\0"), digitalSignature, purposeUsage(1)] },
    ],

    ["without a purpose", "PKI_PURPOSE_WRONG", { extensions: [name, digitalSignature] }],
    ["with two purposes", "PKI_PURPOSE_WRONG", { extensions: [name, digitalSignature, purposeUsage(1, 21)] }],
    ["with an unknown purpose of ours", "PKI_PURPOSE_WRONG", { extensions: [name, digitalSignature, purposeUsage(99)] }],
    ["with an empty list of purposes", "PKI_CERTIFICATE_MALFORMED", { extensions: [name, digitalSignature, purposeUsage()] }],
    [
      "with a purpose of TLS",
      "PKI_PURPOSE_WRONG",
      { extensions: [name, digitalSignature, extension("2.5.29.37", { critical: true, value: sequence(oid("1.3.6.1.5.5.7.3.1")) })] },
    ],
    [
      "with a purpose that is not critical",
      "PKI_PURPOSE_WRONG",
      {
        extensions: [
          name,
          digitalSignature,
          extension("2.5.29.37", { critical: false, value: sequence(oid("2.25.273132093521790191817862106249223041910.1")) }),
        ],
      },
    ],
    ["without key usage", "PKI_PURPOSE_WRONG", { extensions: [name, purposeUsage(1)] }],
    ["with the key usage of another purpose", "PKI_PURPOSE_WRONG", { extensions: [name, keyAgreement, purposeUsage(1)] }],
    ["with two key usages", "PKI_PURPOSE_WRONG", { extensions: [name, keyUsage(3, 0x88), purposeUsage(1)] }],
    ["with an unknown key usage", "PKI_CERTIFICATE_MALFORMED", { extensions: [name, keyUsage(6, 0x80, 0x40), purposeUsage(1)] }],
    [
      "with key usage that is not critical",
      "PKI_PURPOSE_WRONG",
      { extensions: [name, purposeUsage(1), extension("2.5.29.15", { critical: false, value: der(3, Uint8Array.of(7, 0x80)) })] },
    ],
    [
      "with a CA flag of FALSE that is written",
      "PKI_CERTIFICATE_MALFORMED",
      { extensions: [...leafExtensions, constraints(Uint8Array.of(1, 1, 0))] },
    ],
    ["with a path length but no CA flag", "PKI_CERTIFICATE_MALFORMED", { extensions: [...leafExtensions, constraints(integer(0))] }],
  ];
  for (const [title, code, forgery] of rows) {
    test(title, async () => {
      const forged = await forge(forgery);
      assert.throws(
        () => parseCertificate(forged),
        (error) => hasCode(error, code),
      );
    });
  }
  test("of more than 8 KiB, unread", () =>
    assert.throws(
      () => parseCertificate(new Uint8Array(8193)),
      (error) => hasCode(error, "PKI_CERTIFICATE_TOO_LARGE"),
    ));
});

describe("KCERT: an authority is refused", () => {
  const ca = constraints(isAuthority);
  const rows: readonly (readonly [string, PkiCode, Forgery])[] = [
    ["without key usage", "PKI_ISSUER_NOT_CA", { extensions: [ca] }],
    ["without keyCertSign", "PKI_ISSUER_NOT_CA", { extensions: [ca, keyUsage(1, 0x02)] }],
    [
      "with a list of purposes that is not critical",
      "PKI_PURPOSE_WRONG",
      { extensions: [ca, certificateSigning, extension("2.5.29.37", { critical: false, value: sequence(oid("1.2.3")) })] },
    ],
    ["with a purpose twice", "PKI_CERTIFICATE_MALFORMED", { extensions: [ca, certificateSigning, purposeUsage(1, 1)] }],
    ...limiting((value) => [ca, certificateSigning, value]),
    ["without a subject", "PKI_CERTIFICATE_MALFORMED", { subject: sequence() }],
    ["with a CA flag of FALSE", "PKI_CERTIFICATE_MALFORMED", { extensions: [constraints(Uint8Array.of(1, 1, 0)), certificateSigning] }],
    ["with a key that cannot sign", "PKI_KEY_WRONG", { spki: x25519Spki }],
    [
      "with constraints that are not critical",
      "PKI_CERTIFICATE_MALFORMED",
      { extensions: [extension("2.5.29.19", { critical: false, value: sequence(isAuthority) }), certificateSigning] },
    ],
    [
      "with a negative path length",
      "PKI_CERTIFICATE_MALFORMED",
      { extensions: [constraints(isAuthority, integer(0xff)), certificateSigning] },
    ],
    [
      "with something behind the path length",
      "PKI_CERTIFICATE_MALFORMED",
      { extensions: [constraints(isAuthority, integer(0), integer(0)), certificateSigning] },
    ],
  ];
  for (const [title, code, forgery] of rows) {
    test(title, async () => {
      const forged = await forgeAuthority(forgery);
      assert.throws(
        () => parseCertificate(forged),
        (error) => hasCode(error, code),
      );
    });
  }
});
