import { hpkeX25519, type RecoveryAlgorithm, SoftwareKey, systemRandom, verifySignature } from "@sealane/crypto";
import { type CborValue, concatBytes, encode, Tagged } from "@sealane/wire";
import {
  decryptWith,
  encryptTo,
  mac0,
  openUnderKey,
  openWithPrivateKey,
  recoverSign1,
  sealToPublicKey,
  sealUnderKey,
  sign1,
  signRecoverably,
  verifyMac0,
  verifySign1,
} from "../../src/index.ts";

export const payload: Uint8Array = Buffer.from("what is protected");
export const externalAad: Uint8Array = encode(["Sealane", 1, 2, 3]);

export const signer: SoftwareKey = SoftwareKey.generate("ed25519");
export const reader: SoftwareKey = SoftwareKey.generate("x25519");
export const stranger: SoftwareKey = SoftwareKey.generate("x25519");
const shared = systemRandom.bytes(32);
const recipients = [stranger, reader].map(({ publicKey }) => ({ publicKey }));

/** What the double below gives back by itself. */
export const recoveredBytes = 8;

/** In the place of RSA: an Ed25519 signature behind the first bytes of its message. */
export const recovery: RecoveryAlgorithm = {
  coseId: -65539,
  async sign(key, message, { protectedBytes, externalAad: aad }) {
    const signature = await key.sign(encode([protectedBytes, aad, message]));
    return { signature: concatBytes(message.subarray(0, recoveredBytes), signature), rest: message.subarray(recoveredBytes) };
  },
  recover(publicKey, { signature, rest }, { protectedBytes, externalAad: aad }) {
    const message = concatBytes(signature.subarray(0, recoveredBytes), rest);
    verifySignature(publicKey, encode([protectedBytes, aad, message]), signature.subarray(recoveredBytes));
    return message;
  },
};

/** One way to protect `payload`, and its reader. */
export interface Structure {
  readonly name: string;
  readonly tagged: boolean;
  /** Labels that stand in the unprotected header. */
  readonly unprotected: readonly number[];
  /** The code when what is covered is not what was protected. */
  readonly failure: "CRYPTO_SIGNATURE_WRONG" | "CRYPTO_MAC_WRONG" | "CRYPTO_OPEN_FAILED";
  protect(): Promise<CborValue>;
  read(value: CborValue, aad?: Uint8Array): Promise<Uint8Array>;
  readWithOtherKey(value: CborValue): Promise<Uint8Array>;
}

export const structures: readonly Structure[] = [
  signStructure({ name: "COSE_Sign1", tagged: false }),
  signStructure({ name: "COSE_Sign1, tagged", tagged: true }),
  {
    name: "COSE_Sign1, detached",
    tagged: false,
    unprotected: [],
    failure: "CRYPTO_SIGNATURE_WRONG",
    protect: () => sign1(signer.signingKey(), { payload, externalAad, detached: true }),
    read: async (value, aad = externalAad) =>
      verifySign1(value, { publicKey: signer.publicKey, externalAad: aad, detachedPayload: payload }),
    readWithOtherKey: async (value) =>
      verifySign1(value, { publicKey: SoftwareKey.generate("ed25519").publicKey, externalAad, detachedPayload: payload }),
  },
  {
    name: "COSE_Sign1 that gives its payload back",
    tagged: false,
    unprotected: [],
    failure: "CRYPTO_SIGNATURE_WRONG",
    protect: () => signRecoverably(recovery, signer.signingKey(), { payload, externalAad }),
    read: async (value, aad = externalAad) => recoverSign1(recovery, value, { publicKey: signer.publicKey, externalAad: aad }),
    readWithOtherKey: async (value) => recoverSign1(recovery, value, { publicKey: SoftwareKey.generate("ed25519").publicKey, externalAad }),
  },
  {
    name: "COSE_Mac0",
    tagged: true,
    unprotected: [],
    failure: "CRYPTO_MAC_WRONG",
    protect: async () => mac0(shared, { payload, externalAad }),
    read: async (value, aad = externalAad) => verifyMac0(shared, value, aad),
    readWithOtherKey: async (value) => verifyMac0(new Uint8Array(32), value, externalAad),
  },
  {
    name: "COSE_Encrypt0 by HPKE",
    tagged: false,
    unprotected: [-4],
    failure: "CRYPTO_OPEN_FAILED",
    protect: async () =>
      sealToPublicKey(hpkeX25519, { publicKey: reader.publicKey, random: systemRandom }, { plaintext: payload, externalAad }),
    read: (value, aad = externalAad) => openWithPrivateKey(hpkeX25519, reader.decryptionKey(), { value, externalAad: aad }),
    readWithOtherKey: (value) => openWithPrivateKey(hpkeX25519, stranger.decryptionKey(), { value, externalAad }),
  },
  {
    name: "COSE_Encrypt0 under a key",
    tagged: true,
    unprotected: [5],
    failure: "CRYPTO_OPEN_FAILED",
    protect: async () => sealUnderKey(shared, systemRandom, { plaintext: payload, externalAad }),
    read: async (value, aad = externalAad) => openUnderKey(shared, { value, externalAad: aad }),
    readWithOtherKey: async (value) => openUnderKey(new Uint8Array(32), { value, externalAad }),
  },
  {
    name: "COSE_Encrypt",
    tagged: true,
    unprotected: [5],
    failure: "CRYPTO_OPEN_FAILED",
    protect: async () => encryptTo(hpkeX25519, recipients, systemRandom, { plaintext: payload, externalAad }),
    read: (value, aad = externalAad) => decryptWith(hpkeX25519, reader.decryptionKey(), { value, externalAad: aad }),
    readWithOtherKey: (value) => decryptWith(hpkeX25519, SoftwareKey.generate("x25519").decryptionKey(), { value, externalAad }),
  },
];

/** The elements of a structure, without its tag. */
export function elementsOf(value: CborValue): CborValue[] {
  const items: CborValue = value instanceof Tagged ? value.value : value;
  if (!Array.isArray(items)) throw new TypeError("not a structure");
  return [...items];
}

/** The structure with one of its elements replaced. */
export function withElement(value: CborValue, index: number, element: CborValue): CborValue {
  const items = elementsOf(value);
  items[index] = element;
  return value instanceof Tagged ? new Tagged(value.tag, items) : items;
}

/** The element that must be a byte string. */
export function bytesAt(value: CborValue, index: number): Uint8Array {
  const element = elementsOf(value)[index];
  if (!(element instanceof Uint8Array)) throw new TypeError("not bytes");
  return element;
}

function signStructure({ name, tagged }: { readonly name: string; readonly tagged: boolean }): Structure {
  return {
    name,
    tagged,
    unprotected: [],
    failure: "CRYPTO_SIGNATURE_WRONG",
    protect: () => sign1(signer.signingKey(), { payload, externalAad, tagged }),
    read: async (value, aad = externalAad) => verifySign1(value, { publicKey: signer.publicKey, externalAad: aad, tagged }),
    readWithOtherKey: async (value) => verifySign1(value, { publicKey: SoftwareKey.generate("ed25519").publicKey, externalAad, tagged }),
  };
}
