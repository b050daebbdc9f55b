import { createHash, createHmac } from "node:crypto";
import type { Vector } from "./vector.ts";

/**
 * The key schedule of docs/protocol.md once more, on node:crypto alone: what a second implementation computes, with its own table of
 * which certificates a mechanism uses.
 */

type Purpose = "sign" | "decrypt" | "agree";
interface Used {
  readonly number: number;
  readonly mode: string | null;
  readonly originator: readonly Purpose[];
  readonly recipient: readonly Purpose[];
  readonly names: { readonly originator: boolean; readonly recipient: boolean };
  /** How many of the messages th covers. */
  readonly messages: number;
}

const both = { originator: true, recipient: true };
const recipientOnly = { originator: false, recipient: true };
const originatorOnly = { originator: true, recipient: false };

function usedBy({ mechanism, form }: Vector): Used {
  const agree: readonly Purpose[] = form === "encrypted" ? ["agree", "decrypt"] : ["agree"];
  switch (mechanism) {
    case "signed-transport":
      return { number: 1, mode: null, originator: ["sign"], recipient: ["decrypt"], names: both, messages: 1 };
    case "recovered-transport":
      return { number: 2, mode: null, originator: ["sign"], recipient: ["decrypt"], names: both, messages: 1 };
    case "open-broadcast":
      return { number: 3, mode: null, originator: ["sign"], recipient: [], names: originatorOnly, messages: 1 };
    case "group-broadcast":
      return { number: 4, mode: null, originator: ["sign"], recipient: [], names: originatorOnly, messages: 1 };
    case "anonymous-transport":
      return { number: 5, mode: null, originator: [], recipient: ["decrypt"], names: recipientOnly, messages: 1 };
    case "anonymous-agreement":
      return { number: 6, mode: form, originator: [], recipient: agree, names: recipientOnly, messages: 1 };
    case "signed-agreement":
      return { number: 7, mode: form, originator: ["sign"], recipient: agree, names: both, messages: 1 };
    case "mutual-nonce":
      return { number: 8, mode: null, originator: ["decrypt"], recipient: ["decrypt"], names: both, messages: 3 };
    case "mutual-certified":
      return form === "two-way"
        ? { number: 9, mode: form, originator: ["sign", "decrypt"], recipient: ["sign", "decrypt"], names: both, messages: 2 }
        : { number: 9, mode: form, originator: ["sign", "decrypt"], recipient: ["decrypt"], names: both, messages: 1 };
    case "mutual-agreement":
      return { number: 10, mode: form, originator: ["sign", "decrypt"], recipient: ["decrypt"], names: both, messages: 2 };
  }
}

/** A party as the file has it. */
export interface PlainParty {
  readonly name: string;
  readonly keys: readonly { readonly purpose: string; readonly kind: string; readonly privateKey: string; readonly certificate: string }[];
}

/** The number of a suite, and the kinds of its keys. */
interface PlainSuite extends Readonly<Record<Purpose, string>> {
  readonly number: number;
}

const suites: Readonly<Record<Vector["suite"], PlainSuite>> = {
  x25519: { number: 1, sign: "ed25519", decrypt: "x25519", agree: "x25519" },
  hybrid: { number: 2, sign: "ed25519", decrypt: "x-wing", agree: "x-wing" },
  p256: { number: 3, sign: "p256", decrypt: "p256", agree: "p256" },
  rsa2048: { number: 4, sign: "rsa2048", decrypt: "rsa2048", agree: "ffdhe2048" },
  rsa3072: { number: 5, sign: "rsa3072", decrypt: "rsa3072", agree: "ffdhe3072" },
  rsa4096: { number: 6, sign: "rsa4096", decrypt: "rsa4096", agree: "ffdhe4096" },
  pq: { number: 7, sign: "ml-dsa-65", decrypt: "x-wing", agree: "x-wing" },
};

/** The key of a party for a suite and a purpose. */
export function keyOf(party: PlainParty, suite: Vector["suite"], purpose: Purpose): PlainParty["keys"][number] {
  const found = party.keys.find((key) => key.purpose.endsWith(`-${purpose}`) && key.kind === suites[suite][purpose]);
  if (found === undefined) throw new Error(`${party.name} has no key of ${suite} for ${purpose}`);
  return found;
}

const roleNumbers = { server: 1, terminal: 2 } as const;

/** th, in hex. */
export function transcriptHash(vector: Vector, parties: { readonly server: PlainParty; readonly terminal: PlainParty }): string {
  const used = usedBy(vector);
  const { originator: role, suite, group } = vector;
  const [from, to] = role === "server" ? [parties.server, parties.terminal] : [parties.terminal, parties.server];
  const credentials = (party: PlainParty, purposes: readonly Purpose[]): Plain =>
    (["sign", "decrypt", "agree"] as const).map((purpose) => {
      if (!purposes.includes(purpose)) return null;
      return [0, sha256(fromHex(keyOf(party, suite, purpose).certificate))];
    });
  const groupValue: Plain = group === null ? null : [group.groupId, group.epoch, signedPublicDigest(vector)];
  const transcript: Plain = [
    "Sealane th",
    1,
    used.number,
    used.mode,
    suites[suite].number,
    roleNumbers[role],
    used.names.originator ? from.name : null,
    used.names.recipient ? to.name : null,
    credentials(from, used.originator),
    credentials(to, used.recipient),
    groupValue,
    vector.messages.slice(0, used.messages).map((message) => sha256(fromHex(message))),
  ];
  return sha256(encode(transcript)).toString("hex");
}

/** A key of 32 or 16 bytes, in hex: Expand(PRK, ["Sealane", 1, purpose, suite, th]). */
export function derived({ prk, suite, th }: Vector, purpose: Plain, length: number): string {
  return expand(fromHex(prk ?? ""), encode(["Sealane", 1, purpose, suites[suite].number, fromHex(th)]), length).toString("hex");
}

/** The first session keys, in hex. */
export function sessionKeys(vector: Vector, count: number): readonly string[] {
  let ratchet = derived(vector, "series seed", 32);
  return Array.from({ length: count }, (_, index) => {
    const key = derived({ ...vector, prk: ratchet }, ["session key", index], 32);
    ratchet = derived({ ...vector, prk: ratchet }, ["ratchet", index], 32);
    return key;
  });
}

/** HKDF-Extract of the salt and the secret, in hex (RFC 5869, section 2.2). */
export function extract(salt: Uint8Array, secret: Uint8Array): string {
  return createHmac("sha256", salt).update(secret).digest("hex");
}

/** What the transcript is made of, in deterministic CBOR (RFC 8949, section 4.2.1). */
export type Plain = null | number | string | Uint8Array | readonly Plain[];

export function encode(value: Plain): Buffer {
  if (value === null) return Buffer.of(0xf6);
  if (typeof value === "number" && value < 0) return head(1, -1 - value);
  if (typeof value === "number") return head(0, value);
  if (typeof value === "string") return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (value instanceof Uint8Array) return Buffer.concat([head(2, value.length), value]);
  return Buffer.concat([head(4, value.length), ...value.map(encode)]);
}

function head(major: number, argument: number): Buffer {
  if (argument < 24) return Buffer.of((major << 5) | argument);
  if (argument < 0x100) return Buffer.of((major << 5) | 24, argument);
  if (argument < 0x10000) return Buffer.of((major << 5) | 25, argument >> 8, argument & 0xff);
  return Buffer.of((major << 5) | 26, argument >>> 24, (argument >> 16) & 0xff, (argument >> 8) & 0xff, argument & 0xff);
}

function expand(key: Uint8Array, info: Uint8Array, length: number): Buffer {
  return createHmac("sha256", key).update(info).update(Uint8Array.of(1)).digest().subarray(0, length);
}

/** SHA-256 of g^x, as M1 signs it: the 32 bytes behind the group's id and epoch. */
function signedPublicDigest({ messages, group }: Vector): Uint8Array {
  const message = fromHex(messages[0] ?? "");
  const name = encode([group?.groupId ?? null, group?.epoch ?? null]).subarray(1);
  const at = message.indexOf(name) + name.length + 2;
  return message.subarray(at, at + 32);
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}

function fromHex(hex: string): Buffer {
  return Buffer.from(hex, "hex");
}
