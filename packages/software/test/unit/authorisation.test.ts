import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { systemRandom } from "@sealane/crypto";
import { digest, parseName } from "@sealane/wire";
import { type VerifyAuthorisationInput, verifyAuthorisation } from "../../src/authorisation.ts";
import { issueLicence, type LicenceContent, licenceId } from "../../src/licence.ts";
import { type ReleaseContent, signRelease } from "../../src/release.ts";
import type { SoftwareDescription } from "../../src/software-description.ts";
import { daySeconds, description, makeAuthority, makeSigner, nowSeconds, type Signer, type TestAuthority } from "../signers.ts";

const authority = await makeAuthority();
const publisher = await makeSigner(authority, "publisher", "release-sign");
const issuer = await makeSigner(authority, "server", "licence-sign");

async function licenceOf(changes: Partial<LicenceContent> = {}, signer: Signer = issuer): Promise<Uint8Array> {
  const licence: LicenceContent = {
    ...description,
    issuer: parseName("server"),
    recipient: parseName("gateway-1"),
    licenceId: licenceId(systemRandom.bytes(16)),
    issuedAtSeconds: nowSeconds,
    notBeforeSeconds: nowSeconds,
    expiresAtSeconds: nowSeconds + 1_000 * daySeconds,
    rights: [],
    copyright: null,
    ...changes,
  };
  return await issueLicence({ ...signer, licence });
}

async function releaseOf(changes: Partial<ReleaseContent> = {}, signer: Signer = publisher): Promise<Uint8Array> {
  const terms = { publisher: parseName("publisher"), publishedAtSeconds: nowSeconds, grade: "confidential" } as const;
  return await signRelease({ ...signer, release: { ...description, ...terms, ...changes } });
}

const input: VerifyAuthorisationInput = {
  anchors: [authority.anchor],
  nowSeconds,
  recipients: [parseName("gateway-1")],
  model: description.models[0] ?? "",
};
const [licence, release] = [await licenceOf(), await releaseOf()];

describe("an authorisation", () => {
  test("WHO: proves publisher and issuer of one software", () => {
    const proven = verifyAuthorisation({ release, licence }, input);
    assert.deepEqual([proven.release.certificate.name, proven.licence.certificate.name], ["publisher", "server"]);
    assert.ok(Object.isFrozen(proven));
  });

  const rows: readonly (readonly [title: string, changes: Partial<SoftwareDescription>])[] = [
    ["module", { module: "other" }],
    ["version", { version: "9" }],
    ["sequence", { sequence: description.sequence + 1 }],
    ["models", { models: [...description.models, "m-more"] }],
    ["class", { softwareClass: description.softwareClass === "system" ? "content" : "system" }],
    ["format", { format: description.format === "tar" ? "file" : "tar" }],
    ["entry", { entry: "bin/other" }],
    ["list of digests", { listDigest: digest(new Uint8Array(32)) }],
    ["sha256", { sha256: digest(new Uint8Array(32)) }],
    ["segment size", { segmentBytes: 65_536 }],
  ];
  for (const [title, changes] of rows) {
    test(`WHO: is refused where the release names another ${title} than the licence`, async () => {
      const [changed, changedToo] = [await releaseOf(changes), await licenceOf(changes)];
      assert.throws(() => verifyAuthorisation({ release: changed, licence }, input), { code: "RELEASE_LICENCE_WRONG" });
      assert.throws(() => verifyAuthorisation({ release, licence: changedToo }, input), { code: "RELEASE_LICENCE_WRONG" });
      assert.ok(verifyAuthorisation({ release: changed, licence: changedToo }, input), "it is the difference that is refused");
    });
  }

  test("WHO: is refused with a release of another artefact, by another purpose, of another authority, or none", async () => {
    const artefactId = digest(new Uint8Array(32)) as never;
    const refused = (other: Uint8Array, code: string, anchors = input.anchors): void =>
      assert.throws(() => verifyAuthorisation({ release: other, licence }, { ...input, anchors }), { code });
    refused(await releaseOf({ artefactId }), "RELEASE_ARTEFACT_WRONG");
    refused(licence, "RELEASE_MALFORMED");
    refused(new Uint8Array(0), "RELEASE_MALFORMED");
    const stranger: TestAuthority = await makeAuthority();
    const foreign = await releaseOf({}, await makeSigner(stranger, "publisher", "release-sign"));
    refused(foreign, "RELEASE_UNTRUSTED");
    refused(foreign, "RELEASE_UNTRUSTED", [authority.anchor, stranger.anchor]);
    assert.throws(() => verifyAuthorisation({ release, licence: release }, input), { code: "LICENCE_MALFORMED" });
  });

  test("WHO: certificates are judged as of its acceptance, the licence's dates as of now", async () => {
    const later = nowSeconds + 400 * daySeconds; // both certificates have ended
    assert.throws(() => verifyAuthorisation({ release, licence }, { ...input, nowSeconds: later }), { code: "LICENCE_EXPIRED" });
    assert.ok(verifyAuthorisation({ release, licence }, { ...input, nowSeconds: later, acceptedAtSeconds: nowSeconds }));
    const accepted = { ...input, acceptedAtSeconds: nowSeconds };
    const over = { ...accepted, nowSeconds: nowSeconds + 1_000 * daySeconds + 61 };
    assert.throws(() => verifyAuthorisation({ release, licence }, over), { code: "LICENCE_EXPIRED" });
    const tooLate = { ...input, acceptedAtSeconds: later };
    assert.throws(() => verifyAuthorisation({ release, licence }, tooLate), { code: "LICENCE_EXPIRED" });
    const longer = await makeSigner(authority, "server", "licence-sign", 800);
    const lasting = await licenceOf({}, longer);
    assert.throws(() => verifyAuthorisation({ release, licence: lasting }, tooLate), { code: "RELEASE_PUBLISHER_EXPIRED" });
  });
});
