import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { SoftwareKey } from "@sealane/crypto";
import { parseName } from "@sealane/wire";
import { type Purpose, purposeOid, trustAnchor, type VerifiedCertificate, verifyCertificate } from "../../src/index.ts";
import { createAuthority, issueCertificate } from "../../src/issue/index.ts";
import { purposes } from "../../src/labels.ts";
import { seededRandom } from "../seeded-random.ts";

interface Vector {
  readonly madeBy: string;
  /** Base64 of DER. */
  readonly root: string;
  readonly chain: readonly string[];
  readonly purpose: Purpose;
  readonly name: string;
  readonly notBeforeSeconds: number;
  readonly notAfterSeconds: number;
  /** The code with which it is refused; a right one has none. */
  readonly refusedWith?: string;
}

const vectors = JSON.parse(readFileSync(new URL("certificates.json", import.meta.url), "utf8")) as readonly Vector[];
const fromBase64 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "base64"));

test("there are vectors", () => assert(vectors.length > 0));

describe("KCERT: certificates of all times are proven, or refused", () => {
  for (const { madeBy, root, chain, purpose, name, notBeforeSeconds, notAfterSeconds, refusedWith } of vectors) {
    test(madeBy, () => {
      const verify = (): VerifiedCertificate =>
        verifyCertificate({
          chain: chain.map(fromBase64),
          anchors: [trustAnchor(fromBase64(root))],
          purpose,
          name: parseName(name),
          nowSeconds: notBeforeSeconds,
        });
      if (refusedWith !== undefined) {
        assert.throws(verify, { code: refusedWith });
        return;
      }
      const proven = verify();
      assert.equal(proven.notBeforeSeconds, notBeforeSeconds);
      assert.equal(proven.notAfterSeconds, notAfterSeconds);
    });
  }
});

test("KCERT: the same key, names, times and randomness give the same certificates", async () => {
  const vector = vectors.find(({ madeBy }) => madeBy.startsWith("Sealane"));
  assert(vector !== undefined);
  const { notBeforeSeconds, notAfterSeconds } = vector;
  const pkcs8 = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.alloc(32, 7)]);
  const key = SoftwareKey.fromPkcs8(pkcs8).signingKey();
  const common = { notBeforeSeconds, notAfterSeconds, random: seededRandom("vector") };
  const certificate = await createAuthority({ name: parseName("authority"), key, ...common });
  const subject = { name: parseName(vector.name), purpose: vector.purpose, publicKey: key.publicKey };
  const leaf = await issueCertificate({ authority: { certificate, key }, subject, ...common });
  assert.equal(Buffer.from(certificate).toString("base64"), vector.root);
  assert.deepEqual([Buffer.from(leaf).toString("base64")], vector.chain);
});

test("KCERT: the object identifiers of the purposes never change", () => {
  const arc = "2.25.273132093521790191817862106249223041910";
  const numbers: Readonly<Record<Purpose, number>> = {
    "terminal-sign": 1,
    "terminal-decrypt": 2,
    "terminal-agree": 3,
    "server-sign": 11,
    "server-decrypt": 12,
    "server-agree": 13,
    "licence-sign": 21,
    "release-sign": 22,
    "enrol-decrypt": 23,
    "order-sign": 24,
  };
  const actual = (Object.keys(purposes) as Purpose[]).map((purpose) => [purpose, purposeOid(purpose)]);
  assert.deepEqual(Object.fromEntries(actual), Object.fromEntries(Object.entries(numbers).map(([purpose, n]) => [purpose, `${arc}.${n}`])));
});
