import assert from "node:assert/strict";
import { test } from "node:test";
import { type IssueLicenceInput, issueLicence, verifyLicence } from "../../src/authorise.ts";
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
  assert.throws(() => verifyLicence(issued.bytes, { ...expected, recipient: "*" }), code("WIRE_SHAPE_WRONG"));
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
  await assert.rejects(issueLicence({ ...input, recipient: "Nobody!" }), code("WIRE_SHAPE_WRONG"));
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
