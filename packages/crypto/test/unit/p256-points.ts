import { bigEndian, der, numberIn } from "./finite-field.ts";

/** The field and the constant of P-256 (SEC 2, section 2.4.2). */
const p = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
const b = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

/** Whether an uncompressed point is on the curve: y^2 = x^3 - 3x + b. */
export function isOnP256(point: Uint8Array): boolean {
  const [x, y] = [numberIn(point.subarray(1, 33)), numberIn(point.subarray(33))];
  return (y * y - (x ** 3n - 3n * x + b)) % p === 0n;
}

/** The point whose x is 0, which has room for a second encoding: x = p. */
export function secondEncodingOfX(): { readonly point: Uint8Array; readonly second: Uint8Array } {
  const y = 0x66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4n; // the root of b
  const withX = (x: bigint): Uint8Array => Uint8Array.of(4, ...bigEndian(x, 32), ...bigEndian(y, 32));
  return { point: withX(0n), second: withX(p) };
}

/** What is no uncompressed point of the curve: off it, infinity, compressed, hybrid, a coordinate of p. */
export function wrongPoints(point: Uint8Array): readonly Uint8Array[] {
  const offCurve = Uint8Array.from(point, (byte, at) => (at === 64 ? byte ^ 1 : byte));
  const parity = (point[64] ?? 0) & 1;
  return [
    offCurve,
    Uint8Array.of(4, ...new Uint8Array(64)),
    new Uint8Array(65),
    Uint8Array.of(0),
    Uint8Array.of(2 + parity, ...point.subarray(1, 33)),
    Uint8Array.of(6 + parity, ...point.subarray(1)),
    Uint8Array.of(5, ...point.subarray(1)),
    point.subarray(1),
    secondEncodingOfX().second,
  ];
}

const idEcPublicKey = Buffer.from("06072a8648ce3d0201", "hex");
const namedP256 = der.sequence(idEcPublicKey, Buffer.from("06082a8648ce3d030107", "hex"));

/** The AlgorithmIdentifier with the curve spelled out (ECParameters of SEC 1, appendix C.2). */
export const explicitP256: Buffer = der.sequence(
  idEcPublicKey,
  der.sequence(
    der.integer(1n),
    der.sequence(Buffer.from("06072a8648ce3d0101", "hex"), der.integer(p)),
    der.sequence(der.element(4, bigEndian(p - 3n, 32)), der.element(4, bigEndian(b, 32))),
    der.element(
      4,
      Buffer.from(
        "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
        "hex",
      ),
    ),
    der.integer(0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n),
    der.integer(1n),
  ),
);

/** SubjectPublicKeyInfo around any bytes. */
export function p256Spki(point: Uint8Array, algorithm: Uint8Array = namedP256): Buffer {
  return der.sequence(algorithm, der.element(3, Buffer.of(0), point));
}
