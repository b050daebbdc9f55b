import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type IssueLicenceInput,
  issueLicence,
  issueRelease,
  verifyAuthorisation,
  verifyLicence,
  verifyRelease,
} from "../../src/authorise.ts";
import { MemorySpool, type SealedContent, sealContent } from "../../src/content.ts";
import { makeSigningKey } from "../../src/identity.ts";
import { code, linkedPair, newWorld, type World } from "../world.ts";

async function licensable(world: World): Promise<{ readonly sealed: SealedContent; readonly input: IssueLicenceInput }> {
  const { environment } = world;
  const sealed = await sealContent(new Blob(["a film"]).stream(), { spool: new MemorySpool(), environment });
  const issuer = await world.authority.certify(makeSigningKey(), { name: "studio", purpose: "licence-sign" });
  const software = { module: "film", version: "1.0", sequence: 1 };
  return { sealed, input: { ...software, issuer, artefact: sealed.artefact, recipient: "gateway-1", lifeSeconds: 100, environment } };
}

test("LIC: a licence says what was asked for, and is proven for its recipient, model, artefact and time", async () => {
  const world = await newWorld();
  const { environment } = world;
  const { input, sealed } = await licensable(world);
  const terms = {
    models: ["m1"],
    rights: ["play"],
    copyright: "(c)",
    entry: "bin/film",
    softwareClass: "application",
    format: "tar",
  } as const;
  const keyTerms = { keyExpiresAtSeconds: environment.clock.now + 50, keyRetention: "discard" } as const;
  const issued = await issueLicence({ ...input, ...terms, ...keyTerms, notBeforeSeconds: environment.clock.now + 10 });
  const expected = { trust: [world.authority.anchor], recipient: "gateway-1", model: "m1", toleranceSeconds: 0, environment };
  assert.throws(() => verifyLicence(issued.bytes, expected), code("LICENCE_NOT_YET_VALID"));
  environment.clock.now += 10;
  const licence = verifyLicence(issued.bytes, { ...expected, artefactId: sealed.artefact.artefactId });
  const { issuer, recipient, module, version, sequence, digest, artefactId, licenceId } = licence;
  assert.deepEqual([issuer, recipient, module, version, sequence], ["studio", "gateway-1", "film", "1.0", 1]);
  const hex = (...all: readonly Uint8Array[]): string[] => all.map((bytes) => bytes.toHex());
  assert.deepEqual(hex(digest, artefactId, licenceId), hex(issued.digest, issued.artefactId, issued.licenceId));
  const { models, rights, copyright, entry, softwareClass, format, keyExpiresAtSeconds, keyRetention } = licence;
  assert.deepEqual(
    { models, rights, copyright, entry, softwareClass, format, keyExpiresAtSeconds, keyRetention },
    { ...terms, ...keyTerms },
  );
  assert.throws(() => verifyLicence(issued.bytes, { ...expected, recipient: "gateway-2" }), code("LICENCE_RECIPIENT_WRONG"));
  assert.throws(() => verifyLicence(issued.bytes, { ...expected, recipient: "anonymous" }), code("LICENCE_RECIPIENT_WRONG"));
  assert.throws(() => verifyLicence(issued.bytes, { ...expected, recipient: "*" }), code("LIBRARY_ARGUMENT_WRONG"));
  assert.throws(() => verifyLicence(issued.bytes, { ...expected, model: "m2" }), code("LICENCE_MODEL_WRONG"));
  assert.throws(
    () => verifyLicence(issued.bytes, { ...expected, artefactId: sealed.artefact.sha256 as never }),
    code("LICENCE_ARTEFACT_WRONG"),
  );
  environment.clock.now += 100;
  assert.throws(() => verifyLicence(issued.bytes, expected), code("LICENCE_EXPIRED"));
});

test("LIC: licences for everybody and for the unnamed are for these", async () => {
  const world = await newWorld();
  const { environment } = world;
  const { input } = await licensable(world);
  const given = { trust: [world.authority.anchor], environment };
  const everybody = await issueLicence({ ...input, recipient: "*" });
  for (const recipient of ["gateway-7", "anonymous"]) verifyLicence(everybody.bytes, { ...given, recipient });
  const unnamed = await issueLicence({ ...input, recipient: "anonymous" });
  assert.equal(verifyLicence(unnamed.bytes, { ...given, recipient: "anonymous" }).recipient, "anonymous");
  assert.throws(() => verifyLicence(unnamed.bytes, { ...given, recipient: "gateway-1" }), code("LICENCE_RECIPIENT_WRONG"));
});

test("LIC: what cannot be said, or not by this key, is not issued", async () => {
  const world = await newWorld();
  const { input } = await licensable(world);
  await assert.rejects(issueLicence({ ...input, module: "A Film" }), code("STATEMENT_CONTENT_WRONG"));
  await assert.rejects(issueLicence({ ...input, lifeSeconds: 0 }), code("STATEMENT_CONTENT_WRONG"));
  await assert.rejects(issueLicence({ ...input, recipient: "Nobody!" }), code("LIBRARY_ARGUMENT_WRONG"));
  await assert.rejects(
    issueLicence({ ...input, issuer: world.office.identity.signing[0] ?? assert.fail() }),
    code("STATEMENT_SIGNER_WRONG"),
  );
});

test("a content key is wrapped for one peer and one licence", async () => {
  const world = await newWorld();
  const { input, sealed } = await licensable(world);
  const [licence, another] = [await issueLicence(input), await issueLicence(input)];
  const { office, gateway } = await linkedPair(world);
  const wrapped = office.wrap(sealed.contentKey, licence);
  using contentKey = gateway.unwrap(wrapped, verifyLicence(licence.bytes, { ...world.gateway, recipient: "gateway-1" }));
  assert.equal(
    contentKey.use((got) => sealed.contentKey.use((own) => Buffer.compare(got, own))),
    0,
  );
  assert.throws(() => gateway.unwrap(wrapped, another), code("CRYPTO_OPEN_FAILED"));
  assert.throws(() => office.unwrap(wrapped, licence), code("CRYPTO_OPEN_FAILED"));
  const stranger = await linkedPair(world);
  assert.throws(() => stranger.gateway.unwrap(wrapped, licence), code("CRYPTO_OPEN_FAILED"));
});

/** A release and a licence of one software, their signers apart. */
async function released(world: World) {
  const { environment, authority } = world;
  const { sealed, input } = await licensable(world);
  const publisher = await authority.certify(makeSigningKey(), { name: "maker", purpose: "release-sign" });
  const { artefact, module, version, sequence } = input;
  const software = { artefact, module, version, sequence };
  const release = await issueRelease({ ...software, publisher, environment });
  const licence = await issueLicence(input);
  const trust = [authority.anchor];
  return { sealed, input, publisher, software, release, licence, expected: { trust, recipient: "gateway-1", environment } };
}

test("WHO LIC: a release and a licence are proven together, and only for one and the same software", async () => {
  const world = await newWorld();
  const { environment } = world;
  const { publisher, software, release, licence, input, expected } = await released(world);
  const proven = verifyAuthorisation({ release: release.bytes, licence: licence.bytes }, expected);
  assert.deepEqual([proven.release.publisher, proven.licence.issuer], ["maker", "studio"]);
  assert.deepEqual([proven.release.grade, proven.release.floorSequence], ["confidential", 0]);
  assert.deepEqual([proven.release.digest.toHex(), proven.licence.digest.toHex()], [release.digest.toHex(), licence.digest.toHex()]);
  const other = await issueRelease({ ...software, version: "1.1", publisher, environment });
  assert.throws(() => verifyAuthorisation({ release: other.bytes, licence: licence.bytes }, expected), code("RELEASE_LICENCE_WRONG"));
  const { sealed: another } = await licensable(world);
  const elsewhere = await issueRelease({ ...software, artefact: another.artefact, publisher, environment });
  assert.throws(() => verifyAuthorisation({ release: elsewhere.bytes, licence: licence.bytes }, expected), code("RELEASE_ARTEFACT_WRONG"));
  const foreign = await issueLicence({ ...input, recipient: "gateway-2" });
  assert.throws(() => verifyAuthorisation({ release: release.bytes, licence: foreign.bytes }, expected), code("LICENCE_RECIPIENT_WRONG"));
  const swapped = { release: licence.bytes, licence: release.bytes };
  assert.throws(() => verifyAuthorisation(swapped, expected), code("LICENCE_MALFORMED"));
});

test("WHO: who has the licence issuer's key and everything else of a delivery releases nothing", async () => {
  const world = await newWorld();
  const { environment } = world;
  const { software, release, licence, input, expected } = await released(world);
  await assert.rejects(issueRelease({ ...software, publisher: input.issuer, environment }), code("STATEMENT_SIGNER_WRONG"));
  const stranger = await newWorld();
  const thief = await stranger.authority.certify(makeSigningKey(), { name: "maker", purpose: "release-sign" });
  const forged = await issueRelease({ ...software, publisher: thief, environment });
  assert.throws(() => verifyAuthorisation({ release: forged.bytes, licence: licence.bytes }, expected), code("RELEASE_UNTRUSTED"));
  assert.throws(() => verifyRelease(forged.bytes, expected), code("RELEASE_UNTRUSTED"));
  const both = { ...expected, trust: [...expected.trust, stranger.authority.anchor] };
  assert.equal(verifyRelease(forged.bytes, both).publisher, "maker");
  assert.throws(() => verifyAuthorisation({ release: forged.bytes, licence: licence.bytes }, both), code("RELEASE_UNTRUSTED"));
  const damaged = Uint8Array.from(release.bytes);
  damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1;
  assert.throws(() => verifyAuthorisation({ release: damaged, licence: licence.bytes }, expected), code("RELEASE_SIGNATURE_WRONG"));
});

test("WHO LIC: a release is proven as of now, or of its acceptance; the licence's own dates count as of now", async () => {
  const world = await newWorld();
  const { environment } = world;
  const { publisher, software, input, sealed, expected } = await released(world);
  environment.clock.now += 100; // the publisher's certificate is older than the release
  const lasting = await issueLicence({ ...input, lifeSeconds: 2 * 366 * 86_400 });
  const release = await issueRelease({ ...software, publisher, environment, grade: "public", floorSequence: 1 });
  const received = { release: release.bytes, licence: lasting.bytes };
  const acceptedAtSeconds = environment.clock.now;
  const { artefactId } = sealed.artefact;
  const { grade, floorSequence, publishedAtSeconds } = verifyRelease(release.bytes, { ...expected, artefactId });
  assert.deepEqual([grade, floorSequence, publishedAtSeconds], ["public", 1, acceptedAtSeconds]);
  const wrong = { ...expected, artefactId: sealed.artefact.sha256 as never };
  assert.throws(() => verifyRelease(release.bytes, wrong), code("RELEASE_ARTEFACT_WRONG"));
  environment.clock.now += 400 * 86_400;
  assert.throws(() => verifyRelease(release.bytes, expected), code("RELEASE_PUBLISHER_EXPIRED"));
  assert.equal(verifyAuthorisation(received, { ...expected, acceptedAtSeconds }).release.publisher, "maker");
  environment.clock.now += 400 * 86_400;
  assert.throws(() => verifyAuthorisation(received, { ...expected, acceptedAtSeconds }), code("LICENCE_EXPIRED"));
  environment.clock.now = acceptedAtSeconds - 61;
  assert.throws(() => verifyRelease(release.bytes, expected), code("RELEASE_DATED_AHEAD"));
});

test("WHO: what no release can say is not signed", async () => {
  const world = await newWorld();
  const { environment } = world;
  const { publisher, software } = await released(world);
  for (const wrong of [{ module: "A Film" }, { sequence: environment.clock.now + 1 }, { floorSequence: 2 }])
    await assert.rejects(issueRelease({ ...software, ...wrong, publisher, environment }), code("STATEMENT_CONTENT_WRONG"));
});
