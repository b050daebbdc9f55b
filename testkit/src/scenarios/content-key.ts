import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openWithPrivateKey } from "@sealane/cose";
import { defaultSuite, sha256 } from "@sealane/crypto";
import { protocolLabel, protocolVersion } from "@sealane/link";
import { type CborValue, decode, encode } from "@sealane/wire";
import { demand } from "./failure.ts";
import type { KnownSecret } from "./secrets.ts";
import { decryptionKeyOf } from "./terminal-key.ts";

/** Bytes of a download's record at most. */
const maxRecordBytes = 65_536;

/**
 * The content key of what a terminal has fetched and not installed yet: its record is [version, licence, release, time, key, ...], the key
 * encrypted to the terminal.
 */
export async function contentKeyOf(terminalState: string): Promise<KnownSecret> {
  const downloads = join(terminalState, "downloads");
  const [id] = readdirSync(downloads);
  demand(id !== undefined, "Nothing was fetched.");
  const record = decode(readFileSync(join(downloads, id, "fetch.cbor")), maxRecordBytes);
  const [, licence, , , kept] = Array.isArray(record) ? (record as readonly CborValue[]) : [];
  demand(licence instanceof Uint8Array && kept instanceof Uint8Array, "The record of a download is of another form.");
  const externalAad = encode([protocolLabel, protocolVersion, "terminal content key", Uint8Array.fromHex(id), sha256(licence)]);
  const value = decode(kept, maxRecordBytes);
  const key = await decryptionKeyOf(terminalState, defaultSuite);
  return { name: "content key", bytes: await openWithPrivateKey(defaultSuite.encryption, key, { value, externalAad }) };
}
