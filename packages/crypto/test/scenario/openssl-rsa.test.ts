import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { without } from "@sealane/testkit/tools";
import {
  type KeyTransport,
  PublicKey,
  pssR,
  rsaOaep2048,
  rsaOaep3072,
  rsaOaep4096,
  SoftwareKey,
  systemRandom,
  verifySignature,
} from "../../src/index.ts";
import { decodePssRBlock } from "../../src/pss-r-block.ts";
import { rsaKey, rsaKinds } from "../keys/rsa-keys.ts";
import { assertReadAndWritten, der, file, openssl, output } from "../openssl-command.ts";

const message = Buffer.from("a message between two implementations");

describe("the openssl command, RSA", { skip: without("openssl") }, () => {
  for (const kind of rsaKinds) {
    test(`reads our ${kind} keys and writes the same bytes`, () => assertReadAndWritten(kind, rsaKey(kind).key));
  }

  test("makes rsa2048 keys that we read", () => {
    const pem = output("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048");
    const pkcs8 = output("pkcs8", "-topk8", "-nocrypt", "-in", file("theirs.pem", pem), "-outform", "DER");
    const spki = output("pkey", "-in", file("theirs.pkcs8", pkcs8), "-inform", "DER", "-pubout", "-outform", "DER");
    const key = SoftwareKey.fromPkcs8(pkcs8);
    assert.equal(key.publicKey.kind, "rsa2048");
    assert.deepEqual(Buffer.from(key.publicKey.spki), spki);
    assert.deepEqual(PublicKey.fromSpki(spki).raw, key.publicKey.raw);
    assert.deepEqual(Buffer.from(key.toPkcs8()), pkcs8);
  });

  for (const kind of rsaKinds) {
    const { key, modulusBytes } = rsaKey(kind);
    const withPublic = (): readonly string[] => ["-pubin", "-inkey", file(`${kind}.spki`, key.publicKey.spki), ...der];
    const withPrivate = (): readonly string[] => ["-inkey", file(`${kind}.pkcs8`, key.toPkcs8()), ...der];
    const options = (...values: readonly string[]): readonly string[] => values.flatMap((value) => ["-pkeyopt", value]);

    test(`${kind}: accepts our PS256 signatures, and we accept its own, with a salt of 32 bytes`, async () => {
      const pss = (saltBytes: number): readonly string[] => [
        ...["-rawin", "-digest", "sha256"],
        ...options("rsa_padding_mode:pss", `rsa_pss_saltlen:${saltBytes}`, "rsa_mgf1_md:sha256"),
      ];
      const input = ["-in", file("message", message)];
      const ours = file("ours.pss", await key.signingKey().sign(message));
      const verify = (saltBytes: number): boolean =>
        openssl("pkeyutl", "-verify", ...withPublic(), ...pss(saltBytes), "-sigfile", ours, ...input).ok;
      assert.deepEqual([32, 31, 33, 0].map(verify), [true, false, false, false]);
      verifySignature(key.publicKey, message, output("pkeyutl", "-sign", ...withPrivate(), ...pss(32), ...input));
      for (const saltBytes of [0, 20, 48]) {
        const other = output("pkeyutl", "-sign", ...withPrivate(), ...pss(saltBytes), ...input);
        assert.throws(() => verifySignature(key.publicKey, message, other), { code: "CRYPTO_SIGNATURE_WRONG" });
      }
    });

    test(`${kind}: unwraps what we wrap by RSA-OAEP-256, and we unwrap what it wraps`, async () => {
      const transports: readonly KeyTransport[] = [rsaOaep2048, rsaOaep3072, rsaOaep4096];
      const oaep = options("rsa_padding_mode:oaep", "rsa_oaep_md:sha256", "rsa_mgf1_md:sha256");
      const content = Buffer.from(systemRandom.bytes(32));
      const wrapped = transports.find(({ keyKind }) => keyKind === kind)?.wrapKey(key.publicKey, content) ?? assert.fail();
      assert.deepEqual(output("pkeyutl", "-decrypt", ...withPrivate(), ...oaep, "-in", file("ours.oaep", wrapped)), content);
      const theirs = output("pkeyutl", "-encrypt", ...withPublic(), ...oaep, "-in", file("content", content));
      const opened = await key.decryptionKey().decapsulate(theirs);
      opened.use((bytes) => assert.deepEqual(Buffer.from(bytes), content));
    });

    test(`EQ2: ${kind}: opens our signatures with recovery to their block`, async () => {
      const { signature } = await pssR.sign(key.signingKey(), message, { protectedBytes: message, externalAad: message });
      const raw = options("rsa_padding_mode:none");
      const block = output("pkeyutl", "-verifyrecover", ...withPublic(), ...raw, "-in", file("ours.pss-r", signature));
      assert.equal(block.length, modulusBytes);
      assert.deepEqual(Buffer.from(decodePssRBlock(block).recoverable), message);
    });
  }
});
