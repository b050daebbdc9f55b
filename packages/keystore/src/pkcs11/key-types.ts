import { createPublicKey } from "node:crypto";
import { type FfdheKind, ffdheGroup, type KeyKind, type KeyPurpose, PublicKey } from "@sealane/crypto";
import { equalBytes } from "@sealane/wire";
import { keystoreErrors } from "../errors.ts";
import { attributes, keyTypes, mechanisms } from "./constants.ts";
import type { Attribute, Mechanism } from "./cryptoki.ts";
import { refusalIn } from "./refusal.ts";

/** What a token is told and asked about the keys of one kind. */
export interface TokenKeyType {
  readonly kind: KeyKind;
  /** The mechanisms that make such a key, the first that a token has being used. */
  readonly generators: readonly number[];
  /** What its keys are good for, and what that takes. */
  readonly uses: Readonly<Partial<Record<KeyPurpose, TokenUse>>>;
  /** What the public half's template says of the kind. */
  readonly parameters: readonly Attribute[];
}

/** What a purpose takes. */
export interface TokenUse {
  /** The attribute that allows a key to do it. */
  readonly usage: number;
  /** The mechanism that the token does it by. */
  readonly mechanism: number;
}

const derives: TokenUse = { usage: attributes.derive, mechanism: mechanisms.ecdh };
const signsBy = (mechanism: number): TokenUse => ({ usage: attributes.sign, mechanism });

/** Reads an attribute of a public key, or of what is public of a private one; null where the token has none to show. */
export type AttributeReader = (type: number) => Uint8Array | null;

const rsaExponent = Buffer.from([1, 0, 1]);

function rsa(kind: KeyKind, bits: number): TokenKeyType {
  return {
    kind,
    generators: [mechanisms.rsaGenerate],
    uses: { sign: signsBy(mechanisms.rsaPss), decrypt: { usage: attributes.decrypt, mechanism: mechanisms.rsaRaw } },
    parameters: [
      { type: attributes.modulusBits, value: bits },
      { type: attributes.publicExponent, value: rsaExponent },
    ],
  };
}

interface Curve extends TokenKeyType {
  /** CKA_EC_PARAMS as it is met, in hex; keys are made by the first. */
  readonly encodings: readonly string[];
  /** Bytes of a point. */
  readonly pointBytes: number;
}

function curve(type: Omit<Curve, "parameters">): Curve {
  const [own = ""] = type.encodings;
  return { ...type, parameters: [{ type: attributes.ecParameters, value: Buffer.from(own, "hex") }] };
}

/** Object identifiers (SEC 2; RFC 8410, section 3; those of PKCS #11 3.0) and names as PrintableString. */
const curves: readonly Curve[] = [
  curve({
    kind: "p256",
    generators: [mechanisms.ecGenerate],
    uses: { sign: signsBy(mechanisms.ecdsa), decrypt: derives, agree: derives },
    pointBytes: 65,
    encodings: ["06082a8648ce3d030107"],
  }),
  curve({
    kind: "ed25519",
    generators: [mechanisms.edwardsGenerate],
    uses: { sign: signsBy(mechanisms.eddsa) },
    pointBytes: 32,
    encodings: ["06032b6570", "130c656477617264733235353139", "06092b06010401da470f01"],
  }),
  curve({
    kind: "x25519",
    generators: [mechanisms.montgomeryGenerate, mechanisms.edwardsGenerate], // the second is SoftHSM's way
    uses: { decrypt: derives, agree: derives },
    pointBytes: 32,
    encodings: ["06032b656e", "130a63757276653235353139", "060a2b060104019755010501"],
  }),
];

/** A group of RFC 7919, which PKCS #11 knows as any prime with a base (CKK_DH); a prime is only made when it is needed. */
function finiteField(kind: FfdheKind): TokenKeyType {
  return {
    kind,
    generators: [mechanisms.dhGenerate],
    uses: { agree: { usage: attributes.derive, mechanism: mechanisms.dh } },
    get parameters() {
      const prime = Buffer.from(ffdheGroup(kind).modulus);
      return [
        { type: attributes.prime, value: prime },
        { type: attributes.base, value: ffdheBase },
      ];
    },
  };
}

const ffdheKinds: readonly FfdheKind[] = ["ffdhe2048", "ffdhe3072", "ffdhe4096"];
const ffdheBase = Buffer.from([2]);

const types: readonly TokenKeyType[] = [
  ...curves,
  rsa("rsa2048", 2048),
  rsa("rsa3072", 3072),
  rsa("rsa4096", 4096),
  ...ffdheKinds.map(finiteField),
];

/** What there is to know of a kind. Error: KEYSTORE_TOKEN_KIND_UNSUPPORTED for kinds that PKCS #11 tokens do not have. */
export function tokenKeyType(kind: KeyKind): TokenKeyType {
  const found = types.find((type) => type.kind === kind);
  if (found === undefined) throw keystoreErrors.error("KEYSTORE_TOKEN_KIND_UNSUPPORTED", { kind });
  return found;
}

/** Whether a token that offers these mechanisms can make such a key and use it to this purpose. */
export function canKeep(
  offered: ReadonlySet<number>,
  { kind, purpose }: { readonly kind: KeyKind; readonly purpose: KeyPurpose },
): boolean {
  const type = types.find((each) => each.kind === kind);
  const use = type?.uses[purpose];
  return type !== undefined && use !== undefined && offered.has(use.mechanism) && type.generators.some((each) => offered.has(each));
}

/** The mechanism by which a token makes a key. Error: KEYSTORE_TOKEN_KIND_UNSUPPORTED. */
export function generatorOf(type: TokenKeyType, offered: ReadonlySet<number>): Mechanism {
  const mechanism = type.generators.find((candidate) => offered.has(candidate));
  if (mechanism === undefined) throw keystoreErrors.error("KEYSTORE_TOKEN_KIND_UNSUPPORTED", { kind: type.kind });
  return { mechanism };
}

/** The public key that a token's attributes tell. Error: KEYSTORE_TOKEN_KEY_WRONG. */
export function publicKeyFrom(read: AttributeReader): PublicKey {
  try {
    const type = read(attributes.keyType)?.[0];
    if (type === keyTypes.rsa) return rsaPublicKey(read);
    if (type === keyTypes.dh) return finiteFieldPublicKey(read);
    if (type === keyTypes.ec || type === keyTypes.ecEdwards || type === keyTypes.ecMontgomery) return curvePublicKey(read);
  } catch (cause) {
    throw refusalIn(cause) === null ? keystoreErrors.error("KEYSTORE_TOKEN_KEY_WRONG", {}, cause) : cause;
  }
  throw keystoreErrors.error("KEYSTORE_TOKEN_KEY_WRONG");
}

function rsaPublicKey(read: AttributeReader): PublicKey {
  const number = (type: number): string => Buffer.from(withoutLeadingZeros(required(read(type)))).toString("base64url");
  const jwk = { kty: "RSA", n: number(attributes.modulus), e: number(attributes.publicExponent) };
  return PublicKey.fromObject(createPublicKey({ key: jwk, format: "jwk" }));
}

/** A point stands in a DER OCTET STRING (PKCS #11, CKA_EC_POINT); some tokens leave that away. */
function curvePublicKey(read: AttributeReader): PublicKey {
  const parameters = required(read(attributes.ecParameters)).toHex();
  const found = curves.find(({ encodings }) => encodings.includes(parameters));
  const point = required(read(attributes.ecPoint));
  if (found === undefined) throw keystoreErrors.error("KEYSTORE_TOKEN_KEY_WRONG", { curve: parameters });
  const octetString = Uint8Array.of(0x04, found.pointBytes);
  const wrapped = point.length === found.pointBytes + 2 && equalBytes(point.subarray(0, 2), octetString);
  return PublicKey.fromRaw(found.kind, wrapped ? point.subarray(2) : point);
}

/** CKA_VALUE is y; only the groups that are used here are recognised. */
function finiteFieldPublicKey(read: AttributeReader): PublicKey {
  const [prime, base, y] = [attributes.prime, attributes.base, attributes.value].map((type) => withoutLeadingZeros(required(read(type))));
  const kind = ffdheKinds.find((each) => prime !== undefined && equalBytes(ffdheGroup(each).modulus, prime));
  if (kind === undefined || base === undefined || y === undefined || !equalBytes(base, ffdheBase)) {
    throw keystoreErrors.error("KEYSTORE_TOKEN_KEY_WRONG", { group: "other than RFC 7919" });
  }
  return PublicKey.fromRaw(kind, paddedTo(ffdheGroup(kind).valueBytes, y));
}

/** A number in its full length, with zeros at its front; a longer one stays as it is. */
function paddedTo(length: number, number: Uint8Array): Uint8Array {
  if (number.length >= length) return number;
  const padded = new Uint8Array(length);
  padded.set(number, length - number.length);
  return padded;
}

function withoutLeadingZeros(number: Uint8Array): Uint8Array {
  const first = number.findIndex((byte) => byte !== 0);
  return first === -1 ? number : number.subarray(first);
}

function required(value: Uint8Array | null): Uint8Array {
  if (value === null) throw keystoreErrors.error("KEYSTORE_TOKEN_KEY_WRONG");
  return value;
}
