/** Arithmetic on public numbers: the primes of RFC 7919, and which numbers lie in the subgroup of order q = (p - 1) / 2. */

/** The prime of RFC 7919, appendix A, of a length in bits: p = 2^b - 2^(b-64) + (floor(2^(b-130) e) + X) 2^64 - 1. */
export function rfc7919Prime(bits: number, x: bigint): bigint {
  const b = BigInt(bits);
  return 2n ** b - 2n ** (b - 64n) + ((eulerTimesPowerOfTwo(bits - 130) + x) << 64n) - 1n;
}

/** floor(2^bits e), as the sum of 1/k! with as many bits more as its truncated terms cannot reach. */
function eulerTimesPowerOfTwo(bits: number): bigint {
  const guardBits = 64n;
  let sum = 0n;
  for (let term = 1n << (BigInt(bits) + guardBits), k = 1n; term > 0n; term /= k, k++) sum += term;
  return sum >> guardBits;
}

/**
 * The Jacobi symbol of a number of at least 0 over an odd modulus, by the binary algorithm (Cohen, A Course in Computational
 * Algebraic Number Theory, section 1.4). Over a safe prime it is 1 for the numbers y with y^q = 1, and found far sooner than that power.
 */
export function jacobi(number: bigint, modulus: bigint): -1 | 0 | 1 {
  let [a, n]: [bigint, bigint] = [number % modulus, modulus];
  let isNegative = false;
  while (a !== 0n) {
    const low = Number(BigInt.asUintN(32, a));
    if (low === 0) {
      a >>= 32n; // an even number of factors 2 changes nothing
      continue;
    }
    const zeros = 31 - Math.clz32(low & -low);
    a >>= BigInt(zeros);
    const restOfN = Number(BigInt.asUintN(3, n));
    if (zeros % 2 === 1 && (restOfN === 3 || restOfN === 5)) isNegative = !isNegative; // (2 / n)
    if (a < n) {
      if (restOfN % 4 === 3 && BigInt.asUintN(2, a) === 3n) isNegative = !isNegative; // reciprocity
      [a, n] = [n, a];
    }
    a -= n; // even, for both are odd
  }
  if (n !== 1n) return 0;
  return isNegative ? -1 : 1;
}
