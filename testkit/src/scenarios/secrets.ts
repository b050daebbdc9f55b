import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { parseEnrolToken } from "@sealane/api";
import { demand } from "./failure.ts";

/** A secret and what it is called in a finding. */
export interface KnownSecret {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Bytes of a secret that are looked for: a shorter part might be in an output by chance. */
const windowBytes = 16;

/** Finds what must never be printed below a folder: private keys, storage keys, and the words in token files. */
export function secretsBelow(folder: string): readonly KnownSecret[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).flatMap((name) => secretsIn(join(folder, name), name));
}

function secretsIn(path: string, name: string): KnownSecret[] {
  if (!/\.pem$|\.token$|(?:^|\/)storage\.key$/.test(name) || !statSync(path).isFile()) return [];
  const content = readFileSync(path);
  if (name.endsWith(".pem")) {
    const [, base64 = ""] = /-----BEGIN [A-Z ]*PRIVATE KEY-----([^-]*)-----END/.exec(content.toString("latin1")) ?? [];
    const pkcs8 = Buffer.from(base64, "base64");
    return [{ name, bytes: pkcs8.subarray(-32) }]; // what stands before it is the same in every key
  }
  if (!name.endsWith(".token")) return [{ name, bytes: content }];
  const word = content.toString("utf8").trim();
  return [
    { name, bytes: Buffer.from(word) },
    { name: `the bytes of ${name}`, bytes: word.includes(".") ? parseEnrolToken(word).tokenSecret : Buffer.from(word, "base64url") },
  ];
}

/** Fails when a text holds a secret: as it is, in hex, in base64 of any alignment, or as numbers. */
export function demandNoSecret(texts: readonly { readonly from: string; readonly text: string }[], secrets: readonly KnownSecret[]): void {
  const patterns = secrets.flatMap(({ name, bytes }) =>
    windowsOf(bytes).flatMap((window) => formsOf(window).map((form) => ({ name, form }))),
  );
  for (const { from, text } of texts) {
    const views = [text, text.replaceAll(/\s/g, ""), text.replaceAll(/\s/g, "").toLowerCase()];
    for (const { name, form } of patterns) {
      demand(!views.some((view) => view.includes(form)), `The secret ${basename(name)} stands in the output of ${from}.`);
    }
  }
}

/** The beginning and the end of a secret. */
function windowsOf(bytes: Uint8Array): readonly Buffer[] {
  const all = Buffer.from(bytes);
  demand(all.length >= windowBytes, "A secret is shorter than what is looked for.");
  return [all.subarray(0, windowBytes), all.subarray(-windowBytes)];
}

/** How bytes would look in a text. */
export function formsOf(bytes: Uint8Array): readonly string[] {
  const all = Buffer.from(bytes);
  return [all.toString("latin1"), all.toString("hex"), all.join(","), ...base64Forms(all)];
}

/** The characters of base64 and base64url that do not depend on what stands before and behind. */
function base64Forms(window: Buffer): string[] {
  return [0, 1, 2].flatMap((shift) => {
    const shifted = Buffer.concat([Buffer.alloc(shift), window]);
    const whole = Math.floor(shifted.length / 3) * 3;
    const from = shift === 0 ? 0 : 4;
    return (["base64", "base64url"] as const).map((form) => shifted.subarray(0, whole).toString(form).slice(from));
  });
}
