import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runSeed, seededRandom } from "@sealane/testkit";
import { ffdheGroup } from "../../src/ffdhe.ts";
import { ffdheAgreement, Secret, SoftwareKey } from "../../src/index.ts";
import { jacobi } from "../../src/safe-prime.ts";
import { derivedExponent, kemIds } from "../unit/dhkem-oracle.ts";
import { bigEndian, ffdheKinds, numberIn, power, primeOf } from "../unit/finite-field.ts";

/** The finite-field groups against arithmetic of our own, which takes seconds. */

const random = seededRandom(`ffdhe ${runSeed}`);

/** A random number below a modulus, as even as 64 bits more than it has make it. */
function randomBelow(modulus: bigint): bigint {
  return numberIn(random.bytes(Math.ceil(modulus.toString(16).length / 2) + 8)) % modulus;
}

/** The inverse for a prime modulus, by Euclid's algorithm. */
function inverse(value: bigint, modulus: bigint): bigint {
  let [rest, next] = [modulus, value % modulus];
  let [factor, nextFactor] = [0n, 1n];
  while (next > 0n) {
    const quotient = rest / next;
    [rest, next] = [next, rest % next];
    [factor, nextFactor] = [nextFactor, factor - quotient * nextFactor];
  }
  return factor < 0n ? factor + modulus : factor;
}

for (const kind of ffdheKinds) {
  describe(`${kind}, seed ${runSeed}`, () => {
    const p = primeOf(kind);
    const q = (p - 1n) / 2n;
    const { valueBytes, modulus } = ffdheGroup(kind);

    test("KGRP: has the prime of RFC 7919 by its formula, a safe one, and 2 generates its subgroup", () => {
      assert.equal(numberIn(modulus), p);
      assert.equal(p.toString(2).length, 8 * valueBytes);
      assert.equal(power(3n, q - 1n, q), 1n); // q is prime, by Fermat's test
      assert.equal(power(2n, q, p), 1n); // with that p is prime, by Pocklington's theorem
    });

    test("KGRP: knows the subgroup of order q by the Jacobi symbol as by the power y^q", () => {
      const fixed = [1n, 2n, 4n, p - 1n, p - 2n, 3n * 2n ** 31n, 3n * 2n ** 32n, 3n * 2n ** 33n, 5n * 2n ** 64n, q];
      const numbers = [...fixed, ...Array.from({ length: 8 }, () => randomBelow(p))];
      assert.deepEqual(
        numbers.map((y) => jacobi(y, p)),
        numbers.map((y) => (power(y, q, p) === 1n ? 1 : -1)),
      );
      for (const y of numbers) assert.deepEqual([jacobi((y * y) % p, p), jacobi(p - ((y * y) % p), p)], [1, -1]);
      for (let odd = 1n; odd < 60n; odd += 2n) {
        for (const zeros of [1n, 31n, 32n, 33n, 64n, 100n]) assert.equal(jacobi(odd << zeros, p), jacobi(odd, p), "2 is a square");
      }
      assert.deepEqual([jacobi(0n, p), jacobi(p, p), jacobi(p + 4n, p)], [0, 0, 1]);
    });

    test("KGRP: a generated key is of the subgroup and agrees on g^xy", async () => {
      const key = SoftwareKey.generate(kind).agreementKey();
      const y = numberIn(key.publicKey.raw);
      const exponent = randomBelow(2n ** 384n);
      const agreed = await key.agree(bigEndian(power(2n, exponent, p), valueBytes));
      agreed.use((shared) => assert.equal(shared.toHex(), bigEndian(power(y, exponent, p), valueBytes).toHex()));
      assert.equal(power(y, q, p), 1n);
    });

    test("KGRP: a seed gives the exponent that HKDF expands of it, and the secret has its leading zeros", () => {
      const agreement = ffdheAgreement(kind);
      const seed = random.bytes(32);
      const exponent = (numberIn(derivedExponent(kemIds[kind], seed, 48)) % 2n ** 382n) + 2n ** 382n;
      const publicValue = agreement.publicOf(Secret.copy("agreement seed", seed));
      assert.equal(publicValue.toHex(), bigEndian(power(2n, exponent, p), valueBytes).toHex());
      for (const zeros of [0, 1, 2, 8, valueBytes - 1]) {
        const result = 2n ** BigInt(8 * (valueBytes - zeros) - 2); // y^x for y = result^(1/x)
        const value = bigEndian(power(result, inverse(exponent, q), p), valueBytes);
        const shared = agreement.complete(Secret.copy("agreement seed", seed), value);
        shared.use((secret) => assert.equal(secret.toHex(), bigEndian(result, valueBytes).toHex()));
      }
    });
  });
}

test("the Jacobi symbol is that of its definition for small moduli", () => {
  const legendre = (a: bigint, prime: bigint): bigint => {
    const symbol = power(a, (prime - 1n) / 2n, prime);
    return symbol === prime - 1n ? -1n : symbol;
  };
  for (const [first, second] of [
    [3n, 5n],
    [7n, 11n],
    [5n, 13n],
    [3n, 3n],
  ] as const) {
    for (let a = 0n; a < 200n; a++) {
      assert.equal(BigInt(jacobi(a, first)), legendre(a, first));
      assert.equal(BigInt(jacobi(a, first * second)), legendre(a, first) * legendre(a, second));
    }
  }
});
