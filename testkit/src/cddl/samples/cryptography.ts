import crypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";
import { type CborValue, concatBytes, decode, encode } from "@sealane/wire";
import type { Samples } from "./sample.ts";

type Call = (this: unknown, ...args: unknown[]) => unknown;

/** What a call gave, and copies of what it was given: the code wipes secrets after use. */
type Watch = (result: unknown, given: readonly unknown[]) => void;

/**
 * Watches what the code gives to `node:crypto` and takes it as samples of `$to-sign`, `$to-encrypt`, `$to-hash` and `$to-expand`, so
 * that none of it has to be rebuilt, and none can be forgotten: everything that is signed and encrypted, and all that is hashed or
 * expanded under a label, in this process until it is disposed of.
 */
export function watchCryptography(samples: Samples): Disposable {
  const restorers = [
    watch(crypto, "sign", (_, [, message]) => takeSigned(samples, message)),
    watch(crypto, "hash", (_, [, message]) => takeHashed(samples, message)),
    watch(crypto, "createHmac", (hmac) => watchExpansion(hmac, samples)),
    watch(crypto, "createCipheriv", (cipher) => watchCipher(cipher, (_, [plaintext]) => plaintext, samples)),
    watch(crypto, "createDecipheriv", (cipher) => watchCipher(cipher, (plaintext) => plaintext, samples)),
  ];
  syncBuiltinESMExports();
  return {
    [Symbol.dispose]: () => {
      for (const restore of restorers) restore();
      syncBuiltinESMExports();
    },
  };
}

/** Certificates are signed as DER, whose first byte begins no array of CBOR. */
const derSequence = 0x30;

/** Third elements of external_aad that only their own party ever sees: rows of the server's database. */
const privateLabels: readonly CborValue[] = ["row", "row key"];

function takeSigned(samples: Samples, message: unknown): void {
  const bytes = bytesOf(message);
  if (bytes[0] !== derSequence) samples.see("$to-sign", bytes);
}

function takeHashed(samples: Samples, message: unknown): void {
  if (message instanceof Uint8Array && labelled(message) !== null) samples.see("$to-hash", message);
}

/** HKDF-Expand is HMAC over `info` and one byte that counts (RFC 5869, section 2.3), of which each is a piece of its own. */
function watchExpansion(hmac: unknown, samples: Samples): void {
  let last: Uint8Array = new Uint8Array(0);
  watch(hmac, "update", (_, [message]) => {
    const piece = bytesOf(message);
    const parts = piece.length === 1 ? labelled(last) : null;
    if (parts !== null && !isPrivate(parts)) samples.see("$to-expand", last);
    last = piece;
  });
}

function takeEncrypted(samples: Samples, aad: Uint8Array, plaintext: Uint8Array): void {
  const external = labelled(aad)?.[2]; // of an Enc_structure
  const parts = external instanceof Uint8Array ? labelled(external) : null;
  if (parts === null || !isPrivate(parts)) samples.see("$to-encrypt", encode([aad, plaintext]));
}

function isPrivate(parts: readonly CborValue[]): boolean {
  return parts[0] === "Sealane" && privateLabels.some((label) => label === parts[2]);
}

/** The elements of an array that begins with a label; null for other bytes. */
function labelled(bytes: Uint8Array): readonly CborValue[] | null {
  if (bytes[0] === undefined || bytes[0] >> 5 !== 4) return null;
  try {
    const value = decode(bytes, bytes.length);
    if (!Array.isArray(value)) return null;
    const [label] = value as readonly CborValue[];
    return typeof label === "string" && /^[A-Za-z][ -~]{3,}$/.test(label) ? (value as readonly CborValue[]) : null;
  } catch {
    return null;
  }
}

/** Takes AAD and plaintext when a cipher ends; a decipher with a wrong tag does not come to its end. */
function watchCipher(cipher: unknown, plaintextOf: (result: unknown, given: readonly unknown[]) => unknown, samples: Samples): void {
  let aad: Uint8Array = new Uint8Array();
  const pieces: Uint8Array[] = [];
  watch(cipher, "setAAD", (_, [bytes]) => {
    aad = bytesOf(bytes);
  });
  watch(cipher, "update", (result, given) => void pieces.push(Uint8Array.from(bytesOf(plaintextOf(result, given)))));
  watch(cipher, "final", () => takeEncrypted(samples, aad, concatBytes(...pieces)));
}

/** Lets `then` see every call of a method; gives what undoes it. */
function watch(owner: unknown, name: string, then: Watch): () => void {
  const methods = owner as Record<string, Call>;
  const original = methods[name];
  if (original === undefined) throw new Error(`there is no ${name} to be watched`);
  methods[name] = function (...args) {
    const given = args.map((each) => (each instanceof Uint8Array ? Uint8Array.from(each) : each));
    const result = original.apply(this, args);
    then(result, given);
    return result;
  };
  return () => {
    methods[name] = original;
  };
}

function bytesOf(given: unknown): Uint8Array {
  if (!(given instanceof Uint8Array)) throw new Error("node:crypto was given or gave no bytes");
  return given;
}
