import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { SoftwareKey, sha256, suiteNamed, systemRandom } from "@sealane/crypto";
import { maxLicenceBytes, maxMessageBytes, maxRecordBytes, thirdModes } from "@sealane/link";
import { type Purpose, trustAnchor } from "@sealane/pki";
import { createAuthority, issueAuthority, issueCertificate } from "@sealane/pki/issue";
import {
  encodePublication,
  issueLicence,
  licenceId,
  maxPublicationBytes,
  maxReleaseBytes,
  parseLicence,
  parseRelease,
  type SoftwareDescription,
  type StatementSigner,
  signRelease,
  verifyAuthorisation,
} from "@sealane/software";
import { establish, makePair } from "@sealane/testkit";
import { artefactId, digest, encodeAs, type Name, parseName } from "@sealane/wire";
import { broadcastChannelCodec, maxChannelBytes, serverReplyCodec } from "../../src/index.ts";

/**
 * The largest licence and release that there may be on `pq`: a leaf and an intermediate with ML-DSA-65 keys, signatures of that kind, names,
 * models, rights, entry and copyright as long as they may be. To write the vector anew, after a change of the format:
 * SEALANE_MAKE_VECTORS=1 npm test -- --only packages/api/test/vectors
 */
interface Vector {
  readonly nowSeconds: number;
  readonly model: string;
  readonly recipient: string;
  /** Hex: DER of the root, then release and licence. */
  readonly authority: string;
  readonly release: string;
  readonly licence: string;
}

const file = new URL("largest-authorisation.json", import.meta.url);
const nowSeconds = 1_800_000_000;
const validity = { notBeforeSeconds: nowSeconds - 100, notAfterSeconds: nowSeconds + 1_000_000 };
const longName = (letter: string): Name => parseName(letter.repeat(128));
const words = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => `${i}`.padEnd(64, "w"));

const description: SoftwareDescription = {
  module: "m".repeat(64),
  version: "v".repeat(64),
  sequence: nowSeconds,
  models: words(64),
  softwareClass: "application",
  format: "file",
  entry: "e".repeat(255),
  artefactId: artefactId(new Uint8Array(32).fill(1)),
  listDigest: digest(new Uint8Array(32).fill(2)),
  sha256: digest(new Uint8Array(32).fill(3)),
  plaintextBytes: 2 ** 20 * 4_194_304,
  segmentBytes: 4_194_304,
};

async function makeVector(): Promise<Vector> {
  const rootKey = SoftwareKey.generate("ml-dsa-65").signingKey();
  const root = await createAuthority({ name: longName("r"), key: rootKey, ...validity, random: systemRandom });
  const signerOf = async (name: Name, purpose: Purpose): Promise<StatementSigner> => {
    const [between, key] = [SoftwareKey.generate("ml-dsa-65").signingKey(), SoftwareKey.generate("ml-dsa-65").signingKey()];
    const authority = { certificate: root, key: rootKey };
    const purposes: readonly Purpose[] = [purpose];
    const issuer = await issueAuthority({
      authority,
      commonName: "i".repeat(64),
      publicKey: between.publicKey,
      purposes,
      ...validity,
      random: systemRandom,
    });
    const subject = { name, purpose, publicKey: key.publicKey };
    const leaf = await issueCertificate({ authority: { certificate: issuer, key: between }, subject, ...validity, random: systemRandom });
    return { key, chain: [leaf, issuer] };
  };
  const [publisher, issuer, recipient] = [longName("p"), longName("s"), longName("t")];
  const terms = { publisher, publishedAtSeconds: nowSeconds, grade: "confidential", floorSequence: nowSeconds } as const;
  const release = await signRelease({ ...(await signerOf(publisher, "release-sign")), release: { ...description, ...terms } });
  const licence = await issueLicence({
    ...(await signerOf(issuer, "licence-sign")),
    licence: {
      ...description,
      issuer,
      recipient,
      licenceId: licenceId(new Uint8Array(16).fill(4)),
      issuedAtSeconds: nowSeconds,
      notBeforeSeconds: nowSeconds,
      expiresAtSeconds: Number.MAX_SAFE_INTEGER,
      keyExpiresAtSeconds: Number.MAX_SAFE_INTEGER,
      keyRetention: "discard",
      rights: words(32),
      copyright: "c".repeat(1_024),
    },
  });
  const hex = { authority: root.toHex(), release: release.toHex(), licence: licence.toHex() };
  return { nowSeconds, model: description.models[63] ?? "", recipient, ...hex };
}

if (process.env["SEALANE_MAKE_VECTORS"] === "1") writeFileSync(file, `${JSON.stringify(await makeVector(), null, 2)}\n`);
const vector = JSON.parse(readFileSync(file, "utf8")) as Vector;
const [release, licence] = [Uint8Array.fromHex(vector.release), Uint8Array.fromHex(vector.licence)];

test("WHO OPT: the largest release and licence of pq are proven, within their bounds, and hold every field at its longest", () => {
  const anchors = [trustAnchor(Uint8Array.fromHex(vector.authority))];
  const expected = { anchors, nowSeconds: vector.nowSeconds, recipients: [parseName(vector.recipient)], model: vector.model };
  const proven = verifyAuthorisation({ release, licence }, expected);
  assert.deepEqual(proven.release.models, description.models);
  assert.deepEqual([parseRelease(release).chain.length, parseLicence(licence).chain.length], [2, 2]);
  assert.deepEqual([proven.licence.rights.length, proven.licence.copyright?.length], [32, 1_024]);
  assert.ok(release.length > 19_000 && release.length <= maxReleaseBytes, `the release has ${release.length} bytes`);
  assert.ok(licence.length > 22_000 && licence.length <= maxLicenceBytes, `the licence has ${licence.length} bytes`);
  assert.ok(encodePublication({ release, sealedContentKey: new Uint8Array(2_096) }).length <= maxPublicationBytes);
});

test("WHO OPT: they fit a record with the wrap, and statements as large as their bounds do", () => {
  for (const [most, more] of [
    [release, licence],
    [new Uint8Array(maxReleaseBytes), new Uint8Array(maxLicenceBytes)],
  ] as const) {
    const reply = encodeAs(serverReplyCodec, { kind: "authorised", release: most, licence: more, wrap: new Uint8Array(256) });
    assert.ok(reply.length <= maxRecordBytes, `the record has ${reply.length} bytes`);
  }
  const item = { position: Number.MAX_SAFE_INTEGER, message: new Uint8Array(maxMessageBytes), wrap: new Uint8Array(256) };
  const items = Array.from({ length: 16 }, () => ({ ...item, release: new Uint8Array(maxReleaseBytes) }));
  assert.ok(encodeAs(broadcastChannelCodec, { position: Number.MAX_SAFE_INTEGER, items }).length <= maxChannelBytes);
});

test("EQ14 EQ14i EQ14ii EQ14iii WHO OPT: they fit M3 in each of its forms on pq, and come out as they went in", async () => {
  const suite = suiteNamed("pq");
  const pair = await makePair([suite]);
  for (const third of thirdModes) {
    for (const content of [
      { artefactId: description.artefactId, licence, release },
      { artefactId: description.artefactId, licence: new Uint8Array(maxLicenceBytes), release: new Uint8Array(maxReleaseBytes) },
    ]) {
      const wish = { mechanism: "mutual-agreement", suite, originator: "server", options: { third }, third: content } as const;
      const { messages, third: brought } = await establish(pair, wish);
      assert.ok((messages[2]?.length ?? 0) <= maxMessageBytes, `${third}: ${messages[2]?.length} bytes`);
      assert.deepEqual(
        [sha256(brought?.release ?? assert.fail()), sha256(brought?.licence ?? assert.fail())].map((each) => each.toHex()),
        [sha256(content.release).toHex(), sha256(content.licence).toHex()],
      );
    }
  }
});
