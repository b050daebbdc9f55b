import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SoftwareKey, sha256 } from "@sealane/crypto";
import { hasCode, parseName, thumbprint } from "@sealane/wire";
import type { PkiCode } from "../../src/errors.ts";
import { type TrustAnchor, trustAnchor, type VerifyCertificateInput, verifyCertificate } from "../../src/index.ts";
import {
  certificateSigning,
  constraints,
  distinguishedName,
  type Forgery,
  forge,
  forgeAuthority,
  isAuthority,
  leafKey,
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

/** A chain of `depth` intermediates below the root, the leaf first. */
async function chainOf(
  intermediates: readonly (Forgery & { readonly pathLength?: number })[],
  leafForgery: Forgery = {},
): Promise<Uint8Array[]> {
  const chain: Uint8Array[] = [];
  let issuer = { name: rootName, key: rootKey };
  for (const [i, forgery] of intermediates.entries()) {
    const own = { name: distinguishedName(`intermediate ${i}`), key: SoftwareKey.generate("ed25519") };
    chain.unshift(await forgeAuthority({ subject: own.name, issuer: issuer.name, key: own.key, ...forgery }, issuer.key.signingKey()));
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
