import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { describe, test } from "node:test";
import { type SigningKey, SoftwareKey, sha256 } from "@sealane/crypto";
import { hasCode, parseName, thumbprint } from "@sealane/wire";
import type { PkiCode } from "../../src/errors.ts";
import { type TrustAnchor, trustAnchor, type VerifyCertificateInput, verifyCertificate } from "../../src/index.ts";
import {
  type AuthorityForgery,
  certificateSigning,
  constraints,
  distinguishedName,
  extension,
  type Forgery,
  forge,
  forgeAuthority,
  integer,
  isAuthority,
  leafKey,
  oid,
  purposeUsage,
  rootKey,
  rootName,
  sequence,
  utcTime,
  validNowSeconds,
} from "../forged-certificate.ts";

const throwsCode = (run: () => unknown, code: PkiCode): void => assert.throws(run, (error) => hasCode(error, code));

const root = trustAnchor(await forgeAuthority());
const leaf = await forge();
const right: VerifyCertificateInput = { chain: [leaf], anchors: [root], purpose: "terminal-sign", nowSeconds: validNowSeconds };
const verify = (changes: Partial<VerifyCertificateInput>): unknown => verifyCertificate({ ...right, ...changes });

/** The purpose of the leaf, and others: their numbers. */
const [terminalSign, licenceSign, releaseSign, unknownPurpose] = [1, 21, 22, 99];

/** A chain of intermediates below the root, the leaf first; each lists the leaf's purpose unless told. */
async function chainOf(intermediates: readonly AuthorityForgery[], leafForgery: Forgery = {}): Promise<Uint8Array[]> {
  const chain: Uint8Array[] = [];
  let issuer = { name: rootName, key: rootKey };
  for (const [i, forgery] of intermediates.entries()) {
    const own = { name: distinguishedName(`intermediate ${i}`), key: SoftwareKey.generate("ed25519") };
    const made = { subject: own.name, issuer: issuer.name, key: own.key, certifies: [terminalSign], ...forgery };
    chain.unshift(await forgeAuthority(made, issuer.key.signingKey()));
    issuer = own;
  }
  chain.unshift(await forge({ issuer: issuer.name, ...leafForgery }, issuer.key.signingKey()));
  return chain;
}

test("KCERT: a certificate below a trusted root is proven", () => {
  const proven = verifyCertificate({ ...right, name: parseName("terminal:1") });
  assert.equal(proven.name, "terminal:1");
  assert.equal(proven.purpose, "terminal-sign");
  assert.equal(Buffer.compare(proven.der, leaf), 0);
  assert.equal(Buffer.compare(proven.thumbprint, sha256(leaf)), 0);
  assert.equal(Buffer.compare(proven.publicKey.spki, leafKey.publicKey.spki), 0);
  assert.equal(proven.anchor, root);
  assert.equal(proven.chain.length, 1);
});

test("KCERT: a chain of three intermediates is proven, one of four is too long", async () => {
  const three = await chainOf([{}, {}, {}]);
  assert.equal(verifyCertificate({ ...right, chain: three }).chain.length, 4);
  const four = await chainOf([{}, {}, {}, {}]);
  throwsCode(() => verify({ chain: four }), "PKI_CHAIN_LENGTH_WRONG");
  throwsCode(() => verify({ chain: [] }), "PKI_CHAIN_LENGTH_WRONG");
});

describe("KCERT: path lengths", () => {
  const rows: readonly (readonly [string, readonly number[], boolean])[] = [
    ["1, 0 above one leaf", [1, 0], true],
    ["0, 0 above one leaf", [0, 0], false],
    ["2, 1, 0 above one leaf", [2, 1, 0], true],
    ["2, 0, 0 above one leaf", [2, 0, 0], false],
    ["1, 1, 0 above one leaf", [1, 1, 0], false],
  ];
  for (const [title, lengths, accepted] of rows) {
    test(`${title} are ${accepted ? "accepted" : "refused"}`, async () => {
      const [rootLength = 0, ...below] = lengths;
      const anchors = [trustAnchor(await forgeAuthority({ pathLength: rootLength }))];
      const chain = await chainOf(below.map((pathLength) => ({ pathLength })));
      if (accepted) verifyCertificate({ ...right, chain, anchors });
      else throwsCode(() => verify({ chain, anchors }), "PKI_PATH_TOO_LONG");
    });
  }
});

describe("KCERT: issuers", () => {
  test("that are end entities are refused", async () => {
    const forged = await forge({ issuer: distinguishedName("a leaf") }, leafKey.signingKey());
    const issuing = await forge({ subject: distinguishedName("a leaf") });
    throwsCode(() => verify({ chain: [forged, issuing] }), "PKI_ISSUER_NOT_CA");
  });
  test("without keyCertSign are refused", async () => {
    const chain = await chainOf([{ extensions: [constraints(isAuthority)] }]);
    throwsCode(() => verify({ chain }), "PKI_ISSUER_NOT_CA");
  });
  test("whose name differs by one byte are refused", async () => {
    throwsCode(() => verify({ chain: [leaf], anchors: [] }), "PKI_CHAIN_UNTRUSTED");
    const other = await forge({ issuer: distinguishedName("roos") });
    throwsCode(() => verify({ chain: [other] }), "PKI_CHAIN_UNTRUSTED");
    const [first, second] = await chainOf([{}], { issuer: distinguishedName("intermediate 1") });
    assert(first !== undefined && second !== undefined);
    throwsCode(() => verify({ chain: [first, second] }), "PKI_CHAIN_UNTRUSTED");
  });
  test("in the wrong order are refused", async () => {
    const [a, b, c] = await chainOf([{}, {}]);
    assert(a !== undefined && b !== undefined && c !== undefined);
    throwsCode(() => verify({ chain: [a, c, b] }), "PKI_CHAIN_UNTRUSTED");
    throwsCode(() => verify({ chain: [a, c] }), "PKI_CHAIN_UNTRUSTED");
  });
  test("that are the root itself are refused in the chain", () =>
    throwsCode(() => verify({ chain: [leaf, root.der] }), "PKI_CHAIN_UNTRUSTED"));
});

describe("KCERT: signatures", () => {
  test("by another root of the same name are refused", async () => {
    const key = SoftwareKey.generate("ed25519");
    const impostor = trustAnchor(await forgeAuthority({ key }));
    throwsCode(() => verify({ anchors: [impostor] }), "PKI_SIGNATURE_WRONG");
  });
  test("choose between two trusted roots of one name", async () => {
    const other = trustAnchor(await forgeAuthority({ key: SoftwareKey.generate("ed25519") }));
    const anchors: readonly TrustAnchor[] = [other, root];
    assert.equal(verifyCertificate({ ...right, anchors }).anchor, root);
  });
  test("of zeros, of another key and of another length are refused", async () => {
    const forged = [
      await forge({ signature: new Uint8Array(64) }),
      await forge({}, leafKey.signingKey()),
      await forge({ signature: new Uint8Array(0) }),
      await forge({ signature: new Uint8Array(65) }),
    ];
    for (const der of forged) throwsCode(() => verify({ chain: [der] }), "PKI_SIGNATURE_WRONG");
  });
  test("at every place of a chain are checked", async () => {
    const signature = new Uint8Array(64);
    const chains = [await chainOf([{ signature }, {}]), await chainOf([{}, { signature }]), await chainOf([{}, {}], { signature })];
    for (const chain of chains) throwsCode(() => verify({ chain }), "PKI_SIGNATURE_WRONG");
    assert(verifyCertificate({ ...right, chain: await chainOf([{}, {}]) }));
  });
});

describe("KCERT, WHO: an intermediate certifies only what it lists", () => {
  const refused = async (intermediates: readonly AuthorityForgery[]): Promise<void> => {
    const chain = await chainOf(intermediates);
    throwsCode(() => verify({ chain }), "PKI_ISSUER_PURPOSE_WRONG");
  };
  test("alone or among others", async () => {
    for (const certifies of [[terminalSign], [releaseSign, terminalSign, unknownPurpose]]) {
      assert(verifyCertificate({ ...right, chain: await chainOf([{ certifies }]) }));
    }
  });
  test("and nothing without a list, or with one of other purposes", async () => {
    for (const certifies of [undefined, [releaseSign], [licenceSign, releaseSign], [unknownPurpose]]) await refused([{ certifies }]);
  });
  test("at every place of a chain", async () => {
    const [lists, listsNot] = [{ certifies: [terminalSign] }, { certifies: [releaseSign] }];
    for (const chain of [
      [listsNot, lists],
      [lists, listsNot],
      [lists, listsNot, lists],
    ])
      await refused(chain);
    assert(verifyCertificate({ ...right, chain: await chainOf([lists, lists, lists]) }));
  });
  test("and any purpose is none", async () => {
    const any = extension("2.5.29.37", { critical: true, value: sequence(oid("2.5.29.37.0")) });
    await refused([{ extensions: [constraints(isAuthority), certificateSigning, any] }]);
  });
  test("where the list is critical and names nothing twice", async () => {
    const list = (critical: boolean, ...numbers: readonly number[]): Uint8Array =>
      extension("2.5.29.37", {
        critical,
        value: sequence(...numbers.map((number) => oid(`2.25.273132093521790191817862106249223041910.${number}`))),
      });
    const chainWith = async (usage: Uint8Array): Promise<Uint8Array[]> =>
      await chainOf([{ extensions: [constraints(isAuthority), certificateSigning, usage] }]);
    const [loose, twice, once] = [await chainWith(list(false, 1)), await chainWith(list(true, 1, 1)), await chainWith(list(true, 1))];
    throwsCode(() => verify({ chain: loose }), "PKI_PURPOSE_WRONG");
    throwsCode(() => verify({ chain: twice }), "PKI_CERTIFICATE_MALFORMED");
    assert(verifyCertificate({ ...right, chain: once }));
  });
  test("a root lists none", async () => {
    const listing = await forgeAuthority({ certifies: [terminalSign] });
    throwsCode(() => trustAnchor(listing), "PKI_PURPOSE_WRONG");
  });
});

describe("KCERT: of a certificate signed with P-256 and its twin", () => {
  const key = SoftwareKey.generate("p256");
  const algorithm = { innerAlgorithm: sequence(oid("1.2.840.10045.4.3.2")) };
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const number = (value: bigint): Uint8Array => {
    const bytes = Uint8Array.fromHex(value.toString(16).padStart(64, "0"));
    const digits = bytes.subarray(bytes.findIndex((byte) => byte !== 0));
    return integer(...((digits[0] ?? 0) >= 0x80 ? [0] : []), ...digits);
  };
  /** The same certificate signed r, s and r, -s. */
  async function twins(forgery: Forgery, by: SoftwareKey): Promise<readonly [Uint8Array, Uint8Array]> {
    const halves: { low: Uint8Array; high: Uint8Array } = { low: new Uint8Array(0), high: new Uint8Array(0) };
    const signer = {
      ...by.signingKey(),
      sign: async (message: Uint8Array) => {
        const raw = await by.signingKey().sign(message);
        const [r, s] = [BigInt(`0x${raw.subarray(0, 32).toHex()}`), BigInt(`0x${raw.subarray(32).toHex()}`)];
        halves.low = sequence(number(r), number(s));
        halves.high = sequence(number(r), number(order - s));
        return halves.low;
      },
    };
    const low = await forge({ ...algorithm, ...forgery }, signer);
    return [low, await forge({ ...algorithm, ...forgery, signature: halves.high })];
  }
  test("the one with the low s alone is proven, as leaf and as intermediate", async () => {
    const anchors = [trustAnchor(await forgeAuthority({ ...algorithm, key }, p256Der(key)))];
    const [leafLow, leafHigh] = await twins({}, key);
    assert(new X509Certificate(leafHigh).verify(new X509Certificate(anchors[0]?.der ?? assert.fail()).publicKey), "OpenSSL takes both");
    assert(verifyCertificate({ ...right, anchors, chain: [leafLow] }));
    throwsCode(() => verify({ anchors, chain: [leafHigh] }), "PKI_SIGNATURE_WRONG");
    const between = SoftwareKey.generate("ed25519");
    const name = distinguishedName("between");
    const extensions = [constraints(isAuthority), certificateSigning, purposeUsage(terminalSign)];
    const [low, high] = await twins({ subject: name, spki: between.publicKey.spki, extensions }, key);
    const below = await forge({ issuer: name }, between.signingKey());
    assert(verifyCertificate({ ...right, anchors, chain: [below, low] }));
    throwsCode(() => verify({ anchors, chain: [below, high] }), "PKI_SIGNATURE_WRONG");
  });

  function p256Der(by: SoftwareKey): SigningKey {
    const handle = by.signingKey();
    return {
      ...handle,
      sign: async (message) => {
        const raw = await handle.sign(message);
        return sequence(...[raw.subarray(0, 32), raw.subarray(32)].map((half) => number(BigInt(`0x${half.toHex()}`))));
      },
    };
  }
});

describe("KCERT: validity", () => {
  const from2025to2026 = sequence(utcTime("250101000000Z"), utcTime("261231235959Z"));
  const first = Date.UTC(2025, 0, 1) / 1000;
  const last = Date.UTC(2027, 0, 1) / 1000 - 1;
  const rows: readonly (readonly [string, number, PkiCode | null])[] = [
    ["one second early", first - 1, "PKI_CERTIFICATE_NOT_YET_VALID"],
    ["in the first second", first, null],
    ["in the last second", last, null],
    ["one second late", last + 1, "PKI_CERTIFICATE_EXPIRED"],
    ["at no time", Number.NaN, "PKI_CERTIFICATE_NOT_YET_VALID"],
    ["at the end of time", Number.POSITIVE_INFINITY, "PKI_CERTIFICATE_EXPIRED"],
    ["before 1970", -1, "PKI_CERTIFICATE_NOT_YET_VALID"],
  ];
  for (const [title, nowSeconds, code] of rows) {
    test(`of every element is judged ${title}`, async () => {
      const chains = [await chainOf([{}], { validity: from2025to2026 }), await chainOf([{ validity: from2025to2026 }])];
      const shortRoot = trustAnchor(await forgeAuthority({ validity: from2025to2026 }));
      const inputs = [...chains.map((chain) => ({ chain, nowSeconds })), { anchors: [shortRoot], nowSeconds }];
      for (const input of inputs) {
        if (code !== null) throwsCode(() => verify(input), code);
        else assert.deepEqual(pick(verifyCertificate({ ...right, ...input })), [first, last]);
      }
    });
  }
  const pick = (proven: { readonly notBeforeSeconds: number; readonly notAfterSeconds: number }): readonly number[] => [
    proven.notBeforeSeconds,
    proven.notAfterSeconds,
  ];
});

describe("KCERT: what is proven is", () => {
  test("the purpose that was asked for", () => throwsCode(() => verify({ purpose: "licence-sign" }), "PKI_PURPOSE_WRONG"));
  test("no authority", async () => {
    const authority = await forgeAuthority({ issuer: rootName, subject: distinguishedName("a") }, rootKey.signingKey());
    throwsCode(() => verify({ chain: [authority] }), "PKI_PURPOSE_WRONG");
  });
  test("the party that was asked for", () => throwsCode(() => verify({ name: parseName("terminal:2") }), "PKI_NAME_WRONG"));
});

describe("the order of checks is fixed: of two faults the earlier is told", () => {
  const expired = sequence(utcTime("200101000000Z"), utcTime("210101000000Z"));
  const rows: readonly (readonly [string, PkiCode, Forgery, Partial<VerifyCertificateInput>])[] = [
    ["structure before trust", "PKI_CERTIFICATE_MALFORMED", { version: sequence() }, { anchors: [] }],
    ["trust before signature", "PKI_CHAIN_UNTRUSTED", { signature: new Uint8Array(64), issuer: distinguishedName("x") }, {}],
    ["signature before validity", "PKI_SIGNATURE_WRONG", { signature: new Uint8Array(64), validity: expired }, {}],
    ["validity before purpose", "PKI_CERTIFICATE_EXPIRED", { validity: expired }, { purpose: "server-sign" }],
    ["purpose before name", "PKI_PURPOSE_WRONG", {}, { purpose: "server-sign", name: parseName("x") }],
  ];
  test("the leaf's purpose before the issuer's, and that before the name", async () => {
    const chain = await chainOf([{ certifies: [releaseSign] }]);
    throwsCode(() => verify({ chain, purpose: "server-sign" }), "PKI_PURPOSE_WRONG");
    throwsCode(() => verify({ chain, name: parseName("x") }), "PKI_ISSUER_PURPOSE_WRONG");
  });
  for (const [title, code, forgery, changes] of rows) {
    test(title, async () => {
      const chain = [await forge(forgery)];
      throwsCode(() => verify({ chain, ...changes }), code);
    });
  }
});

describe("KCERT, KDIR: a trust anchor", () => {
  test("is compared with its fingerprint before it is read", async () => {
    const der = await forgeAuthority();
    assert.equal(Buffer.compare(trustAnchor(der, { fingerprint: thumbprint(sha256(der)) }).thumbprint, sha256(der)), 0);
    throwsCode(() => trustAnchor(der, { fingerprint: thumbprint(new Uint8Array(32)) }), "PKI_FINGERPRINT_WRONG");
    throwsCode(() => trustAnchor(new Uint8Array(3), { fingerprint: thumbprint(new Uint8Array(32)) }), "PKI_FINGERPRINT_WRONG");
  });
  test("is an authority", async () => {
    const selfSigned = await forge({ issuer: rootName, subject: rootName }, leafKey.signingKey());
    throwsCode(() => trustAnchor(selfSigned), "PKI_ISSUER_NOT_CA");
    throwsCode(() => trustAnchor(new Uint8Array(9000)), "PKI_CERTIFICATE_TOO_LARGE");
    throwsCode(() => trustAnchor(new Uint8Array(3)), "PKI_CERTIFICATE_MALFORMED");
  });
  test("is self-signed", async () => {
    const otherIssuer = await forgeAuthority({ issuer: distinguishedName("other") });
    throwsCode(() => trustAnchor(otherIssuer), "PKI_ANCHOR_NOT_SELF_SIGNED");
    const otherKey = await forgeAuthority({}, leafKey.signingKey());
    throwsCode(() => trustAnchor(otherKey), "PKI_ANCHOR_NOT_SELF_SIGNED");
    const withoutSigning = await forgeAuthority({ extensions: [constraints(isAuthority)] });
    throwsCode(() => trustAnchor(withoutSigning), "PKI_ISSUER_NOT_CA");
    assert(trustAnchor(await forgeAuthority({ extensions: [constraints(isAuthority), certificateSigning] })));
  });
});
