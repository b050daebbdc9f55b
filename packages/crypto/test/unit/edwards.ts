/**
 * Curve25519 in BigInt, slow and for tests alone: an oracle that shares no code with OpenSSL.
 * Formulas: RFC 8032, section 5.1, and RFC 7748, section 5.
 */

export const p: bigint = 2n ** 255n - 19n;
/** Order of the base point. */
export const order: bigint = 2n ** 252n + 27_742_317_777_372_353_535_851_937_790_883_648_493n;

const d = mod(-121_665n * invert(121_666n));

export interface Point {
  readonly x: bigint;
  readonly y: bigint;
}

/** B of RFC 8032: y = 4/5, x even. */
export const basePoint: Point = {
  x: 15_112_221_349_535_400_772_501_151_409_588_531_511_454_012_693_041_857_206_046_113_283_949_847_762_202n,
  y: mod(4n * invert(5n)),
};

export const identity: Point = { x: 0n, y: 1n };

export function mod(value: bigint, modulus: bigint = p): bigint {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let factor = mod(base), left = exponent; left > 0n; left >>= 1n, factor = mod(factor * factor)) {
    if (left & 1n) result = mod(result * factor);
  }
  return result;
}

export function invert(value: bigint): bigint {
  return power(value, p - 2n);
}

export function multiply(scalar: bigint, point: Point): Point {
  let result: Projective = [0n, 1n, 1n];
  for (let left = scalar, doubled: Projective = [point.x, point.y, 1n]; left > 0n; left >>= 1n, doubled = add(doubled, doubled)) {
    if (left & 1n) result = add(result, doubled);
  }
  const [x, y, z] = result;
  const inverse = invert(z);
  return { x: mod(x * inverse), y: mod(y * inverse) };
}

type Projective = readonly [bigint, bigint, bigint];

/** The addition law, complete on this curve, with denominators kept apart. */
function add([x1, y1, z1]: Projective, [x2, y2, z2]: Projective): Projective {
  const z = mod(z1 * z2);
  const [xx, yy] = [mod(x1 * x2), mod(y1 * y2)];
  const crossed = mod(d * xx * yy);
  const [f, g] = [mod(z * z - crossed), mod(z * z + crossed)];
  return [mod(mod(z * f) * ((x1 + y1) * (x2 + y2) - xx - yy)), mod(mod(z * g) * (yy + xx)), mod(f * g)];
}

/** A point with this y, or null when the curve has none. */
export function pointOf(y: bigint): Point | null {
  const square = mod((y * y - 1n) * invert(d * y * y + 1n));
  const root = power(square, (p + 3n) / 8n);
  for (const x of [root, mod(root * power(2n, (p - 1n) / 4n))]) if (mod(x * x) === square) return { x, y };
  return null;
}

export function encodePoint({ x, y }: Point): Uint8Array {
  const bytes = littleEndian(y);
  bytes[31] = (bytes[31] ?? 0) | Number((x & 1n) << 7n);
  return bytes;
}

/** The eight points whose order divides 8. */
export function smallOrderPoints(): readonly Point[] {
  for (let y = 2n; ; y++) {
    const point = pointOf(y);
    const torsion = point === null ? identity : multiply(order, point);
    if (multiply(4n, torsion).y !== 1n) return Array.from({ length: 8 }, (_, i) => multiply(BigInt(i), torsion));
  }
}

/** The u-coordinate of scalar times the point with this u; 0 stands for infinity. */
export function ladder(scalar: bigint, u: bigint): bigint {
  let [x2, z2, x3, z3] = [1n, 0n, mod(u), 1n];
  for (let bit = 254n; bit >= 0n; bit--) {
    const swap = (scalar >> bit) & 1n;
    if (swap) [x2, x3, z2, z3] = [x3, x2, z3, z2];
    const [a, b, c, e] = [x2 + z2, x2 - z2, x3 + z3, x3 - z3];
    const [da, cb] = [mod(e * a), mod(c * b)];
    const [aa, bb] = [mod(a * a), mod(b * b)];
    [x3, z3] = [mod((da + cb) ** 2n), mod(u * mod((da - cb) ** 2n))];
    [x2, z2] = [mod(aa * bb), mod((aa - bb) * (aa + 121_665n * (aa - bb)))];
    if (swap) [x2, x3, z2, z3] = [x3, x2, z3, z2];
  }
  return mod(x2 * invert(z2));
}

export function littleEndian(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
}

export function fromLittleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
}
