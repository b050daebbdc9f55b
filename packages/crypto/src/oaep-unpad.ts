import { aeadKeyBytes } from "./aead.ts";
import { digestBytes, sha256 } from "./hash.ts";
import { maskInPlace } from "./mgf1.ts";
import { type Randomness, systemRandom } from "./random.ts";
import { Secret } from "./secret.ts";

/** SHA-256 of the empty label. */
const labelHash = sha256(new Uint8Array(0));

/**
 * The content key (32 bytes) in a block of RSA-OAEP with SHA-256 and an empty label, for tokens that give the bare RSA operation
 * only: EME-OAEP decoding of RFC 8017, section 7.1.2, step 3.
 *
 * A block of any other form gives 32 random bytes, so that nothing but the AEAD behind it fails: who can tell one malformed block
 * from another reads every message (Manger, CRYPTO 2001). For the same reason there is no branch and no index that depends on the
 * block. As its content always has 32 bytes, every other byte has one right value, and nothing has to be looked for.
 * Takes all bytes of the modulus, leading zeros included; the length alone is public. The caller wipes the block.
 */
export function oaepUnpad(block: Uint8Array, random: Randomness = systemRandom): Secret<"kem secret"> {
  const result = random.bytes(aeadKeyBytes);
  const contentAt = block.length - 1 - digestBytes - aeadKeyBytes; // in the data block
  if (contentAt <= digestBytes) return Secret.take("kem secret", result);
  const seed = Uint8Array.from(block.subarray(1, 1 + digestBytes)); // a slice of a Buffer would be no copy
  const data = Uint8Array.from(block.subarray(1 + digestBytes));
  maskInPlace(seed, data);
  maskInPlace(data, seed);
  let wrong = block[0] ?? 0;
  for (let i = 0; i < contentAt; i++) wrong |= (data[i] ?? 0) ^ expectedByte(i, contentAt);
  const good = (wrong - 1) >> 31; // every bit where nothing was wrong, else none
  for (let i = 0; i < aeadKeyBytes; i++) result[i] = ((data[contentAt + i] ?? 0) & good) | ((result[i] ?? 0) & ~good);
  seed.fill(0);
  data.fill(0);
  return Secret.take("kem secret", result);
}

/** What stands before the content: the label's digest, zeros, 01. Depends on public places only. */
function expectedByte(at: number, contentAt: number): number {
  if (at < digestBytes) return labelHash[at] ?? 0;
  return at === contentAt - 1 ? 1 : 0;
}
