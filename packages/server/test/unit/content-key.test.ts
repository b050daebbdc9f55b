import assert from "node:assert/strict";
import { test } from "node:test";
import { standardSuites, systemRandom } from "@sealane/crypto";
import type { CertifiedKey, Self } from "@sealane/link";
import { parseSealedContentKey, type SealedKeyBinding, sealContentKey, takeContentKey } from "@sealane/software";
import { makeAuthority, makeParty } from "@sealane/testkit";
import { artefactId, equalBytes, hasCode, parseName } from "@sealane/wire";
import { contentKeyOf, resealContentKeys } from "../../src/key/content-key.ts";
import type { SealedKeyRow } from "../../src/storage/releases.ts";

const release: SealedKeyBinding = {
  artefactId: artefactId(new Uint8Array(32).fill(1)),
  module: "app",
  sequence: 1,
  publisher: parseName("publisher"),
  grade: "confidential",
};
const authority = await makeAuthority();
const { self } = await makeParty(authority, { name: "server.test", role: "server", suites: standardSuites });
const [first, second] = self.decryption;
if (first === undefined || second === undefined) throw new Error("the standard suites have two kinds of key");

const seal = ({ certificate }: { readonly certificate: typeof first.certificate }): Uint8Array =>
  sealContentKey({ contentKey: takeContentKey(new Uint8Array(32).fill(5)), release, keyRole: certificate });

test("UNI: a content key that is sealed to a certificate of before, which was renewed for the same key, is opened and sealed anew", async () => {
  const { self: renewed } = await makeParty(authority, { name: "server.test", role: "server", suites: standardSuites });
  const now: Self = {
    ...self,
    decryption: self.decryption.map((own, i): (typeof self.decryption)[number] => {
      const { certificate } = renewed.decryption[i] ?? own;
      return { key: own.key, certificate: { ...certificate, publicKey: own.key.publicKey } };
    }),
  };
  for (const own of [first, second]) {
    const before = seal(own);
    using opened = await contentKeyOf({ self: now }, release, before);
    opened.use((bytes) => assert.ok(bytes.every((byte) => byte === 5)));
    const rows: SealedKeyRow[] = [{ release: release as never, sealedContentKey: before }];
    const stores = {
      releases: {
        sealedKeys: async () => rows,
        reseal: async (_: unknown, { after }: { readonly after: Uint8Array }) => {
          rows[0] = { release: release as never, sealedContentKey: after };
          return true;
        },
      },
    };
    const role = { self: now, random: systemRandom, stores: stores as never };
    assert.deepEqual(await resealContentKeys(role), { resealed: 1, failures: [] });
    const { keyRole } = parseSealedContentKey(rows[0]?.sealedContentKey ?? assert.fail());
    assert.ok(equalBytes(keyRole, now.decryption[0]?.certificate.thumbprint ?? assert.fail()));
    assert.deepEqual(await resealContentKeys(role), { resealed: 0, failures: [] });
    await assert.rejects(contentKeyOf({ self }, { ...release, grade: "public" }, before), (error) => hasCode(error, "RELEASE_KEY_WRONG"));
  }
});

test("UNI: a content key that is sealed to no key of this server is refused", async () => {
  const stranger: CertifiedKey<unknown> =
    (await makeParty(await makeAuthority(), { name: "other", role: "server", suites: standardSuites })).self.decryption[0] ?? assert.fail();
  await assert.rejects(contentKeyOf({ self }, release, seal(stranger)), (error) => hasCode(error, "RELEASE_KEY_WRONG"));
});
