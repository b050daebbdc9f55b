import { concatBytes } from "@sealane/wire";

/**
 * The DER of keys of one finite-field group: dhKeyAgreement with p, g = 2 and nothing else (PKCS #3, section 9), around y or an
 * exponent as an INTEGER (RFC 3279, section 2.3.3). Numbers are big-endian.
 */

const tag = { integer: 0x02, bitString: 0x03, octetString: 0x04, sequence: 0x30 } as const;
/** 1.2.840.113549.1.3.1 */
const dhKeyAgreement = Uint8Array.fromHex("06092a864886f70d010301");
const [zero, two] = [Uint8Array.of(0), Uint8Array.of(2)];

/** The AlgorithmIdentifier of a prime's group. */
export function dhAlgorithm(prime: Uint8Array): Uint8Array {
  return element(tag.sequence, dhKeyAgreement, element(tag.sequence, integer(prime), integer(two)));
}

/** SubjectPublicKeyInfo of y. */
export function dhSpki(algorithm: Uint8Array, y: Uint8Array): Uint8Array {
  return element(tag.sequence, algorithm, element(tag.bitString, zero, integer(y)));
}

/** What stands in PKCS #8 before an exponent of so many bytes, the first of them 0x01 to 0x7f. */
export function dhPkcs8Prefix(algorithm: Uint8Array, exponentBytes: number): Uint8Array {
  const exponent = new Uint8Array(exponentBytes).fill(1);
  const whole = element(tag.sequence, integer(zero), algorithm, element(tag.octetString, integer(exponent)));
  return whole.subarray(0, -exponentBytes);
}

/** Where the AlgorithmIdentifier stands: these are longer than 255 bytes, so that the length before it has always two. */
const algorithmAt = 4;

/** Whether an SPKI as OpenSSL writes it is of this group, and says no more of it. */
export function isOfAlgorithm(spki: Uint8Array, algorithm: Uint8Array): boolean {
  return Buffer.compare(spki.subarray(algorithmAt, algorithmAt + algorithm.length), algorithm) === 0;
}

/** y in an SPKI of this group as OpenSSL writes it, without leading zeros; only {@link dhSpki} of it tells whether the SPKI is that. */
export function yOf(spki: Uint8Array, algorithm: Uint8Array): Uint8Array {
  const bits = contentOf(spki.subarray(algorithmAt + algorithm.length));
  return withoutLeadingZeros(contentOf(bits.subarray(1)));
}

/** The content of an element that nothing follows. */
function contentOf(der: Uint8Array): Uint8Array {
  const [, length = 0] = der;
  return der.subarray(length < 0x80 ? 2 : 2 + (length & 0x7f));
}

function element(tagByte: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = concatBytes(...parts);
  const { length } = content;
  if (length < 0x80) return concatBytes(Uint8Array.of(tagByte, length), content);
  if (length < 0x100) return concatBytes(Uint8Array.of(tagByte, 0x81, length), content);
  return concatBytes(Uint8Array.of(tagByte, 0x82, length >> 8, length & 0xff), content);
}

function integer(unsigned: Uint8Array): Uint8Array {
  const shortest = withoutLeadingZeros(unsigned);
  const [first = 0] = shortest;
  return shortest.length === 0 || first >= 0x80 ? element(tag.integer, zero, shortest) : element(tag.integer, shortest);
}

function withoutLeadingZeros(unsigned: Uint8Array): Uint8Array {
  const start = unsigned.findIndex((byte) => byte !== 0);
  return start === -1 ? unsigned.subarray(unsigned.length) : unsigned.subarray(start);
}
