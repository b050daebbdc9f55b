import { createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type KeyKind, SoftwareKey } from "@sealane/crypto";

/**
 * RSA keys that stand in this folder for everybody to read, so that tests need not make any, which takes long. They are worth
 * nothing and protect nothing. Four of each size: two parties need two each, one that signs and one that decrypts.
 */

const fixed = new Map<KeyKind, { readonly keys: readonly SoftwareKey[]; drawn: number }>();

/** A key for a test: a new one, or of the RSA kinds the next of the four fixed ones, so that any four in a row differ. */
export function testKey(kind: KeyKind): SoftwareKey {
  if (!kind.startsWith("rsa")) return SoftwareKey.generate(kind);
  const all = fixed.get(kind) ?? { keys: readKeys(kind), drawn: 0 };
  fixed.set(kind, all);
  const key = all.keys[all.drawn++ % all.keys.length];
  if (key === undefined) throw new Error(`There is no fixed key of kind ${kind}.`);
  return key;
}

function readKeys(kind: KeyKind): readonly SoftwareKey[] {
  const pem = readFileSync(resolve(import.meta.dirname, `${kind}.pem`), "utf8");
  const blocks = pem.match(/-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----/g) ?? [];
  return blocks.map((block) => SoftwareKey.fromPkcs8(createPrivateKey(block).export({ type: "pkcs8", format: "der" })));
}
