import { type SigningKey, SoftwareKey } from "@sealane/crypto";
import { concatBytes } from "@sealane/wire";

/** Certificates written by hand, so that every field can be made wrong; independent of the issuing library. */

/** One DER element. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const content = concatBytes(...contents);
  const { length } = content;
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return concatBytes(Uint8Array.of(tag, ...head), content);
}

export const sequence = (...contents: readonly Uint8Array[]): Uint8Array => der(0x30, ...contents);
export const integer = (...bytes: readonly number[]): Uint8Array => der(0x02, Uint8Array.from(bytes));
export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
export const utcTime = (text: string): Uint8Array => der(0x17, utf8(text));
export const generalizedTime = (text: string): Uint8Array => der(0x18, utf8(text));
const bitString = (bytes: Uint8Array): Uint8Array => der(0x03, Uint8Array.of(0), bytes);

/** An OBJECT IDENTIFIER. */
export function oid(dotted: string): Uint8Array {
  const [first = 0n, second = 0n, ...rest] = dotted.split(".").map(BigInt);
  const arcs = [first * 40n + second, ...rest];
  const digits = (arc: bigint): number[] => (arc < 128n ? [Number(arc)] : [...digits(arc >> 7n), Number(arc & 127n)]);
  const marked = arcs.flatMap((arc) => digits(arc).map((digit, i, all) => (i === all.length - 1 ? digit : digit | 0x80)));
  return der(0x06, Uint8Array.from(marked));
}

/** A Name of one common name; the empty text gives an empty Name. */
export function distinguishedName(commonName: string): Uint8Array {
  return commonName === "" ? sequence() : sequence(der(0x31, sequence(oid("2.5.4.3"), der(0x0c, utf8(commonName)))));
}

/** An extension; `value` is the DER inside the octet string. */
export function extension(dotted: string, options: { readonly critical: boolean; readonly value: Uint8Array }): Uint8Array {
  const critical = options.critical ? [Uint8Array.of(1, 1, 0xff)] : [];
  return sequence(oid(dotted), ...critical, der(0x04, options.value));
}

const uri = (text: string): Uint8Array => der(0x86, utf8(text));
const arc = "2.25.273132093521790191817862106249223041910";

export const subjectAltName = (...uris: readonly string[]): Uint8Array =>
  extension("2.5.29.17", { critical: true, value: sequence(...uris.map(uri)) });
export const purposeUsage = (...numbers: readonly number[]): Uint8Array =>
  extension("2.5.29.37", { critical: true, value: sequence(...numbers.map((number) => oid(`${arc}.${number}`))) });
/** `bits` as they stand in the BIT STRING: the count of unused bits, then the bytes. */
export const keyUsage = (...bits: readonly number[]): Uint8Array =>
  extension("2.5.29.15", { critical: true, value: der(0x03, Uint8Array.from(bits)) });
export const digitalSignature: Uint8Array = keyUsage(7, 0x80);
export const keyAgreement: Uint8Array = keyUsage(3, 0x08);
export const certificateSigning: Uint8Array = keyUsage(1, 0x06);
export const constraints = (...contents: readonly Uint8Array[]): Uint8Array =>
  extension("2.5.29.19", { critical: true, value: sequence(...contents) });
export const isAuthority: Uint8Array = Uint8Array.of(1, 1, 0xff);

export const ed25519Algorithm: Uint8Array = sequence(oid("1.3.101.112"));

/** Every field of a certificate, as DER; what is left out is right. */
export interface Forgery {
  readonly version?: Uint8Array;
  readonly serial?: Uint8Array;
  readonly innerAlgorithm?: Uint8Array;
  readonly issuer?: Uint8Array;
  readonly validity?: Uint8Array;
  readonly subject?: Uint8Array;
  readonly spki?: Uint8Array;
  readonly uniqueIdentifier?: Uint8Array;
  readonly extensions?: readonly Uint8Array[];
  readonly afterExtensions?: Uint8Array;
  readonly outerAlgorithm?: Uint8Array;
  readonly signature?: Uint8Array;
  readonly afterSignature?: Uint8Array;
}

/** The validity of all forged certificates unless told: the years 2020 to 2039. */
const validity: Uint8Array = sequence(utcTime("200101000000Z"), utcTime("391231235959Z"));
export const validNowSeconds = 1_767_225_600; // 2026-01-01
export const leafKey: SoftwareKey = SoftwareKey.generate("ed25519");
export const rootKey: SoftwareKey = SoftwareKey.generate("ed25519");
export const rootName: Uint8Array = distinguishedName("root");

/** The extensions of a right leaf for `terminal-sign` named `terminal:1`. */
export const leafExtensions: readonly Uint8Array[] = [subjectAltName("urn:sealane:terminal:1"), digitalSignature, purposeUsage(1)];

/** Writes a certificate, by default a right leaf below `rootName`, and signs it. */
export async function forge(forgery: Forgery = {}, signer: SigningKey = rootKey.signingKey()): Promise<Uint8Array> {
  const toBeSigned = sequence(
    forgery.version ?? der(0xa0, integer(2)),
    forgery.serial ?? integer(0x42),
    forgery.innerAlgorithm ?? ed25519Algorithm,
    forgery.issuer ?? rootName,
    forgery.validity ?? validity,
    forgery.subject ?? distinguishedName(""),
    forgery.spki ?? leafKey.publicKey.spki,
    forgery.uniqueIdentifier ?? new Uint8Array(0),
    forgery.extensions?.length === 0 ? new Uint8Array(0) : der(0xa3, sequence(...(forgery.extensions ?? leafExtensions))),
    forgery.afterExtensions ?? new Uint8Array(0),
  );
  return sequence(
    toBeSigned,
    forgery.outerAlgorithm ?? forgery.innerAlgorithm ?? ed25519Algorithm,
    bitString(forgery.signature ?? (await signer.sign(toBeSigned))),
    forgery.afterSignature ?? new Uint8Array(0),
  );
}

/** An authority's forgery; `certifies` are the numbers of the purposes that it lists, none where it is left out. */
export type AuthorityForgery = Forgery & {
  readonly pathLength?: number;
  readonly key?: SoftwareKey;
  readonly certifies?: readonly number[] | undefined;
};

/** Writes an authority's certificate, self-signed unless issuer and signer are told. */
export async function forgeAuthority(forgery: AuthorityForgery = {}, signer?: SigningKey): Promise<Uint8Array> {
  const { pathLength, key = rootKey, certifies, ...fields } = forgery;
  const limit = pathLength === undefined ? [] : [integer(pathLength)];
  const list = certifies === undefined ? [] : [purposeUsage(...certifies)];
  const extensions = [constraints(isAuthority, ...limit), certificateSigning, ...list];
  return await forge({ subject: rootName, spki: key.publicKey.spki, extensions, ...fields }, signer ?? key.signingKey());
}
