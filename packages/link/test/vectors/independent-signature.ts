import { constants, createHash, type createPublicKey, publicDecrypt, verify, X509Certificate } from "node:crypto";
import type { CborValue } from "@sealane/wire";
import { encode, keyOf, type PlainParty } from "./independent-schedule.ts";
import type { Vector } from "./vector.ts";

/**
 * An M1 that is a signature once more, on node:crypto alone (docs/protocol.md, suites; RFC 9052, section 4.4): what a second
 * implementation compares and checks. Only the array was taken apart before.
 */

/** Who signed, in the words of the header. */
type Signer = "x5chain" | "x5t";

/** COSE algorithms of signatures that bring their payload. */
const algorithms: Readonly<Record<Vector["suite"], number>> = {
  x25519: -19,
  hybrid: -19,
  p256: -9,
  rsa2048: -65539,
  rsa3072: -65539,
  rsa4096: -65539,
  pq: -49,
};

/** Which of the two ways the header says it, and the payload, once everything is right; null for a signature that is not. */
export function signerOf(
  vector: Vector,
  message: readonly CborValue[],
  party: PlainParty,
): { readonly signer: Signer; readonly payload: Uint8Array } | null {
  const [version, mechanism, number, sender, suite, body] = message;
  const signature = vector.mechanism === "signed-agreement" ? (body as readonly CborValue[])[2] : body;
  const [header, unprotected, carried, bytes] = signature as readonly CborValue[];
  const certificate = Buffer.from(keyOf(party, vector.suite, "sign").certificate, "hex");
  const { publicKey, fingerprint256 } = new X509Certificate(certificate);
  const thumbprint = Buffer.from(fingerprint256.replaceAll(":", ""), "hex");
  // A map of two: {1: algorithm, 33: certificate}, {1: algorithm, 34: [-16, thumbprint]}.
  const head = Buffer.concat([Buffer.of(0xa2, 0x01), encode(algorithms[vector.suite])]);
  const headers: Readonly<Record<Signer, Buffer>> = {
    x5chain: Buffer.concat([head, Buffer.of(0x18, 33), encode(certificate)]),
    x5t: Buffer.concat([head, Buffer.of(0x18, 34, 0x82, 0x2f), encode(thumbprint)]),
  };
  if (!(header instanceof Uint8Array && carried instanceof Uint8Array && bytes instanceof Uint8Array)) return null;
  if (version !== 1 || number !== 1 || !(unprotected instanceof Map) || unprotected.size > 0) return null;
  const externalAad = encode(["Sealane", 1, Number(mechanism), 1, Number(sender), Number(suite)]);
  const signer = (["x5chain", "x5t"] as const).find((each) => headers[each].equals(header));
  if (signer === undefined) return null;
  if (vector.suite.startsWith("rsa")) {
    const payload = recovered(publicKey, { signature: bytes, rest: carried, header, externalAad });
    return payload === null ? null : { signer, payload };
  }
  const covered = encode(["Signature1", header, externalAad, carried]);
  const isRight =
    vector.suite === "p256"
      ? verify("sha256", covered, { key: publicKey, dsaEncoding: "ieee-p1363" }, bytes) && bytes[32] !== undefined && bytes[32] < 0x80
      : verify(null, covered, publicKey, bytes);
  return isRight ? { signer, payload: carried } : null;
}

/** The whole payload of a signature with recovery: block by block as the tables of docs/protocol.md have it. */
function recovered(
  publicKey: ReturnType<typeof createPublicKey>,
  given: { readonly signature: Uint8Array; readonly rest: Uint8Array; readonly header: Uint8Array; readonly externalAad: Uint8Array },
): Uint8Array | null {
  const { signature, rest, header, externalAad } = given;
  const block = publicDecrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, signature);
  const bytes = block.length;
  const masked = block.subarray(0, bytes - 33);
  const digest = block.subarray(bytes - 33, bytes - 1);
  const data = masked.map((byte, at) => byte ^ (mask(digest, at >> 5)[at & 31] ?? 0));
  data[0] = (data[0] ?? 0) & 0x7f;
  const mark = data.indexOf(1);
  if (block[bytes - 1] !== 0xbc || data.subarray(0, mark).some((byte) => byte !== 0)) return null;
  const first = data.subarray(mark + 1, -32);
  if (rest.length > 0 && first.length !== bytes - 66) return null;
  const bits = Buffer.alloc(8);
  bits.writeBigUInt64BE(8n * BigInt(first.length));
  const other = sha256(encode(["Sealane PSS-R", header, externalAad, first.length + rest.length, rest]));
  const expected = sha256(Buffer.concat([bits, first, other, data.subarray(-32)]));
  return expected.equals(digest) ? Buffer.concat([first, rest]) : null;
}

/** One hash of MGF1 (RFC 8017, appendix B.2.1). */
function mask(seed: Uint8Array, counter: number): Buffer {
  return sha256(Buffer.concat([seed, Buffer.of(0, 0, 0, counter)]));
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
