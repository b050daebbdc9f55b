import { createDecipheriv, createHash, createHmac } from "node:crypto";

/**
 * A second implementation of opening, written from docs/protocol.md and nothing of this package or of package wire: CBOR by
 * hand, HKDF by HMAC, one segment after the other. Every fault is a plain Error.
 */
export function openIndependently(
  artefact: Uint8Array,
  contentKey: Uint8Array,
): { plaintext: Buffer; artefactId: string; listDigest: string } {
  const file = Buffer.from(artefact);
  let at = 0;
  const head = (major: number): number => {
    const first = file.readUInt8(at++);
    if (first >> 5 !== major) throw new Error(`major type ${first >> 5} at ${at - 1}, not ${major}`);
    const width = [1, 2, 4, 8][(first & 31) - 24];
    if ((first & 31) < 24) return first & 31;
    if (width === undefined) throw new Error("width");
    const value = width === 8 ? Number(file.readBigUInt64BE(at)) : file.readUIntBE(at, width);
    at += width;
    return value;
  };
  const bytes = (major: number): Buffer => {
    const length = head(major);
    at += length;
    return file.subarray(at - length, at);
  };
  if (head(4) !== 7) throw new Error("not seven fields");
  const format = bytes(3);
  if (format.toString() !== "sealane-artefact-1") throw new Error("format");
  const salt = bytes(2);
  const plaintextBytes = head(0);
  const segmentBytes = head(0);
  const commitment = bytes(2);
  const bodySha256 = bytes(2);
  const listStart = at;
  const sealedList = bytes(2);
  const header = file.subarray(0, at);
  const body = file.subarray(at);
  if (!createHash("sha256").update(body).digest().equals(bodySha256)) throw new Error("body");

  const expand = (purpose: string, length: number): Buffer => {
    const info = Buffer.concat([Buffer.of(0x83), text("Sealane artefact"), text(purpose), byteString(salt)]);
    return createHmac("sha256", contentKey).update(info).update(Buffer.of(1)).digest().subarray(0, length);
  };
  if (!expand("commitment", 32).equals(commitment)) throw new Error("commitment");
  const common = file.subarray(1, 1 + 19 + 34 + number(plaintextBytes).length + number(segmentBytes).length);
  const listHead = number(sealedList.length).length;
  const beforeList = file.subarray(1, listStart);
  if (!file.subarray(listStart, listStart + listHead).equals(byteStringHead(sealedList.length))) throw new Error("list head");
  const list = decrypt(expand("list key", 32), Buffer.alloc(12), Buffer.concat([Buffer.of(0x86), beforeList]), sealedList);

  const prefix = expand("nonce prefix", 7);
  const segmentKey = expand("segment key", 32);
  const pieces: Buffer[] = [];
  for (let index = 0, start = 0; start < body.length; index++) {
    const end = Math.min(start + segmentBytes + 16, body.length);
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(index);
    const nonce = Buffer.concat([prefix, counter, Buffer.of(end === body.length ? 1 : 0)]);
    const aad = Buffer.concat([Buffer.of(0x85), common, number(index)]);
    const piece = decrypt(segmentKey, nonce, aad, body.subarray(start, end));
    if (
      !createHash("sha256")
        .update(piece)
        .digest()
        .equals(list.subarray(index * 32, index * 32 + 32))
    )
      throw new Error("digest");
    pieces.push(piece);
    start = end;
  }
  if (list.length !== pieces.length * 32) throw new Error("list length");
  const plaintext = Buffer.concat(pieces);
  if (plaintext.length !== plaintextBytes) throw new Error("length");
  const hex = (input: Buffer): string => createHash("sha256").update(input).digest("hex");
  return { plaintext, artefactId: hex(header), listDigest: hex(list) };
}

function decrypt(key: Buffer, nonce: Buffer, aad: Buffer, sealed: Buffer): Buffer {
  const decipher = createDecipheriv("aes-256-gcm", key, nonce);
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
}

function number(value: number, major = 0): Buffer {
  const tag = major << 5;
  if (value < 24) return Buffer.of(tag | value);
  if (value < 0x100) return Buffer.of(tag | 24, value);
  if (value < 0x1_0000) return Buffer.of(tag | 25, value >> 8, value & 255);
  const wide = Buffer.alloc(value < 2 ** 32 ? 5 : 9, tag | (value < 2 ** 32 ? 26 : 27));
  if (wide.length === 5) wide.writeUInt32BE(value, 1);
  else wide.writeBigUInt64BE(BigInt(value), 1);
  return wide;
}

function byteStringHead(length: number): Buffer {
  return number(length, 2);
}

function byteString(bytes: Buffer): Buffer {
  return Buffer.concat([byteStringHead(bytes.length), bytes]);
}

function text(value: string): Buffer {
  return Buffer.concat([number(value.length, 3), Buffer.from(value)]);
}
