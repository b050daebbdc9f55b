import { constants, createPrivateKey, privateDecrypt, publicDecrypt, publicEncrypt } from "node:crypto";
import { oaepUnpad, pssR } from "@sealane/crypto";
import { concatBytes, equalBytes } from "@sealane/wire";
import { testKey } from "../../keys/fixed-keys.ts";
import { type FuzzTarget, mustRefuse } from "../target.ts";

/** What stands inside RSA: the blocks that a signature and an encrypted key are, changed before the private operation, as no sender can. */
export async function rsaBlockTargets(): Promise<readonly FuzzTarget[]> {
  return [oaepBlocks(), await pssRBlocks()];
}

const contentKey = new Uint8Array(32).fill(5);

/** A changed block gives what was drawn in place of a key, and no error. */
function oaepBlocks(): FuzzTarget {
  const key = createPrivateKey({ key: Buffer.from(testKey("rsa2048").toPkcs8()), format: "der", type: "pkcs8" });
  const encrypted = publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" }, contentKey);
  const block = privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, encrypted);
  const drawn = new Uint8Array(32).fill(9);
  return {
    name: "OAEP block",
    corpus: [block],
    feed: (input) => {
      using secret = oaepUnpad(input, { bytes: () => Uint8Array.from(drawn) });
      if (!secret.use((bytes) => equalBytes(bytes, drawn))) mustRefuse();
    },
  };
}

async function pssRBlocks(): Promise<FuzzTarget> {
  const key = testKey("rsa2048");
  const own = key.signingKey();
  const input = { protectedBytes: Uint8Array.of(1), externalAad: Uint8Array.of(2) };
  const messages = [new Uint8Array(20).fill(3), new Uint8Array(190).fill(4), new Uint8Array(300).fill(6)];
  const signed = await Promise.all(messages.map(async (message) => await pssR.sign(own, message, input)));
  const native = createPrivateKey({ key: Buffer.from(key.toPkcs8()), format: "der", type: "pkcs8" });
  const blocks = signed.map(({ signature }) => publicDecrypt({ key: native, padding: constants.RSA_NO_PADDING }, signature));
  return {
    name: "PSS-R block",
    corpus: signed.map(({ rest }, at) => concatBytes(blocks[at] ?? new Uint8Array(0), rest)),
    feed: async (changed) => {
      const block = new Uint8Array(256);
      block.set(changed.subarray(0, 256));
      block[0] = (block[0] ?? 0) & 0x7f; // below the modulus
      const rest = changed.subarray(256);
      const isSame = signed.some((each, at) => equalBytes(blocks[at] ?? block, block) && equalBytes(each.rest, rest));
      const signature = (await own.signBlock?.(block)) ?? new Uint8Array(0);
      pssR.recover(key.publicKey, { signature, rest }, input);
      if (!isSame) mustRefuse();
    },
  };
}
